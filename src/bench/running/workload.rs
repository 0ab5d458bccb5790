//! What go builds: std from a module without packages, or a small module that is written here.

use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

const GO_MOD: &str = "go.mod";
/// Functions of a generated package: enough that its archive is no tiny object.
const FUNCTIONS: u32 = 40;
/// The date of generated files: go does not index a package with files younger than 2 s, and the date is part of its keys.
const DATE: Duration = Duration::from_secs(1_700_000_000);

/// A folder in which `go build` is run.
#[derive(Debug)]
pub struct Workload {
    pub folder: PathBuf,
    generated: bool,
}

impl Workload {
    /// Makes `folder`: a module of that many packages, or one without any, so that a go.mod further up is never read.
    pub fn create(folder: &Path, generated_packages: Option<u32>) -> Result<Workload> {
        let make = || -> std::io::Result<()> {
            std::fs::create_dir(folder)?;
            write_module(folder, generated_packages.unwrap_or(0))
        };
        make().with_context(|| format!("cannot write the module to build in {}", folder.display()))?;
        Ok(Workload { folder: folder.to_owned(), generated: generated_packages.is_some() })
    }

    /// Removes what a build left: go would not link a program again that is there already.
    pub fn reset(&self) -> Result<()> {
        if self.generated {
            return Ok(()); // Its packages are no programs.
        }
        let clear = || -> std::io::Result<()> {
            for entry in std::fs::read_dir(&self.folder)? {
                let path = entry?.path();
                if !path.ends_with(GO_MOD) {
                    std::fs::remove_file(path)?;
                }
            }
            Ok(())
        };
        clear().with_context(|| format!("cannot clear {}", self.folder.display()))
    }
}

fn write_module(folder: &Path, packages: u32) -> std::io::Result<()> {
    write_dated(&folder.join(GO_MOD), "module small.example\n\ngo 1.24\n")?;
    for number in 0..packages {
        let package = folder.join(format!("p{number:02}"));
        std::fs::create_dir(&package)?;
        write_dated(&package.join("p.go"), &source(number))?;
        File::open(&package)?.set_modified(date())?;
    }
    File::open(folder)?.set_modified(date())
}

fn write_dated(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(path, text)?;
    File::options().write(true).open(path)?.set_modified(date())
}

fn date() -> SystemTime {
    SystemTime::UNIX_EPOCH + DATE
}

/// Each package imports two earlier ones, so that go has to wait for some and can build others side by side.
fn source(number: u32) -> String {
    let mut imports = vec![number / 2, number / 3];
    imports.dedup();
    imports.retain(|import| *import != number);
    let mut text = format!("// Package p{number:02} is written by bench.\npackage p{number:02}\n\n");
    let mut sum = String::from("x");
    for import in imports {
        writeln!(text, "import \"small.example/p{import:02}\"").expect("a String takes everything");
        write!(sum, " + p{import:02}.F0(x)").expect("a String takes everything");
    }
    for function in 0..FUNCTIONS {
        let factor = number * FUNCTIONS + function + 1;
        write!(
            text,
            "\n// F{function} mixes its argument.\nfunc F{function}(x int) int {{\n\tfor i := 0; i < {factor}; i++ \
             {{\n\t\tx ^= x<<5 + i*{factor}\n\t}}\n\treturn {sum}\n}}\n"
        )
        .expect("a String takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_the_same_every_time_and_dated_back() {
        let parent = tempfile::tempdir().unwrap();
        let read = |name: &str| {
            let folder = parent.path().join(name);
            Workload::create(&folder, Some(4)).unwrap();
            let file = folder.join("p03/p.go");
            let age = file.metadata().unwrap().modified().unwrap();
            (std::fs::read_to_string(file).unwrap(), age)
        };
        let (first, age) = read("one");
        assert_eq!((first.clone(), age), read("two"));
        assert_eq!(age, date());
        assert!(first.contains("import \"small.example/p01\""), "{first}");
    }

    #[test]
    fn a_program_left_by_a_build_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let workload = Workload::create(&parent.path().join("empty"), None).unwrap();
        std::fs::write(workload.folder.join("gofmt"), "program").unwrap();
        workload.reset().unwrap();
        assert!(!workload.folder.join("gofmt").exists() && workload.folder.join("go.mod").is_file());
    }
}
