//! `bench selftest`: runs injected bottlenecks, and fails when the verdict does not name one of them.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::analysis::results::Results;
use crate::commands::run::run_resolved;
use crate::plan::run_plan::Plan;
use crate::results::run::Ended;
use crate::scenario::args::BenchArgs;
use crate::scenario::file::Scenario;
use gocacheprog::note;

/// Runs the scenario of `args`. The exit code is 0 only when the verdict named every injected bottleneck.
///
/// # Errors
/// Fails as [`run_resolved`] does, and when nothing is injected.
pub fn run(args: BenchArgs) -> Result<ExitCode> {
    let (name, scenario) = Scenario::load(&args.scenario)?;
    let plan = Plan::resolve(&name, &scenario, &args)?;
    if plan.study.bottlenecks().is_empty() {
        bail!(
            "the scenario `{name}` injects no bottleneck here\n  next:  leave out --scenario, --case and \
             --only, or give a scenario with [[bottlenecks]]"
        );
    }
    let (results, code) = run_resolved(&plan, &args)?;
    Ok(match results {
        Some(results) if results.run.ended != Ended::Interrupted && !is_proved(&results) => ExitCode::FAILURE,
        _ => code,
    })
}

/// True if each bottleneck was measured and passed; prints those that were not measured.
fn is_proved(results: &Results) -> bool {
    let has_row = |name: &str| results.analysis.selftest.iter().any(|outcome| outcome.name == name);
    let planned = results.run.plan.study.bottlenecks().iter().map(|bottleneck| bottleneck.name.as_str());
    let missing: Vec<&str> = planned.filter(|name| !has_row(name)).collect();
    if !missing.is_empty() {
        note::line(format_args!("not passed, because no round of it counts: {}", missing.join(", ")));
    }
    missing.is_empty() && results.analysis.selftest.iter().all(|outcome| outcome.passed)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::analysis::results::tests::results;
    use crate::analysis::study::selftest::Outcome;
    use crate::plan::study::{Bottleneck, Study};

    #[test]
    fn each_bottleneck_needs_a_row_that_holds() {
        let names = ["one", "two"];
        let mut run = results(Vec::new());
        run.run.plan.study = Study::Injected { bottlenecks: names.map(bottleneck).to_vec() };
        run.analysis.selftest = vec![outcome("one", true)];
        assert!(!is_proved(&run), "two has no row");
        run.analysis.selftest.push(outcome("two", true));
        assert!(is_proved(&run));
        run.analysis.selftest[0].passed = false;
        assert!(!is_proved(&run));
    }

    fn bottleneck(name: &str) -> Bottleneck {
        Bottleneck { name: name.to_owned(), rule: None, case: 0, has_control: false }
    }

    /// The outcome for a bottleneck.
    pub fn outcome(name: &str, passed: bool) -> Outcome {
        Outcome {
            name: name.to_owned(),
            rule: None,
            first: Vec::new(),
            estimate_ns: None,
            estimate_share: None,
            measured_ns: None,
            has_control: false,
            interval: None,
            passed,
        }
    }
}
