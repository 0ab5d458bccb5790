//! The folders of a run: `metrics/<run>`, its work folder that goes away at the end, and `metrics/latest`. A run that measured
//! nothing leaves none of them.

use std::cell::Cell;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jiff::Timestamp;

use crate::execute::folders::leftovers;
use crate::execute::folders::run_marks::{LOCK, WORK, WORK_MARKER, text_of};

/// The link to the newest run that measured something.
pub const LATEST: &str = "latest";
/// Keeps a folder that bench made out of the user's repository.
const GITIGNORE: &str = ".gitignore";
const IGNORE_ALL: &str = "*\n";
/// Tries to make a folder beside runs that remove what they made.
const TRIES: u32 = 5;

/// The folder of one run. Dropping it removes the caches and the lock, and the whole folder where nothing was measured.
#[derive(Debug)]
pub struct RunFolder {
    /// `metrics`, absolute.
    pub out: PathBuf,
    /// Name of the run.
    pub name: String,
    /// `metrics/<run>`.
    pub path: PathBuf,
    pub work: WorkFolder,
    /// True once something was measured.
    is_kept: Cell<bool>,
    /// Folders that were made for it, the deepest first: `metrics`, and those above it.
    made: Vec<PathBuf>,
    /// Tells a run that lives from one that was killed.
    _lock: Option<File>,
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
        let (made, out, name) = make(out, scenario).with_context(explain)?;
        let path = out.join(&name);
        // Before the work folder: another bench takes one without a lock for that of a run that was killed.
        let lock = lock(&path);
        let work = path.join(WORK);
        std::fs::create_dir(&work).with_context(explain)?;
        std::fs::write(work.join(WORK_MARKER), text_of(&path)).with_context(explain)?;
        Ok(RunFolder { out, name, path, work: WorkFolder { path: work }, is_kept: Cell::new(false), made, _lock: lock })
    }

    /// From now on the folder stays: something was measured.
    pub fn keep(&self) {
        self.is_kept.set(true);
    }

    /// True if the folder stays after the run.
    pub fn is_kept(&self) -> bool {
        self.is_kept.get()
    }

    /// The name under which the run is found in `metrics`: `latest` unless another run has become that.
    pub fn shown_name(&self) -> &str {
        let latest = std::fs::read_link(self.out.join(LATEST));
        if latest.is_ok_and(|latest| latest == Path::new(&self.name)) { LATEST } else { &self.name }
    }

    /// Makes `metrics/latest` point to this run, in one step; the folder stays.
    pub fn link_latest(&self) -> Result<()> {
        self.keep();
        let latest = self.out.join(LATEST);
        // In the folder of this run, which no other run uses.
        let fresh = self.path.join(LATEST);
        let replace = || -> std::io::Result<()> {
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

impl Drop for RunFolder {
    fn drop(&mut self) {
        self.work.remove();
        // The lock lets the next run remove what could not be removed now.
        if !self.work.path.exists() {
            let _ = std::fs::remove_file(self.path.join(LOCK));
        }
        if self.is_kept() {
            return;
        }
        let _ = std::fs::remove_dir_all(&self.path);
        unmake(&self.made);
    }
}

/// Makes a folder for a run in `out`; gives the folders that were made for it, the path of `out`, and the name of the run.
fn make(out: &Path, scenario: &str) -> std::io::Result<(Vec<PathBuf>, PathBuf, String)> {
    let once = || -> std::io::Result<(Vec<PathBuf>, PathBuf, String)> {
        let made = make_out(out)?;
        let out = out.canonicalize()?;
        leftovers::remove(&out);
        let name = make_fresh(&out, scenario)?;
        Ok((made, out, name))
    };
    for _ in 1..TRIES {
        match once() {
            // Another run that measured nothing has just removed the folder.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            result => return result,
        }
    }
    once()
}

/// Makes the folder of all results, with a `.gitignore`: what bench makes is none of the user's repository. Gives the
/// folders that were not there, the deepest first.
fn make_out(out: &Path) -> std::io::Result<Vec<PathBuf>> {
    let out = std::path::absolute(out)?;
    if out.is_dir() {
        return Ok(Vec::new());
    }
    let missing = out.ancestors().take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
    std::fs::create_dir_all(&out)?;
    std::fs::write(out.join(GITIGNORE), IGNORE_ALL)?;
    Ok(missing)
}

/// Removes folders that were made, up to the first in which something is.
fn unmake(made: &[PathBuf]) {
    let Some(out) = made.first() else { return };
    let is_only_ignore =
        |entry: std::io::Result<std::fs::DirEntry>| entry.is_ok_and(|entry| entry.file_name() == GITIGNORE);
    if !std::fs::read_dir(out).is_ok_and(|mut entries| entries.all(is_only_ignore)) {
        return;
    }
    let _ = std::fs::remove_file(out.join(GITIGNORE));
    if std::fs::remove_dir(out).is_err() {
        // Another run has begun in it meanwhile.
        let _ = std::fs::write(out.join(GITIGNORE), IGNORE_ALL);
        return;
    }
    // An error says that there is something in it.
    let _ = made[1..].iter().try_for_each(std::fs::remove_dir);
}

/// None where the file system knows no locks: what a killed run leaves there is left to the user.
fn lock(run: &Path) -> Option<File> {
    let path = run.join(LOCK);
    let mut lock = File::create(&path).ok()?;
    if lock.lock().is_err() || lock.write_all(text_of(run).as_bytes()).is_err() {
        let _ = std::fs::remove_file(path);
        return None;
    }
    Some(lock)
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
        assert_eq!((first.shown_name(), second.shown_name()), (LATEST, second.name.as_str()));
        second.link_latest().unwrap();
        let latest = std::fs::read_link(out.path().join("latest")).unwrap();
        assert_eq!(latest, Path::new(&second.name));
        assert_eq!((first.shown_name(), second.shown_name()), (first.name.as_str(), LATEST));
    }

    #[test]
    fn a_run_that_begins_meanwhile_keeps_its_folder_and_gitignore() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("deep/metrics");
        let made = make_out(&out).unwrap();
        std::fs::remove_dir_all(parent.path().join("deep")).unwrap();
        let _second = RunFolder::create(&out, "small").unwrap();
        unmake(&made);
        assert_eq!(std::fs::read_to_string(out.join(GITIGNORE)).unwrap(), IGNORE_ALL);
    }

    #[test]
    fn a_run_that_measured_nothing_leaves_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("deep/metrics");
        drop(RunFolder::create(&out, "small").unwrap());
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
        let failed = RunFolder::create(&out, "small").unwrap();
        let good = RunFolder::create(&out, "small").unwrap();
        good.keep();
        let path = good.path.clone();
        drop((failed, good));
        assert!(path.is_dir() && out.join(GITIGNORE).is_file(), "what another run measured stays");
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 2);
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0, "no lock and no work folder");
    }

    #[test]
    fn the_work_folder_goes_and_the_results_stay() {
        let out = tempfile::tempdir().unwrap();
        let run = RunFolder::create(out.path(), "small").unwrap();
        std::fs::create_dir_all(run.work.path.join("gocache/00")).unwrap();
        let (path, work) = (run.path.clone(), run.work.path.clone());
        run.keep();
        drop(run);
        assert!(path.is_dir() && !work.exists());
    }

    #[test]
    fn only_a_folder_of_our_own_is_ignored_by_git() {
        let parent = tempfile::tempdir().unwrap();
        let ours = parent.path().join("deep/metrics");
        let _run = RunFolder::create(&ours, "small").unwrap();
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
