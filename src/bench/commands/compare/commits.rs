//! Two builds of the backend side by side: builds them where that is needed, and runs a scenario with both.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::commands::compare::arguments::{CompareArgs, ERROR, SideBySideArgs};
use crate::commands::compare::conclusion::conclude;
use crate::commands::compare::side::Side;
use crate::commands::run::run_plan;
use crate::execute::backend::command::all_arguments;
use crate::execute::backend::commit_build::{CommitBuilds, check_arguments};
use crate::execute::backend::repository::Repository;
use crate::execute::process::interrupt::{EXIT_CODE, Interrupt};
use crate::execute::remote::seed;
use crate::plan::run_plan::Plan;
use crate::report::progress::status_line::StatusLine;
use crate::report::terminal::tables;
use crate::scenario::args::BenchArgs;
use crate::scenario::cache_state::CacheState;
use crate::scenario::case::Backend;
use crate::scenario::case::Case;
use crate::scenario::file::Scenario;
use gocacheprog::note;

/// Runs the scenario with both, and prints its tables and the differences.
///
/// # Errors
/// When the scenario cannot be run, a commit cannot be built, its backend does not know an argument, or a build fails.
pub fn run(args: &CompareArgs, sides: [Side; 2], repository: Option<Repository>) -> Result<ExitCode> {
    let bench = std::env::current_exe().context("cannot find bench's own executable")?;
    let is_commit = |side: &Side| matches!(side, Side::Commit(_));
    let builds = repository.filter(|_| sides.iter().any(is_commit)).map(|found| CommitBuilds::new(found, &bench));
    let builds = builds.transpose()?;
    let mut bench_args = bench_args(&args.side_by_side);
    bench_args.backends = Some(sides.each_ref().map(|side| backend(side, builds.as_ref())));
    let (name, scenario) = Scenario::load(&bench_args.scenario)?;
    let plan = Plan::resolve(&name, &scenario, &bench_args)?;
    let interrupt = Interrupt::listen()?;
    for side in &sides {
        build(side, builds.as_ref(), &interrupt)?;
        if interrupt.requested() {
            note::line("interrupted: nothing was measured");
            return Ok(ExitCode::from(EXIT_CODE));
        }
    }
    (0..plan.cases.len()).try_for_each(|case| check_backend(&plan, case))?;
    let name = format!("compare-{}", plan.scenario);
    let (results, code) = run_plan(&plan, &bench_args.results_folder(), &name, args.side_by_side.details, &interrupt)?;
    let Some(found) = results.analysis.differences.as_ref().filter(|_| !interrupt.requested()) else { return Ok(code) };
    let concluded = conclude(args, found, &tables::header(&results), Vec::new())?;
    if concluded != ExitCode::SUCCESS || code == ExitCode::SUCCESS {
        return Ok(concluded);
    }
    // A state was never reached, or records disagree.
    Ok(ExitCode::from(ERROR))
}

/// The arguments of the bench that runs both, without rounds for profiles: they are not compared.
fn bench_args(args: &SideBySideArgs) -> BenchArgs {
    let mut words: Vec<OsString> = vec!["--no-profile".into()];
    let mut add = |flag: &str, value: OsString| words.extend([flag.into(), value]);
    let number = |number: u32| OsString::from(number.to_string());
    args.scenario.iter().for_each(|name| add("--scenario", name.into()));
    args.only.iter().for_each(|state| add("--only", state.name().into()));
    args.case.iter().for_each(|case| add("--case", case.into()));
    args.rounds.iter().for_each(|rounds| add("--rounds", number(*rounds)));
    args.long_rounds.iter().for_each(|rounds| add("--long-rounds", number(*rounds)));
    args.workload.iter().for_each(|folder| add("--workload", folder.into()));
    args.out.iter().for_each(|folder| add("--out", folder.into()));
    if !args.command.is_empty() {
        words.push("--".into());
        words.extend(args.command.iter().map(OsString::from));
    }
    BenchArgs::of(words)
}

fn backend(side: &Side, builds: Option<&CommitBuilds>) -> Backend {
    match side {
        Side::Commit(commit) => Backend {
            name: commit.name.clone(),
            commit: Some(commit.hash.clone()),
            executable: builds.map(|builds| builds.executable(commit)),
            foreign: None,
        },
        _ => Backend { name: "this build".to_owned(), commit: None, executable: None, foreign: None },
    }
}

/// Builds a commit that was not built before.
fn build(side: &Side, builds: Option<&CommitBuilds>, interrupt: &Interrupt) -> Result<()> {
    let (Side::Commit(commit), Some(builds)) = (side, builds) else { return Ok(()) };
    if builds.executable(commit).is_file() {
        return Ok(());
    }
    let line = StatusLine::new();
    builds.build(commit, interrupt, &|what| line.say(what, None, None))
}

/// Checks before the first round that the backend of a case knows all arguments that it will get.
fn check_backend(plan: &Plan, at: usize) -> Result<()> {
    let case = &plan.cases[at];
    let Some((backend, executable)) = case.backend.as_ref().zip(case.executable()) else { return Ok(()) };
    let check = |arguments: &[String]| check_arguments(executable, arguments, &backend.name);
    all_arguments(plan, at)?.iter().try_for_each(|arguments| check(arguments))?;
    let needs_seed = plan.steps.iter().any(|step| (step.state, step.case) == (CacheState::RemoteHit, Some(at)));
    if needs_seed { check(&of_seed(case)) } else { Ok(()) }
}

fn of_seed(case: &Case) -> Vec<String> {
    seed::arguments(&case.seed()).into_iter().chain(["--cache-dir", "x"].map(str::to_owned)).collect()
}
