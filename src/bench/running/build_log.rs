//! What go and the backend said in one round, and errors that show the end of it.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context, Error};

/// Lines that an error shows of a file that stays.
const TAIL_LINES: usize = 20;
/// The same of a file that goes with the folder of its run.
const ALL_LINES: usize = 200;

/// The file that holds stdout and stderr of one build.
#[derive(Debug, Clone)]
pub struct BuildLog {
    pub path: PathBuf,
    /// The round, as its folder is named.
    pub of: String,
    /// True if the file is there after the run. Where nothing was measured it goes with all the others.
    pub stays: bool,
}

impl BuildLog {
    /// Moves what a build wrote to `outside` to where it belongs, beside the records in `folder`, and makes sure that the build
    /// of `packages` was a good one. `stays` says whether the folder is there after the run.
    ///
    /// # Errors
    /// When it was not, or the file cannot be moved.
    pub fn of_ended(
        outside: &Path,
        folder: &Path,
        of: String,
        packages: &str,
        status: ExitStatus,
        stays: bool,
    ) -> Result<Self, Error> {
        let path = folder.join("build.log");
        std::fs::rename(outside, &path).with_context(|| format!("cannot write {}", path.display()))?;
        let log = BuildLog { path, of, stays };
        if !status.success() {
            return Err(log.build_failed(&format!("go build {packages}"), &status.to_string()));
        }
        log.check_packages(packages)?;
        Ok(log)
    }

    /// The build itself failed. `tried` is its command, `how` its exit status.
    fn build_failed(&self, tried: &str, how: &str) -> Error {
        anyhow::anyhow!(
            "the build of {} failed ({how})\n  tried: {tried}\n  go said:\n  {}{}",
            self.of,
            self.shown(),
            self.whereabouts().map_or(String::new(), |path| format!("\n  next:  all it said is in {path}"))
        )
    }

    fn shown(&self) -> String {
        last_lines(&self.path, if self.stays { TAIL_LINES } else { ALL_LINES })
    }

    /// The file, if it is there after the run.
    fn whereabouts(&self) -> Option<String> {
        self.stays.then(|| self.path.display().to_string())
    }

    /// go takes a pattern without a package for a good build: there is nothing to measure then.
    fn check_packages(&self, pattern: &str) -> Result<(), Error> {
        let words = String::from_utf8_lossy(&std::fs::read(&self.path).unwrap_or_default()).into_owned();
        match words.lines().find(|line| line.ends_with("matched no packages")) {
            None => Ok(()),
            Some(said) => Err(anyhow::anyhow!(
                "there is no package {pattern:?} to build\n  tried: go build {pattern}\n  go said:\n  {said}\n  \
                 next:  give a pattern of the standard library, `net/...` say, or a module of yours with --workload"
            )),
        }
    }

    /// The build came to its end, but its backend did not leave what it should.
    pub fn session_failed(&self, why: &Error) -> Error {
        anyhow::anyhow!(
            "{why:#}\n  tried: the backend of {}\n  go and the backend said:\n  {}\n  next:  {}run `cacheprog` by hand with \
             GOCACHEPROG",
            self.of,
            self.shown(),
            self.whereabouts()
                .map_or(String::new(), |path| format!("all they said is in {path}; if that does not help, "))
        )
    }
}

/// The last lines of a log, indented as errors are.
pub fn tail(log: &Path) -> String {
    last_lines(log, TAIL_LINES)
}

fn last_lines(log: &Path, most: usize) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let words = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = words.lines().collect();
    match lines.is_empty() {
        true => "(nothing)".to_owned(),
        false => lines[lines.len().saturating_sub(most)..].join("\n  "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_without_packages_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let log = BuildLog { path: folder.path().join("build.log"), of: "c/1".to_owned(), stays: true };
        assert!(log.check_packages("std").is_ok());
        std::fs::write(&log.path, "go: warning: \"nett/...\" matched no packages\n").unwrap();
        let text = log.check_packages("nett/...").unwrap_err().to_string();
        assert!(text.contains("\"nett/...\" matched no packages\n  next:"), "{text}");
    }

    #[test]
    fn errors_show_the_last_lines_and_the_next_step() {
        let folder = tempfile::tempdir().unwrap();
        let log = BuildLog { path: folder.path().join("build.log"), of: "c/1".to_owned(), stays: true };
        let text = log.session_failed(&anyhow::anyhow!("no summary")).to_string();
        assert!(text.starts_with("no summary\n") && text.contains("(nothing)"), "{text}");
        let lines: Vec<String> = (1..=30).map(|number| format!("line {number}")).collect();
        std::fs::write(&log.path, lines.join("\n")).unwrap();
        let text = log.build_failed("go build std", "exit status: 1").to_string();
        assert!(text.contains("  line 11\n") && !text.contains("line 10"), "{text}");
        assert!(text.contains("c/1") && text.contains("next:  all it said is in"), "{text}");
        let gone = BuildLog { stays: false, ..log };
        let text = gone.build_failed("go build std", "exit status: 1").to_string();
        assert!(text.contains("  line 1\n") && !text.contains("build.log"), "{text}");
        assert!(!gone.session_failed(&anyhow::anyhow!("no summary")).to_string().contains("build.log"));
    }
}
