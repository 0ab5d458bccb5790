//! The plan: scenario and command line, validated once and resolved into the list of steps that will run.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::plan::go_command::{GoCommand, quoted};
use crate::plan::plan_error::PlanError;
use crate::plan::steps;
use crate::plan::steps::{Counts, Setup, Step};
use crate::plan::study::Study;
use crate::scenario::args::{BenchArgs, RemoteKind};
use crate::scenario::backends::argument;
use crate::scenario::cache_state::CacheState;
use crate::scenario::case::Case;
use crate::scenario::file::Scenario;
use crate::scenario::link::Link;
use crate::scenario::source_change::Change;
use gocacheprog::cache::Strategy;

/// Everything that is decided before the first go starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Plan {
    pub scenario: String,
    /// The arguments of the command line that say what is built, and over which remote: a command with them builds the same.
    #[serde(default)]
    pub build_arguments: Vec<String>,
    /// The package patterns, joined by spaces.
    pub packages: String,
    /// The command that is timed; None: `go build` of the packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<GoCommand>,
    /// Number of packages of the module to write; None: an empty folder.
    pub generated_packages: Option<u32>,
    /// KiB of data that each of them holds.
    pub data_kib: u32,
    /// Packages of std that those import.
    pub imports: Vec<String>,
    /// Packages of a second module that they import; 0: there is none.
    pub dependency_packages: u32,
    /// Folder of the user's own module; None: std, or a module to write.
    pub module: Option<PathBuf>,
    pub strategy: Strategy,
    pub remote: RemoteKind,
    /// The link that is asked of the embedded server; None with `--remote env`.
    pub link: Option<Link>,
    /// True if the backend writes trace and request log.
    pub records: bool,
    pub paired_ratios: bool,
    pub study: Study,
    /// Circumstances under which the states run beside each other; none where the study has none.
    pub cases: Vec<Case>,
    /// The precision that the times of the short states have to reach; None: the rounds of the scenario are enough.
    pub precision: Option<Precision>,
    /// In the order in which they run; with `precision` there may be more rounds than these.
    pub steps: Vec<Step>,
}

/// The precision from which on there are rounds enough.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Precision {
    /// Half of each interval, as a share.
    pub share: f64,
    /// The longest that more rounds than planned may take, seconds.
    pub limit_s: f64,
}

impl Plan {
    /// Resolves the scenario called `name` under the switches of the command line.
    pub fn resolve(name: &str, scenario: &Scenario, args: &BenchArgs) -> Result<Plan, PlanError> {
        let command = command(args)?;
        let packages = packages(name, scenario, args, command.as_ref())?;
        check(name, scenario, args, command.is_some())?;
        let mut plan = Plan {
            scenario: name.to_owned(),
            build_arguments: args.of_build(),
            packages,
            command,
            generated_packages: if args.workload.is_none() { scenario.workload.generated_packages } else { None },
            data_kib: scenario.workload.data_kib,
            imports: scenario.workload.imports.clone(),
            dependency_packages: scenario.workload.dependency_packages,
            // Absolute: `.` would name no folder in a title.
            module: args.workload.as_ref().map(|folder| std::path::absolute(folder).unwrap_or_else(|_| folder.clone())),
            strategy: args.strategy.unwrap_or(scenario.strategy),
            remote: args.remote,
            link: link(scenario, args),
            records: !args.no_records,
            paired_ratios: scenario.paired_ratios,
            study: Study::States,
            cases: Vec::new(),
            precision: args.until.map(|share| Precision { share, limit_s: args.until_limit * 60.0 }),
            steps: Vec::new(),
        };
        plan.cases = plan.resolve_cases(scenario, args)?;
        plan.study = Study::of(scenario, &plan.cases);
        if let Some(backends) = &args.backends {
            plan.run_with_each(backends, args.rounds.unwrap_or(scenario.rounds.short))?;
        }
        if !args.backend.is_empty() {
            plan.run_backends(argument::resolve(&args.backend)?, args.rounds.unwrap_or(scenario.rounds.short))?;
        }
        plan.steps = plan.resolve_steps(scenario, args);
        plan.leave_out_bottlenecks();
        Ok(plan)
    }

    /// Leaves out the bottlenecks whose cases `--only` leaves out.
    fn leave_out_bottlenecks(&mut self) {
        let measured = self.measured_setups();
        if let Study::Injected { bottlenecks } = &mut self.study {
            bottlenecks.retain(|bottleneck| measured.iter().any(|setup| setup.case == Some(bottleneck.case)));
        }
    }

    fn resolve_steps(&self, scenario: &Scenario, args: &BenchArgs) -> Vec<Step> {
        let wanted = if args.only.is_empty() { &scenario.states } else { &args.only };
        let states: Vec<CacheState> = CacheState::ALL.into_iter().filter(|state| wanted.contains(state)).collect();
        let short = args.rounds.unwrap_or(scenario.rounds.short);
        // A single round of backends that may be slow is for a first look.
        let is_first_look = self.study == Study::Backends && short == 1;
        let counts = Counts {
            long: args.long_rounds.unwrap_or(scenario.rounds.long),
            short,
            warm_up: if is_first_look { 0 } else { scenario.rounds.warm_up },
        };
        let setups = steps::setups(&states, &self.cases);
        let mut steps = steps::measured(&setups, &self.cases, counts);
        steps::insert_preparation(&mut steps, &self.cases);
        if scenario.rounds.profile && !args.no_profile {
            let is_foreign = |setup: &Setup| self.is_foreign(setup.case);
            let is_pack = |setup: &Setup| self.is_pack(setup.case);
            steps.extend(steps::profile(&setups, self.generated_packages.is_some(), is_foreign, is_pack));
        }
        if args.heap_profile {
            steps.extend(steps::heap(&setups).filter(|step| !self.is_foreign(step.case)));
        }
        steps
    }

