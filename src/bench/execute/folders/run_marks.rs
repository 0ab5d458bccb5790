//! The marks of folders that bench made: it removes folders with these marks, and no others.

use std::path::Path;

use crate::results::run::RESULTS_FILE;

/// A file in the folder of a run, locked for as long as the run lives.
pub const LOCK: &str = ".lock";
/// Holds the caches of a run.
pub const WORK: &str = "work";
/// A file in the work folder: bench may remove that folder.
pub const WORK_MARKER: &str = ".bench-work";

/// True if `path` leads to the folder of a run that has results, or that a bench has at this moment or had when it was killed.
pub fn is_run(path: &Path) -> bool {
    // `latest` is a link to one.
    let Ok(folder) = path.canonicalize() else { return false };
    has_run_name(&folder) && (is_locked_by_bench(&folder) || folder.join(RESULTS_FILE).is_file())
}

/// True if the lock file in a folder is that of a run of this name.
pub fn is_locked_by_bench(run: &Path) -> bool {
    has_run_name(run) && has_text(&run.join(LOCK), &text_of(run))
}

/// True if the run at `run` has a work folder that bench made.
pub fn has_work(run: &Path) -> bool {
    let is_folder = std::fs::symlink_metadata(run.join(WORK)).is_ok_and(|found| found.is_dir());
    is_folder && has_text(&run.join(WORK).join(WORK_MARKER), &text_of(run))
}

fn has_text(path: &Path, text: &str) -> bool {
    let is_file =
        std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() == text.len() as u64);
    is_file && std::fs::read(path).is_ok_and(|found| found == text.as_bytes())
}

/// The line in the lock file of a run and in the marker of its work folder.
pub fn text_of(run: &Path) -> String {
    format!("bench run {}\n", run.file_name().unwrap_or_default().display())
}

/// True for `20260102T030405Z-small` and its like.
fn has_run_name(run: &Path) -> bool {
    let name = run.file_name().unwrap_or_default().to_string_lossy();
    let Some((time, scenario)) = name.split_once('-') else { return false };
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "00000000T000000Z" && !scenario.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::folders::run_folders::{LATEST, RunFolder};

    #[test]
    fn only_what_bench_made_is_a_run() {
        let out = tempfile::tempdir().unwrap();
        let run = RunFolder::create(out.path(), "small").unwrap();
        assert!(is_run(&run.path) && is_locked_by_bench(&run.path) && has_work(&run.path));
        run.link_latest().unwrap();
        assert!(is_run(&out.path().join(LATEST)));
        let path = run.path.clone();
        drop(run);
        assert!(!is_run(&path), "nothing in it says that it was one");
        std::fs::write(path.join(RESULTS_FILE), "{}").unwrap();
        assert!(is_run(&path));
        for name in ["metrics", "20260102T030405Z", "20260102T030405Z-", "2026-small", "20260102T03040Z-small"] {
            let folder = out.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join(RESULTS_FILE), "{}").unwrap();
            std::fs::write(folder.join(LOCK), text_of(&folder)).unwrap();
            assert!(!is_run(&folder), "{name}");
        }
    }
}
