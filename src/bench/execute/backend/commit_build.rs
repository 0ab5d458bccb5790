//! Builds bench at a commit, for its backend. The dependencies come from the build that runs, and what was built stays for the
//! next comparison.

use std::fs::{File, TryLockError};
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use xxhash_rust::xxh3::Xxh3;

use crate::execute::backend::repository::{Commit, Repository};
use crate::execute::folders::tree;
use crate::execute::go::build_log::tail;
use crate::execute::process::command;
use crate::execute::process::interrupt::Interrupt;

/// Its folder below the target folder of the running bench.
const FOLDER: &str = "compare";
/// Where dependencies are copied to before they get their place.
const COPIED: &str = "dependencies.new";
/// The profile of `cargo build`, and that of a bench whose folder says nothing else.
const DEV: &str = "debug";
/// The binary that is built.
const BENCH: &str = "bench";
/// Features of the running bench: without them a commit would lack flags that it is given, or be another program.
const FEATURES: Option<&str> = if cfg!(feature = "heap-profile") { Some("heap-profile") } else { None };
/// Time between two tries to take a lock that another bench holds.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// Variables that change what cargo makes of the same files.
const CHANGE_BUILDS: [&str; 4] = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_PROFILE_", "CARGO_BUILD_"];
/// Prefixes of the files of our own packages below the target folder: they are of another commit.
const OWN: [&str; 5] = ["cacheprog-", "gocacheprog-", "libgocacheprog-", "bench-", "libbench-"];

