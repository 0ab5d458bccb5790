//! The work folders of runs that were killed, which may be gigabytes. The next run in the same place removes them.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};

use super::folders::{LOCK, WORK};
use crate::note;

/// How temporary files in the folder of a run begin.
const TEMPORARY: &str = ".tmp";

/// Removes the caches of killed runs in `out`, and says so. Only in folders with the lock file of a run that no process has
/// locked: other folders are not ours.
pub fn remove(out: &Path) {
    for entry in std::fs::read_dir(out).into_iter().flatten().flatten() {
        // Not through links: `latest` is one.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_in(&entry.path());
        }
    }
}

fn remove_in(run: &Path) {
    let is_file = std::fs::symlink_metadata(run.join(LOCK)).is_ok_and(|file| file.is_file());
    if !is_file || !is_folder(&run.join(WORK)) {
        return;
    }
    let Ok(lock) = File::open(run.join(LOCK)) else { return };
    // Locked until the end, so that two runs do not remove the same.
    if lock.try_lock().is_err() {
        return;
    }
    match remove_parts(run) {
        Ok(()) => note::line(format_args!("removed the caches of a run that was killed: {}", run.join(WORK).display())),
        Err(error) => note::line(format_args!("a run that was killed left its caches: {error:#}")),
    }
}

/// The records of its rounds stay, if there are any.
fn remove_parts(run: &Path) -> Result<()> {
    let work = run.join(WORK);
    std::fs::remove_dir_all(&work).with_context(|| format!("cannot remove {}", work.display()))?;
    for entry in std::fs::read_dir(run).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    let _ = std::fs::remove_file(run.join(LOCK));
    // An error says that there are records.
    let _ = std::fs::remove_dir(run);
    Ok(())
}

fn is_folder(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

#[cfg(test)]
mod tests {
    use super::super::folders::RunFolder;
    use super::*;

    /// The folder of a run with some caches; `records` is a file that stays.
    fn run(out: &Path, name: &str, files: &[&str]) {
        for file in files {
            let path = out.join(name).join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
    }

    #[test]
    fn only_dead_runs_of_ours_lose_their_caches() {
        let out = tempfile::tempdir().unwrap();
        let out = out.path();
        run(out, "dead", &[".lock", "work/gocache/00/x-d", "a/1/session.json", ".tmp123"]);
        run(out, "dead-early", &[".lock", "work/x"]);
        run(out, "foreign", &["work/x"]);
        run(out, "elsewhere", &["x"]);
        run(out, "linked", &[".lock"]);
        std::os::unix::fs::symlink(out.join("elsewhere"), out.join("linked/work")).unwrap();
        std::os::unix::fs::symlink("dead", out.join("latest")).unwrap();
        let alive = RunFolder::create(&out.join("other"), "small").unwrap();
        std::fs::rename(&alive.path, out.join("alive")).unwrap();
        remove(out);
        let there = |path: &str| out.join(path).exists();
        assert!(
            !there("dead/work") && !there("dead/.lock") && !there("dead/.tmp123") && there("dead/a/1/session.json")
        );
        assert!(!there("dead-early"));
        assert!(there("foreign/work/x") && there("elsewhere/x") && there("linked/work") && there("alive/work"));
    }

    #[test]
    fn the_next_run_cleans_up() {
        let out = tempfile::tempdir().unwrap();
        run(out.path(), "dead", &[".lock", "work/x"]);
        let next = RunFolder::create(out.path(), "small").unwrap();
        assert!(!out.path().join("dead").exists() && next.work.path.is_dir());
    }
}
