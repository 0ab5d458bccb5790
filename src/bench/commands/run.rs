//! One run of `bench` from its arguments to its exit code.

use std::io::IsTerminal;
use std::num::NonZero;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result};

use crate::bench::analysis::compute;
use crate::bench::analysis::statistics::compare::counted;
use crate::bench::analysis::study::ci::{CiResults, GroupResult};
use crate::bench::analysis::study::summary::Summary;
use crate::bench::commands::overhead::DEFAULT_SET;
use crate::bench::execute::backend::profiles;
use crate::bench::execute::environment::Environment;
use crate::bench::execute::folders::caches::Caches;
use crate::bench::execute::folders::run_folders::RunFolder;
use crate::bench::execute::go::page_cache;
use crate::bench::execute::go::toolchain::{Go, GoFolders};
use crate::bench::execute::process::interrupt::{EXIT_CODE, Interrupt};
use crate::bench::execute::remote::remote_store::Remote;
use crate::bench::execute::remote::variables;
use crate::bench::execute::round_runner::RoundRunner;
use crate::bench::execute::runner;
use crate::bench::execute::runner::{Execute, Watch};
use crate::bench::execute::workload::build_target::BuildTarget;
use crate::bench::execute::workload::user_module::UserModule;
use crate::bench::plan::run_plan::Plan;
use crate::bench::plan::steps::{Kind, Step, one_round};
use crate::bench::plan::what_if::WhatIfArgs;
use crate::bench::report::network_plot;
use crate::bench::report::progress::outline;
use crate::bench::report::progress::reporter::Progress;
use crate::bench::report::progress::status_line::StatusLine;
use crate::bench::report::terminal::grid::View;
use crate::bench::report::terminal::overhead;
use crate::bench::report::terminal::overhead::OverheadRun;
use crate::bench::report::text::errors::in_words;
use crate::bench::report::{printed, write_reports};
use crate::bench::results::run::{Ended, Results, Round, SCHEMA};
use crate::bench::scenario::args::BenchArgs;
use crate::bench::scenario::case::Case;
use crate::bench::scenario::file::Scenario;
use crate::{note, platform, stdout};

/// Name of the runs of `what-if`.
const WHAT_IF: &str = "what-if";

/// Columns of the tables at most, and where the terminal does not say how many it has.
const WIDTH: u16 = 100;

/// Runs what `args` ask for, prints the first screen or all tables on stdout, and progress on stderr.
///
/// The exit code is 0, 1 when a run was never in its state or records disagree, or 130 after an interrupt. Errors: what cannot be started, and
/// a failed build; what was measured until then is printed and kept all the same.
pub fn run(args: BenchArgs) -> Result<ExitCode> {
    let (name, scenario) = Scenario::load(&args.scenario)?;
    run_scenario(&name, &scenario, &args).map(|(_, code)| code)
}

/// Measures what changes would bring.
///
/// # Errors
/// As [`run`].
pub fn what_if(args: &WhatIfArgs) -> Result<ExitCode> {
    let (_, scenario) = Scenario::load(&args.bench.scenario)?;
    run_scenario(WHAT_IF, &args.scenario(&scenario)?, &args.bench).map(|(_, code)| code)
}

fn run_scenario(name: &str, scenario: &Scenario, args: &BenchArgs) -> Result<(Option<Results>, ExitCode)> {
    run_resolved(&Plan::resolve(name, scenario, args)?, args)
}

/// The same of a plan that is resolved; nothing comes out where it is only printed.
///
/// # Errors
/// As [`run`].
pub fn run_resolved(plan: &Plan, args: &BenchArgs) -> Result<(Option<Results>, ExitCode)> {
    if args.dry_run {
        stdout::print(&outline::render(plan, cores()))?;
        return Ok((None, ExitCode::SUCCESS));
    }
    let interrupt = Interrupt::listen()?;
    let (results, code) = run_plan(plan, &args.results_folder(), &plan.scenario, args.details, &interrupt)?;
    Ok((Some(results), code))
}

