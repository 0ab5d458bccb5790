//! Two saved runs against each other: whether they can be compared at all, and what differs.

use serde::Serialize;

use super::compare::{Verdict, judge, walls};
use super::stats::{Interval, unpaired_ratio};
use crate::bench::planning::leg::Leg;
use crate::bench::planning::steps::Setup;
use crate::bench::reporting::results::Results;

/// Samples that each side needs before a difference is told: with fewer no interval holds it.
const FEWEST: usize = 5;

/// What two runs differ by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwoRuns {
    /// The runs were not side by side: what go with its own full cache differs by is the machine, and so is anything
    /// below it. The larger of that and both noise floors, as a share; None where nothing tells it.
    pub floor: Option<f64>,
    /// In the order of the second run.
    pub differences: Vec<Difference>,
    /// Legs and cases that only one of them has.
    pub only_in_one: Vec<String>,
}

/// One leg, under one case where it has cases, in both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    pub name: String,
    pub leg: Leg,
    pub rounds: [usize; 2],
    /// Time in the second over time in the first: above 1 is slower.
    pub ratio: f64,
    pub interval: Interval,
    pub verdict: Verdict,
}

/// Why two runs cannot be compared; nothing where they can.
pub fn obstacles(before: &Results, after: &Results) -> Vec<String> {
    let of = |results: &Results| {
        let (plan, environment) = (&results.plan, &results.environment);
        let link = plan.link.filter(|_| plan.cases.is_empty());
        [
            ("what is built", format!("{} {:?} {:?}", plan.what_is_built(), plan.generated_packages, plan.module)),
            ("the remote", format!("{:?}", plan.remote).to_lowercase()),
            ("the link", link.map_or("of its cases".to_owned(), |link| link.words())),
            ("go", format!("{} {}", environment.go_version, environment.go_platform)),
            ("the processor", environment.cpu_model.clone().unwrap_or_default()),
            ("the cores", environment.cores.map_or(String::new(), |cores| cores.to_string())),
        ]
    };
    let differ = of(before).into_iter().zip(of(after)).filter(|((_, one), (_, other))| one != other);
    differ.map(|((what, one), (_, other))| format!("{what}: {one} in the first, {other} in the second")).collect()
}

/// Compares two runs that have no [`obstacles`].
pub fn compare_runs(before: &Results, after: &Results) -> TwoRuns {
    let (old, new) = (named(before), named(after));
    let full = difference(before, after, "", Leg::BaselineFull.into(), Leg::BaselineFull.into(), None);
    let drift = full.map(|full| (full.ratio - 1.0).abs());
    let floors = [before, after].into_iter().filter_map(|run| Some(run.summary.noise_floor?.share));
    let floor = floors.chain(drift).max_by(f64::total_cmp);
    let both = new.iter().filter_map(|(name, setup)| {
        let (_, partner) = old.iter().find(|(other, _)| other == name)?;
        difference(before, after, name, *partner, *setup, floor)
    });
    let lacks = |names: &[(String, Setup)], name: &String| !names.iter().any(|(other, _)| other == name);
    let only_old = old.iter().filter(|(name, _)| lacks(&new, name)).map(|(name, _)| name.clone());
    let only_new = new.iter().filter(|(name, _)| lacks(&old, name)).map(|(name, _)| name.clone());
    TwoRuns { floor, differences: both.collect(), only_in_one: only_old.chain(only_new).collect() }
}

/// What was measured, with a name that both runs give it.
fn named(results: &Results) -> Vec<(String, Setup)> {
    let name = |setup: &Setup| match setup.case {
        None => setup.leg.to_string(),
        Some(case) => format!("{} · {}", setup.leg, results.plan.cases[case].name),
    };
    results.plan.measured_setups().into_iter().map(|setup| (name(&setup), setup)).collect()
}

fn difference(
    before: &Results,
    after: &Results,
    name: &str,
    old: Setup,
    new: Setup,
    floor: Option<f64>,
) -> Option<Difference> {
    let (bases, values) = (walls(&before.rounds, old), walls(&after.rounds, new));
    let (ratio, interval) = unpaired_ratio(&values, &bases)?;
    let rounds = [bases.len(), values.len()];
    // Long runs drift as the short ones do, and have no floor of their own.
    let verdict = match rounds.iter().all(|count| *count >= FEWEST) {
        true => judge(ratio, interval.low, interval.high, floor.unwrap_or(0.0)),
        false => Verdict::NoiseUnknown,
    };
    Some(Difference { name: name.to_owned(), leg: new.leg, rounds, ratio, interval, verdict })
}

#[cfg(test)]
mod tests {
    use super::super::compute;
    use super::super::summary::tests::measured;
    use super::*;
    use crate::bench::reporting::results::tests::results;

    fn run(full_ms: &[u64], a_ms: &[u64]) -> Results {
        let mut rounds = measured(Leg::BaselineFull, full_ms);
        rounds.extend(measured(Leg::A, a_ms));
        let mut run = results(rounds);
        compute(&mut run);
        run
    }

    const FULL: [u64; 5] = [100, 101, 99, 100, 100];

    #[test]
    fn a_leg_that_got_slower_is_told() {
        let found = compare_runs(&run(&FULL, &[110, 111, 109, 112, 110]), &run(&FULL, &[140, 141, 139, 142, 140]));
        let a = found.differences.iter().find(|difference| difference.leg == Leg::A).unwrap();
        assert_eq!((a.name.as_str(), a.verdict, a.rounds), ("a", Verdict::Slower, [5, 5]));
        assert!((a.ratio - 1.27).abs() < 0.02, "{a:?}");
        assert_eq!(found.differences[0].verdict, Verdict::Same);
    }

    #[test]
    fn what_the_machine_differs_by_is_no_difference() {
        let slower = run(&[130, 131, 129, 130, 130], &[143, 144, 142, 145, 143]);
        let found = compare_runs(&run(&FULL, &[110, 111, 109, 112, 110]), &slower);
        assert!((found.floor.unwrap() - 0.3).abs() < 0.02);
        assert!(found.differences.iter().all(|difference| difference.verdict == Verdict::NotApart), "{found:?}");
    }

    #[test]
    fn few_rounds_tell_nothing() {
        let found = compare_runs(&run(&FULL[..3], &[1, 1]), &run(&FULL, &[100, 100, 100, 100, 100]));
        assert!(found.differences.iter().all(|difference| difference.verdict == Verdict::NoiseUnknown));
    }

    #[test]
    fn other_machines_links_and_workloads_are_refused_by_name() {
        let (one, mut other) = (run(&FULL, &FULL), run(&FULL, &FULL));
        assert_eq!(obstacles(&one, &other), Vec::<String>::new());
        other.environment.cores = Some(64);
        other.plan.packages = "net/http".to_owned();
        other.plan.link = None;
        let found = obstacles(&one, &other).join("\n");
        assert!(found.contains("the cores: 2 in the first, 64 in the second"), "{found}");
        assert!(
            found.contains("what is built: ") && found.contains("net/http") && found.contains("the link: "),
            "{found}"
        );
    }
}
