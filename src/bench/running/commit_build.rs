//! Builds bench at a commit, for its backend. The dependencies come from the build that runs, and what was built stays for the
//! next comparison.

use std::fs::File;
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use xxhash_rust::xxh3::Xxh3;

use super::build_log::tail;
use super::interrupt::Interrupt;
use super::process;
use super::repository::{Commit, Repository};
use super::tree;

/// Its folder below the target folder of the running bench.
const FOLDER: &str = "compare";
/// The profile of `cargo build`, and that of a bench whose folder says nothing else.
const DEV: &str = "debug";
/// Variables that change what cargo makes of the same files.
const CHANGE_BUILDS: [&str; 4] = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_PROFILE_", "CARGO_BUILD_"];
/// How files and folders of our own package begin below the target folder: they are of another commit.
const OWN: [&str; 2] = ["cacheprog-", "libgocacheprog-"];

/// What was built of commits, and what builds more.
#[derive(Debug)]
pub struct CommitBuilds {
    repository: Repository,
    /// All that is kept.
    folder: PathBuf,
    /// Folder of the running bench's profile, which holds the dependencies.
    own: PathBuf,
    /// Name of that folder: commits are built in the same profile.
    profile: String,
    /// Of what beside the commit decides what comes out.
    key: u64,
}

impl CommitBuilds {
    /// For the commits of `repository`; `executable` is the running bench.
    ///
    /// # Errors
    /// When there is no compiler.
    pub fn new(repository: Repository, executable: &Path) -> Result<CommitBuilds> {
        let of_cargo = executable.parent().filter(|folder| folder.join(".fingerprint").is_dir());
        let own = of_cargo.map_or_else(|| repository.root.join("target").join(DEV), Path::to_owned);
        let profile = own.file_name().and_then(|name| name.to_str()).unwrap_or(DEV).to_owned();
        let folder = own.with_file_name(FOLDER);
        Ok(CommitBuilds { key: key()?, repository, folder, own, profile })
    }

    /// Where the bench of a commit is, or will be.
    pub fn executable(&self, commit: &Commit) -> PathBuf {
        self.folder.join(format!("{}-{:016x}", commit.hash, self.key)).join("bench")
    }

    /// Builds the bench of a commit. An interrupt ends that without an error.
    ///
    /// # Errors
    /// When its files cannot be written, or cargo fails.
    pub fn build(&self, commit: &Commit, interrupt: &Interrupt) -> Result<()> {
        let executable = self.executable(commit);
        let place = executable.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(place).with_context(|| format!("cannot make the folder {}", place.display()))?;
        let _lock = self.lock().with_context(|| format!("cannot lock {}", self.folder.display()))?;
        self.take_dependencies()
            .with_context(|| format!("cannot copy the dependencies from {}", self.own.display()))?;
        // Outside the repository, whose own settings of cargo are none of the commit's. It goes away by itself.
        let checkout = tempfile::tempdir().context("cannot make a temporary folder")?;
        let files = checkout.path().join("files");
        self.repository.write_files(commit, &files, &checkout.path().join("index"))?;
        let log = place.join("build.log");
        let built = process::run(&mut self.cargo(&files), &log, interrupt, |_| {})?;
        if interrupt.requested() {
            return Ok(());
        }
        if !built.status.success() {
            return Err(failed(commit, &built.status.to_string(), &log));
        }
        let fresh = executable.with_extension("new");
        std::fs::copy(self.folder.join(&self.profile).join("bench"), &fresh)
            .and_then(|_| std::fs::rename(&fresh, &executable))
            .with_context(|| format!("cannot write {}", executable.display()))
    }

    fn cargo(&self, files: &Path) -> Command {
        // What started bench by `cargo run` is the cargo to take.
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["build", "--bin", "bench"]).current_dir(files).env("CARGO_TARGET_DIR", &self.folder);
        if self.profile != DEV {
            command.args(["--profile", &self.profile]);
        }
        command
    }

    /// Two comparisons must not build different commits at once. Held until it is dropped.
    fn lock(&self) -> std::io::Result<File> {
        let lock = File::create(self.folder.join("lock"))?;
        lock.lock()?;
        Ok(lock)
    }

    /// Once: copies what the running bench was linked of, so that cargo finds it up to date.
    fn take_dependencies(&self) -> std::io::Result<()> {
        let target = self.folder.join(&self.profile);
        if target.exists() || !self.own.is_dir() {
            return Ok(());
        }
        let fresh = tempfile::tempdir_in(&self.folder)?;
        for part in ["deps", "build", ".fingerprint"] {
            std::fs::create_dir(fresh.path().join(part))?;
            tree::copy_but(&self.own.join(part), &fresh.path().join(part), &is_no_dependency)?;
        }
        // Whole, or not at all.
        std::fs::rename(fresh.keep(), target)
    }
}