/// Runs a plan whose arguments are resolved; `name` becomes a part of its folder's. Prints the first screen, or with `details` all
/// tables. Returns the results beside the exit code.
///
/// # Errors
/// As [`run`].
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
    let machine = set_up(plan, &go, &folder, interrupt, remote, module)?;
    drop(line);
    let (results, mut errors) = measure(machine)?;
    if folder.is_kept() {
        stdout::print(&printed(&results, &folder.path, &out.join(folder.shown_name()), view(), details))?;
    }
    // The first one says why the run ended; what went wrong after that has to be told as well.
    let interrupted = results.ended == Ended::Interrupted;
    let first = if interrupted || errors.is_empty() { None } else { Some(errors.remove(0)) };
    for error in &errors {
        note::line(format_args!("error: {}", in_words(error)));
    }
    if interrupted {
        if folder.is_kept() {
            note::line(format_args!("interrupted: the results so far are in {}", folder.path.display()));
        } else {
            note::line("interrupted: nothing was measured");
        }
        return Ok((results, ExitCode::from(EXIT_CODE)));
    }
    let is_good = !lacks_a_run(&results) && results.summary.records.disagreements.is_empty();
    match first {
        Some(error) => Err(error),
        None => Ok((results, if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })),
    }
}

/// Whether some run was never in the state that its name claims, as the table says by then.
fn lacks_a_run(results: &Results) -> bool {
    let rounds = &results.rounds;
    let measured = rounds.iter().filter(|round| round.step.kind == Kind::Measured);
    measured.map(|round| round.step.setup()).any(|setup| counted(rounds, setup).next().is_none())
}

/// Keeps the results while the rounds run.
struct RunRecorder<'a> {
    results: Results,
    folder: &'a RunFolder,
    progress: Progress,
    /// Since when there are more rounds than planned.
    more_since: Option<Instant>,
}

impl RunRecorder<'_> {
    fn write(&mut self) -> Result<()> {
        compute(&mut self.results);
        self.results.write(&self.folder.path)
    }
}

impl RunRecorder<'_> {
    fn group_ended(&mut self, result: GroupResult) -> Result<()> {
        let ci = self.results.ci.get_or_insert_default();
        ci.add(result);
        let is_first = ci.groups.len() == 1;
        self.write()?;
        if is_first { self.folder.link_latest() } else { Ok(()) }
    }
}

impl Watch for RunRecorder<'_> {
    fn starts(&mut self, position: usize, step: Step) {
        self.progress.starts(position, step);
    }

    fn ended(&mut self, position: usize, round: Round) -> Result<()> {
        self.progress.ended(position, &round);
        self.results.rounds.push(round);
        self.write()?;
        // Not before: a run that measured nothing leaves `latest` with the last one that did.
        if self.results.rounds.len() == 1 { self.folder.link_latest() } else { Ok(()) }
    }

    fn more(&mut self, position: usize) -> Vec<Step> {
        let Some(until) = self.results.plan.until else { return Vec::new() };
        let short = self.results.plan.short_setups();
        let is_known = self.results.widest_interval.is_some_and(|widest| widest <= until.share);
        let since = self.more_since.get_or_insert_with(Instant::now);
        if short.is_empty() || is_known || since.elapsed().as_secs_f64() > until.limit_s {
            return Vec::new();
        }
        let timed = self.results.rounds.iter().map(|round| round.step).filter(Step::is_timed);
        let last = timed.map(|step| step.round).max().unwrap_or(0);
        let steps = one_round(&short, last + 1, u32::MAX);
        self.progress.insert(position, &steps);
        steps
    }
}

impl Execute for RoundRunner<'_> {
    fn round(&mut self, step: Step) -> Result<Round> {
        RoundRunner::round(self, step)
    }

    fn interrupted(&self) -> bool {
        self.interrupt.requested()
    }
}

/// Runs the steps. Returns what came out, and what went wrong: first what ended it early, then the tidying up.
fn measure(mut machine: RoundRunner<'_>) -> Result<(Results, Vec<anyhow::Error>)> {
    let (plan, go, folder) = (machine.plan, machine.go, machine.folder);
    let mut results = empty_results(plan.clone(), go, folder);
    results.environment.add_settings(machine.workload.user_settings(), variables::left_out(plan));
    results.environment.go_workers = Some(machine.go_workers()?);
    let progress = Progress::new(plan, &folder.path, cores());
    let mut keeper = RunRecorder { results, folder, progress, more_since: None };
    keeper.write()?;
    keeper.progress.before("reading the toolchain into the page cache");
    let of_cases = plan.cases.iter().filter_map(Case::executable);
    let executables: Vec<&Path> = of_cases.chain([machine.executable.as_path()]).collect();
    page_cache::page_cache(go, &executables, machine.interrupt);
    if plan.generated_packages.is_none() {
        page_cache::c_compiler(&machine);
    }
    let (ended, error) = match plan.groups.is_empty() {
        true => runner::run(&plan.steps, &mut machine, &mut keeper),
        false => groups(&mut machine, &mut keeper),
    };
    keeper.progress.note("removing the caches of this run");
    keeper.results.ended = ended;
    keeper.results.error = error.as_ref().map(in_words);
    // Where there are cases each round has measured the link by itself.
    let of_rounds = keeper.results.rounds.iter().rev().find_map(|round| round.link);
    keeper.results.link = if plan.cases.is_empty() { machine.link_measured().unwrap_or_default() } else { of_rounds };
    // Before the last results are written: a full disk must not leave objects behind in somebody's bucket, and without
    // the caches there is room for the results.
    let removed = machine.remote.take().map_or(Ok(()), Remote::finish);
    folder.work.remove();
    keeper.progress.note("merging the profiles and writing the reports");
    let merged = profiles::merge(&folder.path, plan);
    let written = keeper.write();
    let reported = write_reports(&keeper.results, &folder.path);
    let network = keeper.results.network.as_ref();
    let drawn = network.map_or(Ok(()), |network| network_plot::write(network, &folder.path));
    keeper.progress.finish();
    let errors = [error, removed.err(), merged.err(), written.err(), reported.err(), drawn.err()];
    Ok((keeper.results, errors.into_iter().flatten().collect()))
}

