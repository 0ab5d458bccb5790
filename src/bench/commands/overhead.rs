//! `bench overhead`: the cost of the backend's records.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::analysis::study::overhead::{FEWEST_ROUNDS, has_enough_rounds};
use crate::commands::run::view;
use crate::execute::folders::run_folders::RunFolder;
use crate::execute::go::toolchain::Go;
use crate::execute::overhead::measure;
use crate::execute::process::interrupt::{EXIT_CODE, Interrupt};
use crate::execute::remote::remote_store::Remote;
use crate::execute::round_runner::RoundRunner;
use crate::plan::run_plan::Plan;
use crate::report::progress::status_line::StatusLine;
use crate::report::terminal::overhead;
use crate::results::overhead::OVERHEAD_FILE;
use crate::scenario::args::BenchArgs;
use crate::scenario::cache_state::CacheState;
use crate::scenario::file::Scenario;
use gocacheprog::note;
use gocacheprog::stdout;

/// Measures the cost of the backend's records
#[derive(Debug, Clone, clap::Args)]
pub struct OverheadArgs {
    /// Packages to build, as `go build` takes them [default: those of the scenario]
    #[arg(value_name = "PACKAGES")]
    packages: Option<String>,
    /// Scenario with the packages to build
    #[arg(long, value_name = "NAME", default_value = "speed")]
    scenario: String,
    /// The cache state: local-hit for each record alone; remote-hit or cold for all records or none
    #[arg(long, alias = "leg", value_name = "STATE", default_value = "local-hit", hide_possible_values = true)]
    state: CacheState,
    /// Rounds, each with all settings; later reports show the result of local-hit if there are at least 10
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..))]
    rounds: u32,
    /// Folder of the results
    #[arg(long, value_name = "DIR", default_value = "metrics")]
    out: PathBuf,
}

/// Runs the rounds, prints the table on stdout, and keeps the samples for the reports of later runs.
///
/// # Errors
/// When a build fails, or was not in its state.
pub fn run(args: &OverheadArgs) -> Result<ExitCode> {
    let (name, scenario) = Scenario::load(&args.scenario)?;
    anyhow::ensure!(
        args.state.uses_backend(),
        "{} has no backend to measure\n  next:  give local-hit, remote-hit or cold",
        args.state
    );
    let plan = Plan::resolve(&name, &scenario, &bench_args(args))?;
    let interrupt = Interrupt::listen()?;
    let line = StatusLine::new();
    line.wait_for("looking at go, and starting S3");
    let go = Go::find()?;
    let remote = Remote::start(&plan, &interrupt)?;
    let folder = RunFolder::create(&args.out, "overhead")?;
    let runner = RoundRunner::set_up(&plan, &go, &folder, &interrupt, Some(remote), None)?;
    let measured = measure(runner, args.state, args.rounds, |what| line.say(what, None, None))?;
    line.finish();
    let Some(measured) = measured else {
        note::line("interrupted: too few rounds for a result");
        return Ok(ExitCode::from(EXIT_CODE));
    };
    let path = folder.path.join(OVERHEAD_FILE);
    measured.write(&path)?;
    folder.link_latest()?;
    let is_for_reports = args.state == CacheState::LocalHit;
    if is_for_reports && has_enough_rounds(&measured) {
        measured.write(&folder.out.join(OVERHEAD_FILE))?;
    }
    stdout::print(&overhead::printed(&measured, &path, view()))?;
    if is_for_reports && !has_enough_rounds(&measured) {
        note::line(format_args!("too few rounds for the line in later reports: it needs {FEWEST_ROUNDS}"));
    }
    if interrupt.requested() {
        note::line("interrupted: the table has the whole rounds so far");
        return Ok(ExitCode::from(EXIT_CODE));
    }
    Ok(ExitCode::SUCCESS)
}

/// The arguments of a bench that makes the state and measures once, without profiles.
fn bench_args(args: &OverheadArgs) -> BenchArgs {
    let state = args.state.to_string();
    let words = ["--only", &state, "--rounds", "1", "--long-rounds", "1", "--no-profile"];
    let mut parsed = BenchArgs::of(words.map(OsString::from));
    parsed.packages.clone_from(&args.packages);
    parsed
}
