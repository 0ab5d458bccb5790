//! `bench compare A B`: two saved runs, or two commits of the backend side by side; state by state, in words, and as an exit code.

pub mod commits;
pub mod saved;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::bench::analysis::study::differences::Differences;
use crate::bench::execute::backend::commit_build::CommitBuilds;
use crate::bench::execute::backend::repository::{Commit, Repository};
use crate::bench::report::markdown;
use crate::bench::report::terminal::differences;
use crate::bench::results::run::RESULTS_FILE;
use crate::bench::scenario::args::{parse_percent, rounds};
use crate::bench::scenario::cache_state::CacheState;
use crate::stdout;

/// The name of the build that runs.
const THIS_BUILD: &str = ".";

/// Compares two saved runs, or two commits of the backend
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct CompareArgs {
    /// The first: the folder of a saved run, a commit (HEAD~3, main, 1a2b3c4), or `.` for this build
    before: String,
    /// The second, which is judged
    after: String,
    /// Exit with 1 when a state is clearly slower by more than this, such as 5%
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    fail_over: Option<f64>,
    /// Exit with 3 when a state is inconclusive because of noise or too few rounds
    #[arg(long)]
    fail_on_inconclusive: bool,
    /// Write the comparison into this file, for a pull request
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    #[command(flatten)]
    side_by_side: SideBySideArgs,
}

/// Exit codes of `bench compare` beside 0.
const SLOWER: u8 = 1;
pub const ERROR: u8 = 2;
const INCONCLUSIVE: u8 = 3;

/// The run that compares two commits.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Two commits side by side")]
pub(crate) struct SideBySideArgs {
    /// Scenario to run with both [default: workshop]
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Measure only these states, separated by commas, such as remote-hit,local-hit
    #[arg(long, value_name = "STATE", value_delimiter = ',', hide_possible_values = true)]
    only: Vec<CacheState>,
    /// Run only this case of the scenario; may be given several times
    #[arg(long, value_name = "CASE")]
    case: Vec<String>,
    /// Rounds of go-warm, remote-hit and local-hit with each; from 8 on the interval has 99 % confidence
    #[arg(long, value_name = "N", value_parser = rounds())]
    rounds: Option<u32>,
    /// Rounds of go-cold and cold with each
    #[arg(long, value_name = "N", value_parser = rounds())]
    long_rounds: Option<u32>,
    /// Build this Go module of yours instead of the standard library
    #[arg(long, value_name = "DIR")]
    workload: Option<PathBuf>,
    /// A go command to time instead of `go build`
    #[arg(last = true, value_name = "GO_COMMAND")]
    command: Vec<String>,
    /// Print all tables and notes instead of the first screen
    #[arg(long)]
    details: bool,
    /// Folder of the results [default: metrics]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

const HELP: &str = "\
Examples:
  bench compare metrics/RUN1 metrics/RUN2 --fail-over 5%    two saved runs
  bench compare main . --scenario small                     a branch and this build, within minutes
  bench compare HEAD~3 HEAD --only remote-hit,local-hit --rounds 21

Commits are built from a copy: your files, index and stash are not touched. The builds are kept in
target/compare/ for the next time. `.` is this bench as it runs.

Exit codes: 0, 1 slower (--fail-over), 2 an error, 3 inconclusive (--fail-on-inconclusive), 130 interrupted.";

/// One of the two that are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Side {
    /// The file or folder of a saved run.
    Saved(PathBuf),
    Commit(Commit),
    ThisBuild,
}

/// Prints the comparison on stdout.
///
/// # Errors
/// When one of the two cannot be found, read, built or run, or they cannot be compared.
pub fn run(args: &CompareArgs) -> Result<ExitCode> {
    let _probe = args.markdown.as_deref().map(Probe::write).transpose()?;
    let repository = Repository::find(Path::new("."));
    let side = |name: &str| find_side(name, repository.as_ref());
    match (side(&args.before)?, side(&args.after)?) {
        (Side::Saved(before), Side::Saved(after)) => saved::run(args, &before, &after),
        (Side::Saved(_), _) | (_, Side::Saved(_)) => bail!(
            "a saved run cannot be compared with a commit: they would not run side by side\n  next:  give two runs, or two \
             commits"
        ),
        (before, after) => commits::run(args, [before, after], repository),
    }
}

/// Checks before an hour of rounds that a file can be written after them. A file made for that is removed with this, unless
/// something was written into it.
struct Probe<'a> {
    path: &'a Path,
    is_new: bool,
}

impl Probe<'_> {
    fn write(path: &Path) -> Result<Probe<'_>> {
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

fn find_side(name: &str, repository: Option<&Repository>) -> Result<Side> {
    let path = Path::new(name);
    let is_file = path.is_file() && repository.is_none_or(|repository| repository.commit(name).is_none());
    if is_file || path.join(RESULTS_FILE).is_file() {
        return Ok(Side::Saved(path.to_owned()));
    }
    if name == THIS_BUILD {
        return Ok(Side::ThisBuild);
    }
    if let Some(commit) = repository.and_then(|repository| repository.commit(name)) {
        return Ok(Side::Commit(commit));
    }
    let commits = match repository {
        Some(repository) => format!("the commits of {}", repository.root.display()),
        None => "no commits: this folder is in no git repository, or there is no git".to_owned(),
    };
    bail!(
        "`{name}` is neither a saved run nor a commit\n  tried: {name}/{RESULTS_FILE}, the file {name}, {commits}\n  next:  give \
         the folder of a run below metrics/, a commit as `git log` names it, or `.` for this build"
    )
}

/// The exit code by `--fail-over` and `--fail-on-inconclusive`; writes the summary for a pull request. `header` says what was run.
fn conclude(args: &CompareArgs, found: &Differences, header: &str, more: Vec<String>) -> Result<ExitCode> {
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
