//! The output of go and the backend in one round, and errors that show the end of it.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context, Error};

use crate::execute::go::advice::advice;

/// Lines that an error shows of a file that stays.
const TAIL_LINES: usize = 20;
/// Lines that an error shows of a file that goes with the folder of its run.
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
    /// Moves what the command `tried` wrote to `outside` to where it belongs, beside the records in `folder`, and makes sure
    /// that it worked. `module` is the folder of the user's module, if that was built; `stays` says whether `folder` is there
    /// after the run.
    ///
    /// # Errors
    /// When the command failed, there was nothing to build, or the file cannot be moved.
    pub fn of_ended(
        outside: &Path,
        folder: &Path,
        of: String,
        tried: &str,
        module: Option<&Path>,
        status: ExitStatus,
        stays: bool,
    ) -> Result<Self, Error> {
        let path = folder.join("build.log");
        std::fs::rename(outside, &path).with_context(|| format!("cannot write {}", path.display()))?;
        let log = BuildLog { path, of, stays };
        if !status.success() {
            return Err(log.command_failed(tried, module, &status.to_string()));
        }
        log.check_packages(tried)?;
        Ok(log)
    }

    /// The command itself failed; `how` is its exit status.
    fn command_failed(&self, tried: &str, module: Option<&Path>, how: &str) -> Error {
        let said = self.shown();
        let next = match module {
            Some(module) => {
                let module = module.display().to_string();
                let by_hand = || format!("only what works can be timed: make this command work in {module} first");
                Some(advice(&said, &module).unwrap_or_else(by_hand))
            }
            None => None,
        };
        let whereabouts = self.whereabouts().map(|path| format!("all it said is in {path}"));
        let steps: Vec<String> = next.into_iter().chain(whereabouts).collect();
        let steps = if steps.is_empty() { String::new() } else { format!("\n  next:  {}", steps.join("\n  ")) };
        anyhow::anyhow!("{tried} failed in round {} ({how})\n  go said:\n  {said}{steps}", self.of)
    }

    fn shown(&self) -> String {
        last_lines(&self.path, if self.stays { TAIL_LINES } else { ALL_LINES })
    }

    /// The file, if it is there after the run.
    fn whereabouts(&self) -> Option<String> {
        self.stays.then(|| self.path.display().to_string())
    }

    /// go takes a pattern without a package for a good build: there is nothing to measure then.
    fn check_packages(&self, tried: &str) -> Result<(), Error> {
        let words = String::from_utf8_lossy(&std::fs::read(&self.path).unwrap_or_default()).into_owned();
        let is_warning = |line: &&str| line.starts_with("go: warning: ") && line.ends_with("matched no packages");
        match words.lines().find(is_warning) {
            None => Ok(()),
            Some(said) => Err(anyhow::anyhow!(
                "there is nothing to time\n  tried: {tried}\n  go said:\n  {said}\n  \
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
    if lines.is_empty() {
        return "(nothing)".to_owned();
    }
    lines[lines.len().saturating_sub(most)..].join("\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_without_packages_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let log = BuildLog { path: folder.path().join("build.log"), of: "cold/1".to_owned(), stays: true };
        std::fs::write(&log.path, "TestA: my filter matched no packages\n").unwrap();
        assert!(log.check_packages("go test").is_ok());
        std::fs::write(&log.path, "go: warning: \"nett/...\" matched no packages\n").unwrap();
        let text = log.check_packages("go build nett/...").unwrap_err().to_string();
        assert!(text.contains("\"nett/...\" matched no packages\n  next:"), "{text}");
    }

    #[test]
    fn errors_show_the_last_lines_and_the_next_step() {
        let folder = tempfile::tempdir().unwrap();
        let log = BuildLog { path: folder.path().join("build.log"), of: "cold/1".to_owned(), stays: true };
        let text = log.session_failed(&anyhow::anyhow!("no summary")).to_string();
        assert!(text.starts_with("no summary\n") && text.contains("(nothing)"), "{text}");
        let lines: Vec<String> = (1..=30).map(|number| format!("line {number}")).collect();
        std::fs::write(&log.path, lines.join("\n")).unwrap();
        let text = log.command_failed("go build std", None, "exit status: 1").to_string();
        assert!(text.contains("  line 11\n") && !text.contains("line 10"), "{text}");
        assert!(text.contains("cold/1") && text.contains("next:  all it said is in"), "{text}");
        let text = log.command_failed("go test ./...", Some(Path::new("/mine")), "exit status: 1").to_string();
        assert!(
            text.contains("next:  only what works can be timed: make this command work in /mine first\n"),
            "{text}"
        );
        let gone = BuildLog { stays: false, ..log };
        let text = gone.command_failed("go build std", None, "exit status: 1").to_string();
        assert!(text.contains("  line 1\n") && !text.contains("build.log"), "{text}");
        assert!(!gone.session_failed(&anyhow::anyhow!("no summary")).to_string().contains("build.log"));
    }
}