    /// The case of a step that is measured; None for a preparation, which runs without what the case injects.
    pub fn measured_case(&self, step: &Step) -> Option<&Case> {
        if step.kind == steps::Kind::Preparation { None } else { self.case_of(step) }
    }

    /// The case of a step, where it has one.
    pub fn case_of(&self, step: &Step) -> Option<&Case> {
        self.cases.get(step.case?)
    }

    /// The command that is timed in each step.
    pub fn command(&self) -> GoCommand {
        self.command.clone().unwrap_or_else(|| GoCommand::build(&self.packages))
    }

    /// That command in words; machines build different packages.
    pub fn what_is_timed(&self) -> String {
        match self.study {
            Study::Machines { .. } => "go build by several machines".to_owned(),
            _ => self.command().to_string(),
        }
    }

    /// True if all cases have the same link.
    pub fn has_one_link(&self) -> bool {
        self.cases.windows(2).all(|pair| pair[0].link == pair[1].link)
    }

    /// The changes that its cases make in the module, each once.
    pub fn changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for change in self.cases.iter().filter_map(|case| case.change) {
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
        changes
    }

    /// The folder of a step below the one of the whole run.
    pub fn folder_of(&self, step: &Step) -> String {
        step.folder(&self.cases)
    }

    /// The setups that are measured, each once, in the order of its first round.
    pub fn measured_setups(&self) -> Vec<Setup> {
        let mut setups: Vec<Setup> = Vec::new();
        for step in self.steps.iter().filter(|step| step.kind == steps::Kind::Measured) {
            if !setups.contains(&step.setup()) {
                setups.push(step.setup());
            }
        }
        setups
    }

    /// The measured setups that compile next to nothing.
    pub fn short_setups(&self) -> Vec<Setup> {
        self.measured_setups().into_iter().filter(|setup| !setup.state.is_cold()).collect()
    }

    /// True if a session of this step would be over before a profiler is ready that starts with it.
    pub fn is_short(&self, step: &Step) -> bool {
        match step.state {
            CacheState::LocalHit => true,
            CacheState::RemoteHit => self.is_pack(step.case) || self.generated_packages.is_some(),
            _ => self.generated_packages.is_some(),
        }
    }

    /// True if the backend of a case is not ours.
    fn is_foreign(&self, case: Option<usize>) -> bool {
        case.and_then(|case| self.cases[case].foreign()).is_some()
    }

    fn is_pack(&self, case: Option<usize>) -> bool {
        case.and_then(|case| self.cases.get(case)).map_or(self.strategy, |case| case.strategy) == Strategy::Pack
    }

    /// True if any step talks to a remote.
    pub fn needs_remote(&self) -> bool {
        matches!(self.study, Study::Machines { .. }) || self.steps.iter().any(|step| step.state.uses_backend())
    }
}

/// The link to the embedded server; None where that is not used.
fn link(scenario: &Scenario, args: &BenchArgs) -> Option<Link> {
    match args.remote {
        RemoteKind::Embedded => Some(scenario.link.with_latency(args.rtt.unwrap_or(scenario.link.latency_ms))),
        RemoteKind::Env => None,
    }
}

/// The command after `--`.
fn command(args: &BenchArgs) -> Result<Option<GoCommand>, PlanError> {
    if args.command.is_empty() { Ok(None) } else { GoCommand::parse(&args.command).map(Some) }
}

/// The package patterns: those of the command, of the command line, of the module, or of the scenario.
fn packages(
    name: &str,
    scenario: &Scenario,
    args: &BenchArgs,
    command: Option<&GoCommand>,
) -> Result<String, PlanError> {
    if let Some(command) = command {
        return Ok(command.packages().join(" "));
    }
    let Some(packages) = &args.packages else {
        let own = args.workload.as_ref().map(|_| "./...".to_owned());
        return Ok(own.unwrap_or_else(|| scenario.workload.packages.clone()));
    };
    if packages.is_empty() {
        return Err(PlanError::Pattern { packages: packages.clone(), why: "it is empty" });
    }
    if packages.starts_with('-') {
        return Err(PlanError::Pattern { packages: packages.clone(), why: "it starts with `-`" });
    }
    if scenario.workload.generated_packages.is_some() && args.workload.is_none() {
        return Err(PlanError::PatternOfModule { scenario: name.to_owned(), packages: packages.clone() });
    }
    Ok(packages.clone())
}

/// Refuses arguments that this bench or the scenario would ignore.
fn check(name: &str, scenario: &Scenario, args: &BenchArgs, has_command: bool) -> Result<(), PlanError> {
    if args.heap_profile && !cfg!(feature = "heap-profile") {
        let arguments: Vec<String> = std::env::args().skip(1).map(|word| quoted(&word)).collect();
        return Err(PlanError::NoHeapProfiler { arguments: arguments.join(" ") });
    }
    let has_rounds = args.rounds.or(args.long_rounds).is_some() || args.until.is_some() || args.heap_profile;
    let sets_build = !args.only.is_empty() || args.packages.is_some() || has_command;
    if scenario.ci.is_some() && (has_rounds || sets_build) {
        return Err(PlanError::NoStates { scenario: name.to_owned() });
    }
    if args.remote == RemoteKind::Env && args.rtt.is_some() {
        return Err(PlanError::LinkOfEnv);
    }
    Ok(())
}

#[cfg(test)]
#[path = "run_plan_tests.rs"]
pub mod tests;