/// Runs the groups of machines in the place of steps. Returns as [`runner::run`] does.
fn groups(machine: &mut RoundRunner<'_>, keeper: &mut RunRecorder<'_>) -> (Ended, Option<anyhow::Error>) {
    let plan = machine.plan;
    keeper.results.ci = Some(CiResults::new(plan.prices));
    for (at, group) in plan.groups.iter().enumerate() {
        let (folder, number, all) = (group.folder(), at + 1, plan.groups.len());
        keeper.progress.group_starts(at, &format!("machines: {folder} · group {number} of {all}"));
        let result = machine.group(group);
        if machine.interrupted() {
            return (Ended::Interrupted, None);
        }
        if let Err(error) = result.and_then(|result| keeper.group_ended(result)) {
            return (Ended::Failed, Some(error));
        }
        keeper.progress.group_ended(at);
    }
    (Ended::Complete, None)
}

/// A machine for the rounds of a plan, in a folder of its own.
///
/// # Errors
/// When the folders of the run cannot be made.
pub fn set_up<'a>(
    plan: &'a Plan,
    go: &'a Go,
    folder: &'a RunFolder,
    interrupt: &'a Interrupt,
    remote: Option<Remote>,
    module: Option<UserModule>,
) -> Result<RoundRunner<'a>> {
    let work = &folder.work.path;
    let temporary = interrupt.temporary_folder().context("cannot make a temporary folder")?;
    let folders = GoFolders {
        config: work.join("config"),
        gopath: work.join("gopath"),
        of_builds: work.join("tmp"),
        of_programs: temporary.path().to_owned(),
    };
    for folder in [&folders.config, &folders.gopath, &folders.of_builds] {
        std::fs::create_dir(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    platform::switch_off_telemetry(&folders.config)
        .with_context(|| format!("cannot write go's settings below {}", folders.config.display()))?;
    Ok(RoundRunner {
        plan,
        go,
        folder,
        interrupt,
        executable: std::env::current_exe().context("cannot find bench's own executable")?,
        workload: BuildTarget::create(work, plan, module, go, &folders)?,
        folders,
        _temporary: temporary,
        remote,
        caches: Caches::new(work),
        switches: None,
    })
}

fn empty_results(plan: Plan, go: &Go, folder: &RunFolder) -> Results {
    let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let environment = Environment::collect(go, &folder.work.path);
    let last = OverheadRun::last(&folder.out);
    let (go_version, cpu) = (environment.go_version.as_str(), environment.cpu_model.as_deref());
    Results {
        schema: SCHEMA,
        price_of_records: overhead::in_words(last.as_ref(), DEFAULT_SET, go_version, cpu),
        run: folder.name.clone(),
        started_unix_ns: u64::try_from(started.as_nanos()).unwrap_or(u64::MAX),
        ended: Ended::Running,
        error: None,
        plan,
        environment,
        link: None,
        rounds: Vec::new(),
        summary: Summary::default(),
        widest_interval: None,
        cases: Vec::new(),
        differences: None,
        ci: None,
        network: None,
        critical_paths: Vec::new(),
        savings: Vec::new(),
        verdicts: Vec::new(),
        proofs: Vec::new(),
        cut_off: None,
    }
}

/// Cores that bench may use.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// How wide and how colourful the output may be.
pub fn view() -> View {
    let terminal = std::io::stdout().is_terminal();
    let width = comfy_table::Table::new().width().unwrap_or(WIDTH);
    View {
        width: width.min(WIDTH).into(),
        // https://no-color.org: any value that is not empty.
        colour: terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}
