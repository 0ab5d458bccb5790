//! The end of a comparison: its file for a pull request, and the exit code.

use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::analysis::study::differences::Differences;
use crate::commands::compare::arguments::{CompareArgs, INCONCLUSIVE, SLOWER};
use crate::report::markdown;
use crate::report::terminal::differences;
use gocacheprog::stdout;

/// Checks before an hour of rounds that a file can be written after them. A file made for that is removed with this, unless
/// something was written into it.
pub struct Probe<'a> {
    path: &'a Path,
    is_new: bool,
}

impl Probe<'_> {
    /// Checks the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(path: &Path) -> Result<Probe<'_>> {
        let is_new = !path.exists();
        let opened = File::options().append(true).create(true).open(path);
        opened.map(|_| Probe { path, is_new }).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        if self.is_new && std::fs::metadata(self.path).is_ok_and(|file| file.len() == 0) {
            let _ = std::fs::remove_file(self.path);
        }
    }
}

/// The exit code by `--fail-over` and `--fail-on-inconclusive`; writes the summary for a pull request. `header` says what was run.
pub fn conclude(args: &CompareArgs, found: &Differences, header: &str, more: Vec<String>) -> Result<ExitCode> {
    let slower = args.fail_over.map(|limit| found.slower_than(limit));
    let limit = args.fail_over.zip(slower.as_ref()).map(|(limit, slower)| differences::limit(limit, slower));
    if let Some(words) = &limit {
        stdout::print(&format!("{words}\n"))?;
    }
    if let Some(path) = &args.markdown {
        let more: Vec<String> = more.into_iter().chain(limit).collect();
        std::fs::write(path, markdown::of_differences(found, header, &more))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if slower.is_some_and(|slower| !slower.is_empty()) {
        return Ok(ExitCode::from(SLOWER));
    }
    let inconclusive = found.inconclusive();
    if args.fail_on_inconclusive && !inconclusive.is_empty() {
        stdout::print(&format!("INCONCLUSIVE: {}.\n", inconclusive.join(", ")))?;
        return Ok(ExitCode::from(INCONCLUSIVE));
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_nothing_was_written_into_stays_only_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let [new, written, old] = ["new.md", "written.md", "old.md"].map(|name| folder.path().join(name));
        std::fs::write(&old, "").unwrap();
        for path in [&new, &written, &old] {
            let _probe = Probe::write(path).unwrap();
            assert!(path.is_file());
            if *path == written {
                std::fs::write(path, "text").unwrap();
            }
        }
        assert_eq!([new, written, old].map(|path| path.is_file()), [false, true, true]);
        let error = Probe::write(&folder.path().join("none/x.md")).err().unwrap().to_string();
        assert!(error.starts_with("cannot write ") && error.ends_with("none/x.md"), "{error}");
    }
}
