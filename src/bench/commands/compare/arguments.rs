//! The arguments of `bench compare`, and its exit codes.

use std::path::PathBuf;

use crate::scenario::args::{parse_percent, rounds};
use crate::scenario::cache_state::CacheState;

/// Exit code where a state is slower than `--fail-over` allows.
pub(super) const SLOWER: u8 = 1;
/// Exit code of an error.
pub const ERROR: u8 = 2;
/// Exit code where a state is inconclusive, with `--fail-on-inconclusive`.
pub(super) const INCONCLUSIVE: u8 = 3;

/// Compares two saved runs, or two commits of the backend
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct CompareArgs {
    /// The first: the folder of a saved run, a commit (HEAD~3, main, 1a2b3c4), or `.` for this build
    pub(super) before: String,
    /// The second, which is judged
    pub(super) after: String,
    /// Exit with 1 when a state is clearly slower by more than this, such as 5%
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    pub(super) fail_over: Option<f64>,
    /// Exit with 3 when a state is inconclusive because of noise or too few rounds
    #[arg(long)]
    pub(super) fail_on_inconclusive: bool,
    /// Write the comparison into this file, for a pull request
    #[arg(long, value_name = "FILE")]
    pub(super) markdown: Option<PathBuf>,
    #[command(flatten)]
    pub(super) side_by_side: SideBySideArgs,
}

/// The run that compares two commits.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Two commits side by side")]
pub(crate) struct SideBySideArgs {
    /// Scenario to run with both [default: workshop]
    #[arg(long, value_name = "NAME")]
    pub(super) scenario: Option<String>,
    /// Measure only these states, separated by commas, such as remote-hit,local-hit
    #[arg(long, value_name = "STATE", value_delimiter = ',', hide_possible_values = true)]
    pub(super) only: Vec<CacheState>,
    /// Run only this case of the scenario; may be given several times
    #[arg(long, value_name = "CASE")]
    pub(super) case: Vec<String>,
    /// Rounds of go-warm, remote-hit and local-hit with each; from 8 on the interval has 99 % confidence
    #[arg(long, value_name = "N", value_parser = rounds())]
    pub(super) rounds: Option<u32>,
    /// Rounds of go-cold and cold with each
    #[arg(long, value_name = "N", value_parser = rounds())]
    pub(super) long_rounds: Option<u32>,
    /// Build this Go module of yours instead of the standard library
    #[arg(long, value_name = "DIR")]
    pub(super) workload: Option<PathBuf>,
    /// A go command to time instead of `go build`
    #[arg(last = true, value_name = "GO_COMMAND")]
    pub(super) command: Vec<String>,
    /// Print all tables and notes instead of the first screen
    #[arg(long)]
    pub(super) details: bool,
    /// Folder of the results [default: metrics]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
}

const HELP: &str = "\
Examples:
  bench compare metrics/RUN1 metrics/RUN2 --fail-over 5%    two saved runs
  bench compare main . --scenario small                     a branch and this build, within minutes
  bench compare HEAD~3 HEAD --only remote-hit,local-hit --rounds 21

Commits are built from a copy: your files, index and stash are not touched. The builds are kept in
target/compare/ for the next time. `.` is this bench as it runs.

Exit codes: 0, 1 slower (--fail-over), 2 an error, 3 inconclusive (--fail-on-inconclusive), 130 interrupted.";
