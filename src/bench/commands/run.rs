//! One run of `bench` from its arguments to its exit code.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::analysis::results::Results;
use crate::analysis::statistics::rounds::counted;
use crate::analysis::study::overhead;
use crate::commands::recorder::RunRecorder;
use crate::error_text::in_words;
use crate::execute::backend::profiles;
use crate::execute::environment;
use crate::execute::folders::run_folders::RunFolder;
use crate::execute::go::page_cache;
use crate::execute::go::toolchain::Go;
use crate::execute::process::interrupt::{EXIT_CODE, Interrupt};
use crate::execute::remote::remote_store::Remote;
use crate::execute::remote::variables;
use crate::execute::round_runner::RoundRunner;
use crate::execute::runner;
use crate::execute::runner::Execute;
use crate::execute::workload::user_module::UserModule;
use crate::plan::run_plan::Plan;
use crate::plan::steps::Kind;
use crate::plan::study::Study;
use crate::plan::what_if::WhatIfArgs;
use crate::report::progress::outline;
use crate::report::progress::status_line::StatusLine;
use crate::report::terminal::grid::View;
use crate::report::{printed, write_reports};
use crate::results::overhead::{DEFAULT_SET, OVERHEAD_FILE, OverheadRun};
use crate::results::run::{Ended, Run, SCHEMA};
use crate::scenario::args::BenchArgs;
use crate::scenario::case::Case;
use crate::scenario::ci::Group;
use crate::scenario::file::Scenario;
use gocacheprog::platform::Cpus;
use gocacheprog::platform::clock::now_unix_ns;
use gocacheprog::{note, stdout};

/// Name of the runs of `what-if`.
const WHAT_IF: &str = "what-if";

/// Columns of the tables at most, and where the terminal does not say how many it has.
const WIDTH: u16 = 100;

/// Runs a scenario, prints its results on stdout and progress on stderr. The exit code is 0, 1 when a run was never in its state or
/// records disagree, or 130 after an interrupt.
///
/// # Errors
/// When something cannot be started, or a build fails; the results until then are printed and kept all the same.
pub fn run(args: BenchArgs) -> Result<ExitCode> {
    let (name, scenario) = Scenario::load(&args.scenario)?;
    run_scenario(&name, &scenario, &args)
}

/// Measures the time that single changes would save.
///
/// # Errors
/// Fails as [`run`] does.
pub fn what_if(args: &WhatIfArgs) -> Result<ExitCode> {
    let (_, scenario) = Scenario::load(&args.bench.scenario)?;
    run_scenario(WHAT_IF, &args.scenario(&scenario)?, &args.bench)
}

fn run_scenario(name: &str, scenario: &Scenario, args: &BenchArgs) -> Result<ExitCode> {
    run_resolved(&Plan::resolve(name, scenario, args)?, args).map(|(_, code)| code)
}

/// Runs a plan as [`run`] does; there are no results where `--dry-run` only prints it.
///
/// # Errors
/// Fails as [`run`] does.
pub fn run_resolved(plan: &Plan, args: &BenchArgs) -> Result<(Option<Results>, ExitCode)> {
    if args.dry_run {
        stdout::print(&outline::render(plan, Cpus::here().cores()))?;
        return Ok((None, ExitCode::SUCCESS));
    }
    let interrupt = Interrupt::listen()?;
    let (results, code) = run_plan(plan, &args.results_folder(), &plan.scenario, args.details, &interrupt)?;
    Ok((Some(results), code))
}

/// Runs a plan, with results below `out` in a folder that has `name` in its own. Prints the first screen, or with `details` all
/// tables. Returns the results with the exit code.
///
/// # Errors
/// Fails as [`run`] does.
pub fn run_plan(
    plan: &Plan,
    out: &Path,
    name: &str,
    details: bool,
    interrupt: &Interrupt,
) -> Result<(Results, ExitCode)> {
    let line = StatusLine::new();
    line.wait_for("looking at go and the module, and starting S3");
    // Before the folder: a remote that cannot be used leaves no run behind.
    let module = plan.module.as_ref().map(|folder| UserModule::find(folder, interrupt)).transpose()?;
    let go = match &module {
        Some(module) => module.go()?,
        None => Go::find()?,
    };
    let remote = plan.needs_remote().then(|| Remote::start(plan, interrupt)).transpose()?;
    let folder = RunFolder::create(out, name)?;
    line.wait_for("copying the module");
    let runner = RoundRunner::set_up(plan, &go, &folder, interrupt, remote, module)?;
    drop(line);
    let (results, mut errors) = measure(runner)?;
    if folder.is_kept() {
        stdout::print(&printed(&results, &folder.path, &out.join(folder.shown_name()), view(), details))?;
    }
    // The first one says why the run ended; the others are printed too.
    let interrupted = results.run.ended == Ended::Interrupted;
    let first = if interrupted || errors.is_empty() { None } else { Some(errors.remove(0)) };
    for error in &errors {
        note::line(format_args!("error: {}", in_words(error)));
    }
    if interrupted {
        note_interrupted(&folder);
        return Ok((results, ExitCode::from(EXIT_CODE)));
    }
    let is_good = !lacks_a_run(&results) && results.analysis.summary.records.disagreements.is_empty();
    match first {
        Some(error) => Err(error),
        None => Ok((results, if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })),
    }
}

