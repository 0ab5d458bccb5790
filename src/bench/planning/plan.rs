//! The plan: scenario and command line, validated once and resolved into the list of steps that will run.

use serde::Serialize;

use super::args::{BenchArgs, RemoteKind};
use super::leg::Leg;
use super::scenario::{Link, Scenario};
use crate::cache::Strategy;

/// Everything that is decided before the first go starts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    pub scenario: String,
    /// The pattern given to `go build`.
    pub packages: String,
    /// Number of packages of the module to write; None: an empty folder.
    pub generated_packages: Option<u32>,
    pub strategy: Strategy,
    pub remote: RemoteKind,
    /// The link that is asked of the embedded server; None with `--remote env`.
    pub link: Option<Link>,
    /// Whether the backend writes trace and request log.
    pub records: bool,
    pub paired_ratios: bool,
    /// In the order in which they run.
    pub steps: Vec<Step>,
}

/// One run of go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Step {
    pub leg: Leg,
    pub kind: Kind,
    /// From 1; the same number in two legs means that they ran next to each other.
    pub round: u32,
}

/// What a step is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Its time counts.
    Measured,
    /// It only makes a state that another leg starts from.
    Preparation,
    /// Its time does not count: the CPU profile is on.
    Profile,
    /// Its time does not count: the heap profile is on.
    Heap,
}

impl Step {
    /// The folder of this step below the one of the whole run.
    pub fn folder(&self) -> String {
        match self.kind {
            Kind::Measured => format!("{}/{}", self.leg, self.round),
            Kind::Preparation => format!("{}/preparation", self.leg),
            Kind::Profile if self.round == 1 => format!("{}/profile", self.leg),
            Kind::Profile => format!("{}/profile-{}", self.leg, self.round),
            Kind::Heap => format!("{}/heap", self.leg),
        }
    }
}

/// Profile rounds of a leg whose sessions take some hundredths of a second of CPU time: four samples each.
/// The first is for go's own view.
const SHORT_PROFILES: u32 = 9;

/// Why scenario and command line do not go together.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(
        "`--rtt` sets the link to the embedded S3 server, which `--remote env` does not use\n  next:  leave out one of the two"
    )]
    LinkOfEnv,
    #[error(
        "the scenario `{scenario}` writes its own module, so the package pattern `{packages}` cannot be chosen\n  \
         next:  leave it out, or use --scenario workshop"
    )]
    PatternOfModule { scenario: String, packages: String },
    #[error(
        "this bench was built without the heap profiler\n  next:  cargo run --features heap-profile --bin bench -- --heap-profile"
    )]
    NoHeapProfiler,
    #[error("`{packages}` is not a package pattern: it starts with `-`")]
    Pattern { packages: String },
}

impl Plan {
    /// Resolves the scenario called `name` under the switches of the command line.
    pub fn resolve(name: &str, scenario: &Scenario, args: &BenchArgs) -> Result<Plan, PlanError> {
        if args.heap_profile && !cfg!(feature = "heap-profile") {
            return Err(PlanError::NoHeapProfiler);
        }
        let packages = packages(name, scenario, args)?;
        if args.remote == RemoteKind::Env && args.rtt.is_some() {
            return Err(PlanError::LinkOfEnv);
        }
        let link = Link { latency_ms: args.rtt.unwrap_or(scenario.link.latency_ms), ..scenario.link };
        let wanted = if args.only.is_empty() { &scenario.legs } else { &args.only };
        let legs: Vec<Leg> = Leg::ALL.into_iter().filter(|leg| wanted.contains(leg)).collect();
        let rounds = Counts {
            long: args.long_rounds.unwrap_or(scenario.rounds.long),
            short: args.rounds.unwrap_or(scenario.rounds.short),
        };
        let mut steps = measured_steps(&legs, rounds);
        insert_preparation(&mut steps);
        if scenario.rounds.profile && !args.no_profile {
            steps.extend(profile_steps(&legs, scenario.workload.generated_packages.is_some()));
        }
        if args.heap_profile {
            let profiled = legs.iter().filter(|leg| leg.uses_backend());
            steps.extend(profiled.map(|leg| Step { leg: *leg, kind: Kind::Heap, round: 1 }));
        }
        Ok(Plan {
            scenario: name.to_owned(),
            packages,
            generated_packages: scenario.workload.generated_packages,
            strategy: args.strategy.unwrap_or(scenario.strategy),
            remote: args.remote,
            link: (args.remote == RemoteKind::Embedded).then_some(link),
            records: !args.no_records,
            paired_ratios: scenario.paired_ratios,
            steps,
        })
    }

    /// Whether a session of this leg would be over before a profiler is ready that starts with it.
    pub fn is_short(&self, leg: Leg) -> bool {
        leg == Leg::A || self.generated_packages.is_some()
    }

    /// Whether any step talks to a remote.
    pub fn needs_remote(&self) -> bool {
        self.steps.iter().any(|step| step.leg.uses_backend())
    }
}

#[derive(Clone, Copy)]
struct Counts {
    long: u32,
    short: u32,
}

impl Counts {
    fn of(self, leg: Leg) -> u32 {
        if leg.is_cold() { self.long } else { self.short }
    }
}

fn packages(name: &str, scenario: &Scenario, args: &BenchArgs) -> Result<String, PlanError> {
    let Some(packages) = &args.packages else {
        return Ok(scenario.workload.packages.clone());
    };
    if packages.starts_with('-') || packages.is_empty() {
        return Err(PlanError::Pattern { packages: packages.clone() });
    }
    if scenario.workload.generated_packages.is_some() {
        return Err(PlanError::PatternOfModule { scenario: name.to_owned(), packages: packages.clone() });
    }
    Ok(packages.clone())
}

