//! The work folders of runs that were killed, which may be gigabytes. The next run in the same place removes them.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};

use crate::execute::folders::run_marks::{LOCK, WORK, has_work, is_locked_by_bench};
use crate::results::run::TEMPORARY;
use gocacheprog::note;

/// Removes the caches of killed runs in `out`, and says so. Only in folders with the name, the lock file and the work folder of
/// a run, whose lock no process has: other folders are not ours.
pub fn remove(out: &Path) {
    for entry in std::fs::read_dir(out).into_iter().flatten().flatten() {
        // Not through links: `latest` is one.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_in(&entry.path());
        }
    }
}

fn remove_in(run: &Path) {
    if !is_locked_by_bench(run) || !has_work(run) {
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::execute::folders::run_folders::RunFolder;

    /// Writes empty files.
    fn write(folder: &Path, files: &[&str]) {
        for file in files {
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
    }

    /// The folder of a run that was killed, with these files.
    fn dead(out: &Path, scenario: &str, files: &[&str]) -> PathBuf {
        let run = RunFolder::create(&out.join("other"), scenario).unwrap();
        let dead = out.join(&run.name);
        std::fs::create_dir(&dead).unwrap();
        for entry in [LOCK, WORK] {
            std::fs::rename(run.path.join(entry), dead.join(entry)).unwrap();
        }
        write(&dead, files);
        dead
    }

    #[test]
    fn killed_runs_lose_their_caches_and_keep_their_records() {
        let out = tempfile::tempdir().unwrap();
        let temporary = format!("{TEMPORARY}123");
        let with_records =
            dead(out.path(), "small", &["work/gocache/00/x-d", "local-hit/1/session.json", &temporary, ".tmp123"]);
        std::os::unix::fs::symlink(&with_records, out.path().join("latest")).unwrap();
        remove(out.path());
        let there = |path: &str| with_records.join(path).exists();
        assert!(
            !there("work")
                && !there(LOCK)
                && !there(&temporary)
                && there("local-hit/1/session.json")
                && there(".tmp123")
        );
        let early = dead(out.path(), "early", &["work/x"]);
        remove(out.path());
        assert!(!early.exists());
    }

    #[test]
    fn folders_of_others_and_of_runs_that_live_are_left_alone() {
        let out = tempfile::tempdir().unwrap();
        let out = out.path();
        let named = "20260102T030405Z-small";
        write(out, &["project/.lock", "project/work/x", "project/.tmp1", "elsewhere/x"]);
        write(out, &[&format!("{named}/.lock"), &format!("{named}/work/x")]);
        let alive = RunFolder::create(&out.join("alive"), "small").unwrap();
        let renamed = dead(out, "renamed", &["work/x"]);
        std::fs::rename(&renamed, out.join("renamed")).unwrap();
        let foreign_work = dead(out, "foreign", &[]);
        std::fs::remove_dir_all(foreign_work.join(WORK)).unwrap();
        std::os::unix::fs::symlink(out.join("elsewhere"), foreign_work.join(WORK)).unwrap();
        remove(out);
        remove(&out.join("alive"));
        for path in ["project/.lock", "project/work/x", "project/.tmp1", "elsewhere/x", "renamed/work/x"] {
            assert!(out.join(path).exists(), "{path}");
        }
        assert!(
            out.join(named).join("work/x").exists() && alive.work.path.exists() && foreign_work.join(LOCK).exists()
        );
    }

    #[test]
    fn the_next_run_cleans_up() {
        let out = tempfile::tempdir().unwrap();
        let dead = dead(out.path(), "early", &["work/x"]);
        std::fs::write(dead.join("note"), "").unwrap();
        let next = RunFolder::create(out.path(), "small").unwrap();
        assert!(!dead.join(WORK).exists() && next.work.path.is_dir());
    }
}