fn note_interrupted(folder: &RunFolder) {
    if folder.is_kept() {
        note::line(format_args!("interrupted: the results so far are in {}", folder.path.display()));
    } else {
        note::line("interrupted: nothing was measured");
    }
}

/// True if some setup has no round in the state that its name claims, as the table says by then.
fn lacks_a_run(results: &Results) -> bool {
    let rounds = &results.run.rounds;
    let measured = rounds.iter().filter(|round| round.step.kind == Kind::Measured);
    measured.map(|round| round.step.setup()).any(|setup| counted(rounds, setup).next().is_none())
}

/// Runs the steps. Returns the results, and what went wrong: first the error that ended the run early, then those of tidying up.
fn measure(mut runner: RoundRunner<'_>) -> Result<(Results, Vec<anyhow::Error>)> {
    let (plan, folder) = (runner.plan, runner.folder);
    let mut recorder = RunRecorder::new(Results::of(empty_run(&mut runner)?), folder, Cpus::here().cores());
    recorder.write()?;
    recorder.progress.before("reading the toolchain into the page cache");
    warm_page_cache(&runner);
    let (ended, error) = match &plan.study {
        Study::Machines { groups, .. } => run_groups(groups, &mut runner, &mut recorder),
        _ => runner::run(&plan.steps, &mut runner, &mut recorder),
    };
    recorder.progress.note("removing the caches of this run");
    let run = &mut recorder.results.run;
    run.ended = ended;
    run.error = error.as_ref().map(in_words);
    run.link = match plan.study.has_cases() {
        true => run.rounds.iter().rev().find_map(|round| round.link),
        false => runner.link_measured().unwrap_or_default(),
    };
    // Before the last results are written: a full disk must not leave objects behind in a user's bucket, and without
    // the caches there is room for the results.
    let removed = runner.remote.take().map_or(Ok(()), Remote::finish);
    folder.work.remove();
    recorder.progress.note("merging the profiles and writing the reports");
    let merged = profiles::merge(&folder.path, plan);
    let written = recorder.write();
    let reported = write_reports(&recorder.results, &folder.path);
    recorder.progress.finish();
    let errors = [error, removed.err(), merged.err(), written.err(), reported.err()];
    Ok((recorder.results, errors.into_iter().flatten().collect()))
}

/// Reads all programs that the rounds start into the page cache, so that the first one is not slower than the others.
fn warm_page_cache(runner: &RoundRunner<'_>) {
    let of_cases = runner.plan.cases.iter().filter_map(Case::executable);
    let of_foreign = runner.plan.foreign_programs();
    let executables: Vec<&Path> = of_cases.chain(of_foreign).chain([runner.executable.as_path()]).collect();
    page_cache::page_cache(runner.go, &executables, runner.interrupt);
    if runner.plan.generated_packages.is_none() {
        page_cache::c_compiler(runner);
    }
}

/// Runs groups of machines in the place of steps. Returns as [`runner::run`] does.
fn run_groups(
    groups: &[Group],
    runner: &mut RoundRunner<'_>,
    recorder: &mut RunRecorder<'_>,
) -> (Ended, Option<anyhow::Error>) {
    for (at, group) in groups.iter().enumerate() {
        let (folder, number, all) = (group.folder(), at + 1, groups.len());
        recorder.progress.group_starts(at, &format!("machines: {folder} · group {number} of {all}"));
        let result = runner.group(group);
        if runner.interrupted() {
            return (Ended::Interrupted, None);
        }
        if let Err(error) = result.and_then(|result| recorder.group_ended(result)) {
            return (Ended::Failed, Some(error));
        }
        recorder.progress.group_ended(at);
    }
    (Ended::Complete, None)
}

/// A run without rounds, in the environment of its runner.
fn empty_run(runner: &mut RoundRunner<'_>) -> Result<Run> {
    let (plan, folder) = (runner.plan, runner.folder);
    let mut environment = environment::collect(runner.go, &folder.work.path);
    environment::add_settings(&mut environment, runner.workload.user_settings(), variables::left_out(plan));
    environment.go_workers = Some(runner.go_workers()?);
    let last = OverheadRun::read(&folder.out.join(OVERHEAD_FILE)).ok();
    Ok(Run {
        schema: SCHEMA,
        name: folder.name.clone(),
        started_unix_ns: now_unix_ns(),
        ended: Ended::Running,
        error: None,
        plan: plan.clone(),
        record_overhead: last.and_then(|last| overhead::of_records(&last, DEFAULT_SET, &environment)),
        environment,
        link: None,
        rounds: Vec::new(),
        machines: Vec::new(),
        cut_off: None,
    })
}

/// Width and colour of the output on this terminal.
pub fn view() -> View {
    let terminal = std::io::stdout().is_terminal();
    let width = comfy_table::Table::new().width().unwrap_or(WIDTH);
    View {
        width: width.min(WIDTH).into(),
        // https://no-color.org: any value that is not empty.
        colour: terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}