/// Round by round. The first is in the order of Step 2.4, in which each leg finds its state; from then on all states
/// stand, and each round starts one leg further, so that no leg always runs after the same one.
fn measured_steps(legs: &[Leg], counts: Counts) -> Vec<Step> {
    let last = legs.iter().map(|leg| counts.of(*leg)).max().unwrap_or(0);
    let mut steps = Vec::new();
    for round in 1..=last {
        let mut of_round: Vec<Leg> = legs.iter().copied().filter(|leg| counts.of(*leg) >= round).collect();
        let turn = (round as usize - 1) % of_round.len();
        of_round.rotate_left(turn);
        steps.extend(of_round.into_iter().map(|leg| Step { leg, kind: Kind::Measured, round }));
    }
    steps
}

/// Puts what makes a needed state, where no earlier step does, in front of the step that needs it.
fn insert_preparation(steps: &mut Vec<Step>) {
    let mut position = 0;
    while position < steps.len() {
        let missing = steps[position].leg.needs();
        let missing = missing.filter(|leg| !steps[..position].iter().any(|step| step.leg == *leg));
        if let Some(leg) = missing {
            steps.insert(position, Step { leg, kind: Kind::Preparation, round: 1 });
        } else {
            position += 1;
        }
    }
}

/// Where sessions are short, the first round is for go's own view and the others are for the CPU profile, which starts
/// before such a session.
fn profile_steps(legs: &[Leg], is_small: bool) -> impl Iterator<Item = Step> {
    let rounds = move |leg: Leg| match leg {
        Leg::A => SHORT_PROFILES,
        _ if is_small => 2,
        _ => 1,
    };
    let step = |leg, round| Step { leg, kind: Kind::Profile, round };
    let profiled: Vec<Leg> = legs.iter().copied().filter(|leg| leg.uses_backend()).collect();
    profiled.into_iter().flat_map(move |leg| (1..=rounds(leg)).map(move |round| step(leg, round)))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: BenchArgs,
    }

    fn resolve(line: &[&str]) -> Result<Plan, PlanError> {
        let args = Cli::parse_from([&["bench"], line].concat()).args;
        let (name, scenario) = Scenario::load(&args.scenario).unwrap();
        Plan::resolve(&name, &scenario, &args)
    }

    /// The steps as `leg round`, with p for a profile round and ! for preparation.
    fn order(plan: &Plan) -> Vec<String> {
        let name = |step: &Step| match step.kind {
            Kind::Measured => format!("{}{}", step.leg, step.round),
            Kind::Preparation => format!("{}!", step.leg),
            Kind::Profile => format!("{}p", step.leg),
            Kind::Heap => format!("{}h", step.leg),
        };
        plan.steps.iter().map(name).collect()
    }

    #[test]
    fn heap_rounds_come_last_where_there_is_a_profiler() {
        match resolve(&["--only", "a", "--rounds", "1", "--no-profile", "--heap-profile"]) {
            Ok(plan) => assert_eq!(order(&plan), ["c!", "a1", "ah"]),
            Err(error) => assert!(error.to_string().contains("--features heap-profile"), "{error}"),
        }
    }

    #[test]
    fn the_workshop_runs_in_the_order_of_step_2_4_then_rotated() {
        let plan = resolve(&["--rounds", "3"]).unwrap();
        let expected = "baseline-empty1 baseline-full1 c1 b1 a1 b2 a2 baseline-full2 a3 baseline-full3 b3 cp bp ap ap ap ap ap ap ap ap ap";
        assert_eq!(order(&plan).join(" "), expected);
        assert_eq!(plan.packages, "std");
        assert_eq!(plan.link.unwrap().latency_ms, 20.0);
    }

    #[test]
    fn what_a_leg_needs_is_prepared_once() {
        let plan = resolve(&["--only", "a,baseline-full", "--rounds", "2", "--no-profile"]).unwrap();
        let expected = "baseline-empty! baseline-full1 c! a1 a2 baseline-full2";
        assert_eq!(order(&plan).join(" "), expected);
    }

    #[test]
    fn a_leg_without_needs_has_no_preparation() {
        let plan = resolve(&["--only", "c", "--no-profile"]).unwrap();
        assert_eq!(order(&plan), ["c1"]);
        let plan = resolve(&["--only", "baseline-empty"]).unwrap();
        assert_eq!(order(&plan), ["baseline-empty1"]);
        assert!(!plan.needs_remote());
    }

    #[test]
    fn speed_interleaves_pairs_and_turns_their_order() {
        let plan = resolve(&["--scenario", "speed", "--rounds", "5", "--long-rounds", "2"]).unwrap();
        let expected = "baseline-empty1 baseline-full1 c1 a1 baseline-full2 c2 a2 baseline-empty2 \
                        baseline-full3 a3 a4 baseline-full4 baseline-full5 a5";
        assert_eq!(order(&plan).join(" "), expected);
    }

    #[test]
    fn the_command_line_wins_over_the_scenario() {
        let plan = resolve(&["--rtt", "2.5", "--strategy", "workshop", "--no-records", "net/http"]).unwrap();
        assert_eq!(plan.link.unwrap().latency_ms, 2.5);
        assert_eq!(plan.strategy, Strategy::Workshop);
        assert_eq!(plan.packages, "net/http");
        assert!(!plan.records);
    }

    #[test]
    fn contradictions_are_refused() {
        let error = resolve(&["--remote", "env", "--rtt", "3"]).unwrap_err();
        assert!(matches!(error, PlanError::LinkOfEnv));
        let error = resolve(&["--scenario", "small", "fmt"]).unwrap_err();
        assert!(matches!(error, PlanError::PatternOfModule { .. }));
        assert!(resolve(&["--remote", "env"]).unwrap().link.is_none());
    }
}
