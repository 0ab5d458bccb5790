//! `bench selftest`: runs injected bottlenecks, and fails when the verdict does not name one of them.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::bench::commands::run::run_resolved;
use crate::bench::plan::run_plan::Plan;
use crate::bench::results::run::{Ended, Results};
use crate::bench::scenario::args::BenchArgs;
use crate::bench::scenario::file::Scenario;
use crate::note;

/// Runs the scenario of `args`. The exit code is 0 only when the verdict named every injected bottleneck.
///
/// # Errors
/// Those of [`run_resolved`], and when nothing is injected.
pub fn run(args: BenchArgs) -> Result<ExitCode> {
    let (name, scenario) = Scenario::load(&args.scenario)?;
    let plan = Plan::resolve(&name, &scenario, &args)?;
    if plan.bottlenecks.is_empty() {
        bail!(
            "the scenario `{name}` injects no bottleneck here\n  next:  leave out --scenario, --case and \
             --only, or give a scenario with [[bottlenecks]]"
        );
    }
    let (results, code) = run_resolved(&plan, &args)?;
    Ok(match results {
        Some(results) if results.ended != Ended::Interrupted && !is_proved(&results) => ExitCode::FAILURE,
        _ => code,
    })
}

/// Whether each bottleneck was measured and is named as it has to be; says which were not measured.
fn is_proved(results: &Results) -> bool {
    let has_row = |name: &str| results.proofs.iter().any(|proof| proof.name == name);
    let planned = results.plan.bottlenecks.iter().map(|bottleneck| bottleneck.name.as_str());
    let missing: Vec<&str> = planned.filter(|name| !has_row(name)).collect();
    if !missing.is_empty() {
        note::line(format_args!("not passed, because no round of it counts: {}", missing.join(", ")));
    }
    missing.is_empty() && results.proofs.iter().all(|proof| proof.is_proved)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::bench::analysis::study::selftest::Proof;
    use crate::bench::results::run::tests::results;
    use crate::bench::scenario::bottleneck::Bottleneck;

    #[test]
    fn each_bottleneck_needs_a_row_that_holds() {
        let names = ["one", "two"];
        let mut run = results(Vec::new());
        run.plan.bottlenecks = names.map(bottleneck).to_vec();
        run.proofs = vec![proof("one", true)];
        assert!(!is_proved(&run), "two has no row");
        run.proofs.push(proof("two", true));
        assert!(is_proved(&run));
        run.proofs[0].is_proved = false;
        assert!(!is_proved(&run));
    }

    fn bottleneck(name: &str) -> Bottleneck {
        Bottleneck { name: name.to_owned(), rule: None, planted: name.to_owned(), cured: None }
    }

    /// What came of a bottleneck.
    pub fn proof(name: &str, is_proved: bool) -> Proof {
        Proof {
            name: name.to_owned(),
            rule: None,
            first: Vec::new(),
            estimate_ns: None,
            estimate_share: None,
            measured_ns: None,
            is_cured: false,
            interval: None,
            is_proved,
        }
    }
}
