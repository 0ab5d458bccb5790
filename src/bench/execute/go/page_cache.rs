//! Warms the page cache: the first run must not be the one that reads the toolchain, or the C compiler, from disk.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::execute::go::toolchain::Go;
use crate::execute::process::command;
use crate::execute::process::interrupt::Interrupt;
use crate::execute::round_runner::RoundRunner;

/// Reads what every go build reads, and the executables of the backends. Returns the bytes read.
///
/// Files that cannot be read are passed over: go will report them better.
pub fn page_cache(go: &Go, executables: &[&Path], interrupt: &Interrupt) -> u64 {
    let folders = ["src", "pkg/tool", "pkg/include"];
    let mut bytes = read_file(&go.binary) + executables.iter().copied().map(read_file).sum::<u64>();
    for folder in folders {
        bytes += read_folder(&go.root.join(folder), interrupt);
    }
    bytes
}

/// Builds the one package of std that takes a C compiler, into a GOCACHE of its own, with the compiler of the user's
/// module where that is built.
///
/// Where cgo is off, go refuses at once and there is nothing to warm. Any other error comes up in the first round.
pub fn c_compiler(runner: &RoundRunner<'_>) {
    let work = &runner.folder.work.path;
    let mut command = runner.go.command(&["build", "runtime/cgo"], work, &work.join("warm"), &runner.folders);
    runner.workload.configure(&mut command);
    // Packages of std need no module, and a go.mod in a parent folder must not count.
    command.env("GO111MODULE", "off").env("GOFLAGS", "").env("GOWORK", "off");
    let _ = command::run(&mut command, &work.join("warm.log"), runner.interrupt, |_| {});
}

fn read_folder(folder: &Path, interrupt: &Interrupt) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let mut bytes = 0;
    for entry in entries.flatten() {
        if interrupt.requested() {
            break;
        }
        bytes += match entry.file_type() {
            Ok(kind) if kind.is_dir() => read_folder(&entry.path(), interrupt),
            Ok(kind) if kind.is_file() => read_file(&entry.path()),
            _ => 0,
        };
    }
    bytes
}

fn read_file(path: &Path) -> u64 {
    let Ok(mut file) = File::open(path) else {
        return 0;
    };
    io::copy(&mut file, &mut io::sink()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_file_below() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("a/b")).unwrap();
        std::fs::write(root.path().join("a/b/x"), "12345").unwrap();
        std::fs::write(root.path().join("y"), "123").unwrap();
        assert_eq!(read_folder(root.path(), &Interrupt::default()), 8);
        assert_eq!(read_folder(&root.path().join("none"), &Interrupt::default()), 0);
    }
}