/// Whether a file or folder below a target folder is of our own package; executables are, and have no ending.
fn is_no_dependency(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_of_deps = path.parent().is_some_and(|folder| folder.ends_with("deps"));
    OWN.iter().any(|own| name.starts_with(own)) || is_of_deps && path.extension().is_none()
}

/// Of the compiler, and of the variables that steer it.
fn key() -> Result<u64> {
    let rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV").output();
    let rustc = rustc.context("cannot start rustc, and building a commit takes it\n  next:  install Rust")?;
    let mut key = Xxh3::new();
    key.write(&rustc.stdout);
    let steers = |name: &str| CHANGE_BUILDS.iter().any(|prefix| name.starts_with(prefix));
    let mut set: Vec<_> = std::env::vars_os().filter(|(name, _)| steers(&name.to_string_lossy())).collect();
    set.sort();
    set.iter().for_each(|(name, value)| key.write(format!("{name:?}={value:?}\n").as_bytes()));
    Ok(key.finish())
}

fn failed(commit: &Commit, how: &str, log: &Path) -> anyhow::Error {
    anyhow::anyhow!(
        "{} does not build ({how})\n  tried: cargo build --bin bench, of its files alone\n  cargo said:\n  {}\n  \
         next:  give a commit that builds; all that cargo said is in {}",
        commit.name,
        tail(log),
        log.display()
    )
}

/// Makes sure that a bench understands what it will be told.
///
/// # Errors
/// When it does not know one of the `arguments`; `name` is what the error calls it.
pub fn check_arguments(executable: &Path, arguments: &[String], name: &str) -> Result<()> {
    // They are read in order: --help, which only prints, is reached when all before it are known.
    let output = Command::new(executable).args(arguments).arg("--help").output();
    let output = output.with_context(|| format!("cannot start the bench of {name}, {}", executable.display()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let what = said.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or("it gave no reason");
    bail!(
        "{name} does not know what this bench tells it: {what}\n  tried: bench {}\n  next:  compare newer commits, or other \
         legs with --only, or run a scenario that asks for less",
        arguments.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builds(folder: &Path) -> CommitBuilds {
        let own = folder.join("target/debug");
        std::fs::create_dir_all(own.join(".fingerprint/serde-1")).unwrap();
        std::fs::create_dir_all(own.join(".fingerprint/cacheprog-1")).unwrap();
        std::fs::create_dir_all(own.join("build/ring-1/out")).unwrap();
        std::fs::create_dir_all(own.join("deps")).unwrap();
        for name in ["libserde-1.rlib", "serde-1.d", "libgocacheprog-1.rlib", "bench-1", "backend_go-1"] {
            std::fs::write(own.join("deps").join(name), "").unwrap();
        }
        CommitBuilds::new(Repository { root: folder.to_owned() }, &own.join("bench")).unwrap()
    }

    #[test]
    fn only_the_dependencies_are_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let builds = builds(folder.path());
        std::fs::create_dir_all(&builds.folder).unwrap();
        builds.take_dependencies().unwrap();
        let names = |part: &str| {
            let entries = std::fs::read_dir(folder.path().join("target/compare/debug").join(part)).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(names("deps"), ["libserde-1.rlib", "serde-1.d"]);
        assert_eq!((names(".fingerprint"), names("build")), (vec!["serde-1".to_owned()], vec!["ring-1".to_owned()]));
        builds.take_dependencies().unwrap();
    }

    #[test]
    fn commits_are_built_in_the_profile_of_the_running_bench() {
        let folder = tempfile::tempdir().unwrap();
        let of = |executable: &str| {
            let executable = folder.path().join(executable);
            std::fs::create_dir_all(executable.parent().unwrap().join(".fingerprint")).unwrap();
            CommitBuilds::new(Repository { root: folder.path().to_owned() }, &executable).unwrap()
        };
        let arguments = |builds: &CommitBuilds| builds.cargo(folder.path()).get_args().len();
        assert_eq!(arguments(&of("target/debug/bench")), 3);
        let release = of("elsewhere/release/bench");
        assert_eq!((arguments(&release), release.folder), (5, folder.path().join("elsewhere/compare")));
        let copied = CommitBuilds::new(Repository { root: "/r".into() }, Path::new("/usr/bin/bench")).unwrap();
        assert_eq!((copied.folder, copied.profile.as_str()), (PathBuf::from("/r/target/compare"), "debug"));
    }

    #[test]
    fn what_a_bench_does_not_know_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bench");
        std::fs::write(&path, "#!/bin/sh\n[ \"$1\" = known ] || { echo 'error: unexpected --new' >&2; exit 2; }\n")
            .unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let check = |word: &str| check_arguments(&path, &[word.to_owned()], "HEAD~3 1a2b3c4");
        check("known").unwrap();
        let error = check("new").unwrap_err().to_string();
        assert!(error.starts_with("HEAD~3 1a2b3c4 does not know") && error.contains("unexpected --new"), "{error}");
    }
}
