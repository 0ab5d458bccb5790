//! The folders of a run: `metrics/<run>`, its work folder that goes away at the end, and `metrics/latest`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jiff::Timestamp;

/// The link to the newest run that measured something.
pub const LATEST: &str = "latest";

/// The folder of one run.
#[derive(Debug)]
pub struct RunFolder {
    /// `metrics`, absolute.
    pub out: PathBuf,
    /// Name of the run.
    pub name: String,
    /// `metrics/<run>`.
    pub path: PathBuf,
    pub work: WorkFolder,
}

/// Holds the caches of a run. Dropping it removes them all, once, at the end: removing many files slows down what follows.
#[derive(Debug)]
pub struct WorkFolder {
    pub path: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a run that starts now. `scenario` becomes part of its name.
    pub fn create(out: &Path, scenario: &str) -> Result<RunFolder> {
        let explain = || {
            format!(
                "cannot write results into {}\n  tried: making a folder of this run in it\n  next:  give a folder that \
                 can be written with --out DIR",
                out.display()
            )
        };
        make_out(out).with_context(explain)?;
        let out = out.canonicalize().with_context(explain)?;
        let name = make_fresh(&out, scenario).with_context(explain)?;
        let path = out.join(&name);
        let work = path.join("work");
        std::fs::create_dir(&work).with_context(explain)?;
        Ok(RunFolder { out, name, path, work: WorkFolder { path: work } })
    }

    /// Makes `metrics/latest` point to this run, in one step.
    pub fn link_latest(&self) -> Result<()> {
        let latest = self.out.join(LATEST);
        let fresh = self.out.join(format!(".latest-{}", std::process::id()));
        let replace = || -> std::io::Result<()> {
            // A run that was killed may have left one of the same process id.
            let _ = std::fs::remove_file(&fresh);
            std::os::unix::fs::symlink(&self.name, &fresh)?;
            std::fs::rename(&fresh, &latest)
        };
        replace().with_context(|| format!("cannot make the link {}", latest.display()))
    }
}

impl WorkFolder {
    /// Removes the folder with all that is in it; what is left after that is left to the user.
    pub fn remove(&self) {
        // A process that was killed just now may still be writing: what it made meanwhile takes another turn.
        for _ in 0..3 {
            match std::fs::remove_dir_all(&self.path) {
                Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => (),
                _ => return,
            }
        }
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        self.remove();
    }
}

/// A folder that bench makes itself is none of the user's repository.
fn make_out(out: &Path) -> std::io::Result<()> {
    if out.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(out)?;
    std::fs::write(out.join(".gitignore"), "*\n")
}

/// Makes a folder named after the time and the scenario, with a number where two runs start in one second.
fn make_fresh(out: &Path, scenario: &str) -> std::io::Result<String> {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let base = format!("{time}-{scenario}");
    let mut name = base.clone();
    for number in 2.. {
        match std::fs::create_dir(out.join(&name)) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => name = format!("{base}-{number}"),
            Err(error) => return Err(error),
            Ok(()) => break,
        }
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_at_once_have_folders_of_their_own() {
        let out = tempfile::tempdir().unwrap();
        let first = RunFolder::create(out.path(), "small").unwrap();
        let second = RunFolder::create(out.path(), "small").unwrap();
        assert_ne!(first.path, second.path);
        first.link_latest().unwrap();
        std::fs::write(out.path().join(format!(".latest-{}", std::process::id())), "left over").unwrap();
        second.link_latest().unwrap();
        let latest = std::fs::read_link(out.path().join("latest")).unwrap();
        assert_eq!(latest, Path::new(&second.name));
    }

    #[test]
    fn the_work_folder_goes_and_the_results_stay() {
        let out = tempfile::tempdir().unwrap();
        let run = RunFolder::create(out.path(), "small").unwrap();
        std::fs::create_dir_all(run.work.path.join("gocache/00")).unwrap();
        let (path, work) = (run.path.clone(), run.work.path.clone());
        drop(run);
        assert!(path.is_dir() && !work.exists());
    }

    #[test]
    fn only_a_folder_of_our_own_is_ignored_by_git() {
        let parent = tempfile::tempdir().unwrap();
        let ours = parent.path().join("deep/metrics");
        RunFolder::create(&ours, "small").unwrap();
        assert_eq!(std::fs::read_to_string(ours.join(".gitignore")).unwrap(), "*\n");
        RunFolder::create(parent.path(), "small").unwrap();
        assert!(!parent.path().join(".gitignore").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_names_the_next_step() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = RunFolder::create(&file.join("metrics"), "small").unwrap_err();
        assert!(error.to_string().contains("--out DIR"), "{error}");
    }
}