/// Builds of commits, kept for the next comparison.
#[derive(Debug)]
pub struct CommitBuilds {
    repository: Repository,
    /// All that is kept.
    folder: PathBuf,
    /// Folder of the running bench's profile, which holds the dependencies.
    own: PathBuf,
    /// Name of that folder: commits are built in the same profile.
    profile: String,
    /// Hash of everything beside the commit that decides the build.
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
        Ok(CommitBuilds { key: key(&profile)?, repository, folder, own, profile })
    }

    /// Where the bench of a commit is, or will be.
    pub fn executable(&self, commit: &Commit) -> PathBuf {
        self.folder.join(format!("{}-{:016x}", commit.hash, self.key)).join(BENCH)
    }

    /// Builds the bench of a commit, unless another bench has built it meanwhile. An interrupt ends that without an error. `say` gets what goes on.
    ///
    /// # Errors
    /// When its files cannot be written, or cargo fails.
    pub fn build(&self, commit: &Commit, interrupt: &Interrupt, say: &dyn Fn(&str)) -> Result<()> {
        let executable = self.executable(commit);
        let place = executable.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(place).with_context(|| format!("cannot make the folder {}", place.display()))?;
        let lock = self.lock(interrupt, say).with_context(|| format!("cannot lock {}", self.folder.display()))?;
        if lock.is_none() || executable.is_file() {
            return Ok(());
        }
        say(&format!("building the backend of {}", commit.name));
        self.take_dependencies()
            .with_context(|| format!("cannot copy the dependencies from {}", self.own.display()))?;
        // Outside the repository, whose own settings of cargo are none of the commit's. It goes away by itself.
        let checkout = interrupt.temporary_folder().context("cannot make a temporary folder")?;
        let files = checkout.path().join("files");
        self.repository.write_files(commit, &files, &checkout.path().join("index"))?;
        // What another commit left must not be taken for this one's.
        self.built()
            .iter()
            .try_for_each(std::fs::remove_file)
            .with_context(|| format!("cannot remove what was built before below {}", self.folder.display()))?;
        let log = place.join("build.log");
        let built = command::run(&mut self.cargo(&files), &log, interrupt, |_| {})?;
        if interrupt.requested() {
            return Ok(());
        }
        if !built.status.success() {
            return Err(failed(commit, &built.status.to_string(), &log));
        }
        self.keep(&executable, commit)
    }

    /// Gives what cargo has just built its place.
    fn keep(&self, executable: &Path, commit: &Commit) -> Result<()> {
        let Some(built) = self.built().into_iter().next() else {
            let (name, folder) = (&commit.name, self.folder.display());
            bail!(
                "cargo built {name}, and there is no {BENCH} below {folder}\n  next:  give a commit that has a bench"
            );
        };
        let fresh = executable.with_extension("new");
        std::fs::copy(built, &fresh)
            .and_then(|_| std::fs::rename(&fresh, executable))
            .with_context(|| format!("cannot write {}", executable.display()))
    }

    /// The binaries that cargo built: in the folder of the profile, or in one below that of a target, where cargo builds for one.
    fn built(&self) -> Vec<PathBuf> {
        let targets = std::fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let folders = std::iter::once(self.folder.clone()).chain(targets);
        folders.map(|folder| folder.join(&self.profile).join(BENCH)).filter(|path| path.is_file()).collect()
    }

    fn cargo(&self, files: &Path) -> Command {
        // What started bench by `cargo run` is the cargo to take.
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["build", "--bin", BENCH]).current_dir(files).env("CARGO_TARGET_DIR", &self.folder);
        if self.profile != DEV {
            command.args(["--profile", &self.profile]);
        }
        if let Some(features) = FEATURES {
            command.args(["--features", features]);
        }
        command
    }

    /// Two comparisons must not build different commits at once. Held until it is dropped; None after an interrupt.
    fn lock(&self, interrupt: &Interrupt, say: &dyn Fn(&str)) -> std::io::Result<Option<File>> {
        let lock = File::create(self.folder.join("lock"))?;
        let mut has_said = false;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Some(lock)),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) => {}
            }
            if !std::mem::replace(&mut has_said, true) {
                say("waiting for another bench, which builds a commit");
            }
            if interrupt.requested() {
                return Ok(None);
            }
            std::thread::sleep(ASK_AGAIN);
        }
    }

    /// Once: copies what the running bench was linked of, so that cargo finds it up to date.
    fn take_dependencies(&self) -> std::io::Result<()> {
        let target = self.folder.join(&self.profile);
        if target.exists() || !self.own.is_dir() {
            return Ok(());
        }
        // The lock is ours: what has this name was left by a bench that was killed.
        let fresh = self.folder.join(COPIED);
        if fresh.exists() {
            std::fs::remove_dir_all(&fresh)?;
        }
        // Whole, or not at all.
        let copied = self.copy_dependencies(&fresh).and_then(|()| std::fs::rename(&fresh, target));
        if copied.is_err() {
            let _ = std::fs::remove_dir_all(&fresh);
        }
        copied
    }

    fn copy_dependencies(&self, to: &Path) -> std::io::Result<()> {
        for part in ["deps", "build", ".fingerprint"] {
            std::fs::create_dir_all(to.join(part))?;
            tree::copy_but(&self.own.join(part), &to.join(part), &is_no_dependency)?;
        }
        Ok(())
    }
}

/// True if a file or folder below a target folder is of our own package; executables are, and have no extension.
fn is_no_dependency(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_of_deps = path.parent().is_some_and(|folder| folder.ends_with("deps"));
    OWN.iter().any(|own| name.starts_with(own)) || is_of_deps && path.extension().is_none()
}

/// Hash of the compiler, its flags, and the variables that change the build.
fn key(profile: &str) -> Result<u64> {
    let rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV").output();
    let rustc = rustc.context("cannot start rustc, and building a commit takes it\n  next:  install Rust")?;
    let mut key = Xxh3::new();
    key.write(&rustc.stdout);
    key.write(format!("{profile}\n{}\n", FEATURES.unwrap_or_default()).as_bytes());
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

/// Makes sure that a bench knows the arguments that it will be given.
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
        "{name} does not know an argument of this bench: {what}\n  tried: bench {}\n  next:  compare newer commits, or other \
         states with --only, or run a scenario that asks for less",
        arguments.join(" ")
    )
}

#[cfg(test)]
#[path = "commit_build_tests.rs"]
mod tests;
