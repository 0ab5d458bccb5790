//! Tests of the plan, and plans for other tests.

use clap::Parser;

use super::*;
use crate::plan::resolve_cases::set_baselines;
use crate::plan::steps::Kind;

#[derive(Parser)]
pub struct Cli {
    #[command(flatten)]
    pub args: BenchArgs,
}

/// A plan over these states and cases, as of the small scenario.
pub fn plan_of(states: &[CacheState], cases: Vec<Case>) -> Plan {
    let mut plan = resolve(&["--scenario", "small"]).unwrap();
    let setups = steps::setups(states, &cases);
    plan.steps = steps::measured(&setups, &cases, Counts { long: 1, short: 5, warm_up: 0 });
    plan.study = if cases.is_empty() { Study::States } else { Study::Cases };
    plan.cases = cases;
    set_baselines(&mut plan.cases, false);
    plan
}

pub fn resolve(line: &[&str]) -> Result<Plan, PlanError> {
    let args = Cli::parse_from([&["bench"], line].concat()).args;
    let (name, scenario) = Scenario::load(&args.scenario).unwrap();
    Plan::resolve(&name, &scenario, &args)
}

/// The steps as `state round`, with ~ for a warm-up, + for a repetition, p for a profile round and ! for preparation.
pub fn order(plan: &Plan) -> Vec<String> {
    let name = |step: &Step| match step.kind {
        Kind::Measured => format!("{}{}", step.state, step.round),
        Kind::Again => format!("{}+", step.state),
        Kind::WarmUp => format!("{}~", step.state),
        Kind::Preparation => format!("{}!", step.state),
        Kind::Profile => format!("{}p", step.state),
        Kind::Heap => format!("{}h", step.state),
    };
    plan.steps.iter().map(name).collect()
}

#[test]
fn heap_rounds_come_last_where_there_is_a_profiler() {
    match resolve(&["--only", "local-hit", "--rounds", "1", "--no-profile", "--heap-profile"]) {
        Ok(plan) => assert_eq!(order(&plan), ["cold!", "local-hit1", "ah"]),
        Err(error) => assert!(error.to_string().contains("--features heap-profile"), "{error}"),
    }
}

#[test]
fn the_workshop_runs_in_the_order_of_step_2_4_then_in_changing_ones() {
    let plan = resolve(&["--rounds", "3"]).unwrap();
    let expected = "go-cold1 go-warm~ cold1 remote-hit~ local-hit~ go-warm1 remote-hit1 local-hit1 go-warm2 remote-hit2 local-hit2 local-hit3 remote-hit3 go-warm3 \
                    coldp remote-hitp remote-hitp remote-hitp remote-hitp local-hitp local-hitp local-hitp local-hitp local-hitp \
                    local-hitp local-hitp local-hitp local-hitp";
    assert_eq!(order(&plan).join(" "), expected);
    assert_eq!(plan.packages, "std");
    assert_eq!(plan.link.unwrap().latency_ms, 20.0);
}

#[test]
fn what_a_state_needs_is_prepared_once() {
    let plan = resolve(&["--only", "local-hit,go-warm", "--rounds", "2", "--no-profile"]).unwrap();
    let expected = "go-cold! go-warm~ cold! local-hit~ go-warm1 local-hit1 go-warm2 local-hit2";
    assert_eq!(order(&plan).join(" "), expected);
}

#[test]
fn a_state_without_needs_has_no_preparation() {
    let plan = resolve(&["--only", "cold", "--no-profile"]).unwrap();
    assert_eq!(order(&plan), ["cold1"]);
    let plan = resolve(&["--only", "go-cold"]).unwrap();
    assert_eq!(order(&plan), ["go-cold1"]);
    assert!(!plan.needs_remote());
}

#[test]
fn speed_interleaves_pairs_and_turns_their_order() {
    let plan = resolve(&["--scenario", "speed", "--rounds", "5", "--long-rounds", "2"]).unwrap();
    let expected = "go-cold1 go-warm~ cold1 local-hit~ go-warm1 local-hit1 go-warm+ go-cold2 go-warm2 go-warm+ \
                    cold2 local-hit2 go-warm+ local-hit3 go-warm3 local-hit4 go-warm+ go-warm4 go-warm5 \
                    go-warm+ local-hit5";
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
fn a_command_takes_the_place_of_go_build() {
    let plan = resolve(&["--workload", "x", "--", "go", "test", "-tags", "a", "./..."]).unwrap();
    assert_eq!((plan.what_is_timed().as_str(), plan.packages.as_str()), ("go test -tags a ./...", "./..."));
    assert_eq!(resolve(&["net/http"]).unwrap().what_is_timed(), "go build net/http");
    let plan = resolve(&["--scenario", "small", "--", "go", "vet", "./..."]).unwrap();
    assert_eq!(plan.what_is_timed(), "go vet ./...");
    let error = resolve(&["--scenario", "ci", "--", "go", "vet"]).unwrap_err().to_string();
    assert!(error.contains("says itself what they build") && error.contains("the command after `--`"), "{error}");
    assert!(Cli::try_parse_from(["bench", "net/http", "--", "go", "vet"]).is_err(), "which of the two?");
}

#[test]
fn only_bottlenecks_that_are_run_are_judged() {
    let names = |line: &[&str]| -> Vec<String> {
        let plan = resolve(&[&["--scenario", "bottlenecks"], line].concat()).unwrap();
        plan.study.bottlenecks().iter().map(|bottleneck| bottleneck.name.clone()).collect()
    };
    assert_eq!(names(&[]).len(), 17);
    assert_eq!(names(&["--case", "low bandwidth", "--case", "low bandwidth, control"]), ["low bandwidth"]);
    assert_eq!(names(&["--only", "local-hit"]), ["slow handshake", "memory grows", "healthy, local-hit"]);
}

#[test]
fn contradictions_are_refused() {
    let error = resolve(&["--remote", "env", "--rtt", "3"]).unwrap_err();
    assert!(matches!(error, PlanError::LinkOfEnv));
    let error = resolve(&["--scenario", "small", "fmt"]).unwrap_err();
    assert!(matches!(error, PlanError::PatternOfModule { .. }));
    assert!(resolve(&["--remote", "env"]).unwrap().link.is_none());
}
