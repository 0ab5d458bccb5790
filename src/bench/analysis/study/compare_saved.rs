//! Differences of two saved runs.

use crate::analysis::results::Results;
use crate::analysis::statistics::compare::{CLEAR_FACTOR, Verdict, judge};
use crate::analysis::statistics::rank_ratio::unpaired_ratio;
use crate::analysis::statistics::rounds::walls;
use crate::analysis::statistics::stats::median;
use crate::analysis::study::differences::{Difference, Differences};
use crate::plan::steps::Setup;
use crate::scenario::cache_state::CacheState;

/// Rounds that each side needs for a difference that is not obvious: the interval of fewer is too wide.
const FEWEST: usize = 5;

/// Compares two runs that have no [`crate::analysis::study::comparability::obstacles`].
pub fn compare_runs(before: &Results, after: &Results) -> Differences {
    let (old, new) = (named(before), named(after));
    let full = CacheState::GoWarm.into();
    let drift = difference((before, full), (after, full), "", None).map(|full| farthest(&full));
    let floors = [before, after].into_iter().filter_map(|run| Some(run.analysis.summary.noise_floor?.share));
    // They were not side by side: a difference of go with its own full cache is one of the machine, and so is any smaller one.
    let floor = floors.chain(drift).max_by(f64::total_cmp);
    let both = new.iter().filter_map(|(name, setup)| {
        let (_, partner) = old.iter().find(|(other, _)| other == name)?;
        difference((before, *partner), (after, *setup), name, floor)
    });
    let lacks = |names: &[(String, Setup)], name: &String| !names.iter().any(|(other, _)| other == name);
    let only_old = old.iter().filter(|(name, _)| lacks(&new, name)).map(|(name, _)| name.clone());
    let only_new = new.iter().filter(|(name, _)| lacks(&old, name)).map(|(name, _)| name.clone());
    Differences {
        names: [before.run.name.clone(), after.run.name.clone()],
        side_by_side: false,
        floor,
        states: both.collect(),
        only_in_one: only_old.chain(only_new).collect(),
    }
}

/// The largest distance from 1 that a ratio may have, as a share: its estimate alone is noise too.
fn farthest(found: &Difference) -> f64 {
    let ends = found.interval.map_or([found.ratio; 2], |interval| [interval.low, interval.high]);
    ends.into_iter().map(|end| (end - 1.0).abs()).fold(0.0, f64::max)
}

/// The setups with a round that counts, each with a name that is the same in both runs.
fn named(results: &Results) -> Vec<(String, Setup)> {
    let name = |setup: &Setup| match setup.case {
        None => setup.state.to_string(),
        Some(case) => format!("{} · {}", setup.state, results.run.plan.cases[case].name),
    };
    let counts = |setup: &Setup| !walls(&results.run.rounds, *setup).is_empty();
    results.run.plan.measured_setups().into_iter().filter(counts).map(|setup| (name(&setup), setup)).collect()
}

/// The difference of a setup in two runs; None where one of them has no round of it.
fn difference(
    (before, old): (&Results, Setup),
    (after, new): (&Results, Setup),
    name: &str,
    floor: Option<f64>,
) -> Option<Difference> {
    let (bases, values) = (walls(&before.run.rounds, old), walls(&after.run.rounds, new));
    let (ratio, interval) = unpaired_ratio(&values, &bases)?;
    let rounds = [bases.len(), values.len()];
    // Long runs drift as the short ones do, and have no floor of their own.
    let judged = |floor| judge(ratio, interval.low, interval.high, floor);
    let floor = floor.unwrap_or(0.0);
    let verdict = match rounds.iter().all(|count| *count >= FEWEST) {
        true => judged(floor),
        // A few rounds show only what is obvious.
        false => match judged(floor.max(CLEAR_FACTOR - 1.0)) {
            clear @ (Verdict::Faster | Verdict::Slower) => clear,
            _ => Verdict::NoiseUnknown,
        },
    };
    Some(Difference {
        name: name.to_owned(),
        state: new.state,
        rounds,
        medians_ns: [median(&bases)?, median(&values)?],
        ratio,
        // The interval of a single sample each would be a point.
        interval: if rounds == [1, 1] { None } else { Some(interval) },
        verdict,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::results::tests::results;
    use crate::analysis::statistics::compare::tests::simulated_walls;
    use crate::analysis::statistics::noise::noise_floor;
    use crate::analysis::statistics::noise::tests::again;
    use crate::analysis::study::summary::tests::measured;

    fn run(full_ms: &[u64], a_ms: &[u64]) -> Results {
        let mut rounds = measured(CacheState::GoWarm, full_ms);
        rounds.extend(measured(CacheState::LocalHit, a_ms));
        results(rounds)
    }

    const FULL: [u64; 5] = [100, 101, 99, 100, 100];

    #[test]
    fn a_state_that_got_slower_is_found() {
        let found = compare_runs(&run(&FULL, &[110, 111, 109, 112, 110]), &run(&FULL, &[140, 141, 139, 142, 140]));
        let a = found.states.iter().find(|difference| difference.state == CacheState::LocalHit).unwrap();
        assert_eq!((a.name.as_str(), a.verdict, a.rounds), ("local-hit", Verdict::Slower, [5, 5]));
        assert!((a.ratio - 1.27).abs() < 0.02, "{a:?}");
        assert_eq!(found.states[0].verdict, Verdict::Same);
    }

    #[test]
    fn what_the_machine_differs_by_is_no_difference() {
        let slower = run(&[130, 131, 129, 130, 130], &[143, 144, 142, 145, 143]);
        let found = compare_runs(&run(&FULL, &[110, 111, 109, 112, 110]), &slower);
        assert!((found.floor.unwrap() - 0.32).abs() < 0.01, "{found:?}");
        assert!(found.states.iter().all(|difference| difference.verdict == Verdict::Inconclusive), "{found:?}");
    }

    #[test]
    fn few_rounds_show_only_what_is_obvious() {
        let of_a = |old: &[u64], new: &[u64]| {
            let found = compare_runs(&run(&FULL[..3], old), &run(&FULL[..3], new));
            found.states.iter().find(|difference| difference.name == "local-hit").unwrap().verdict
        };
        assert_eq!(of_a(&[100, 101, 102], &[120, 121, 122]), Verdict::NoiseUnknown);
        assert_eq!(of_a(&[100, 101, 102], &[900, 901, 902]), Verdict::Slower);
        assert_eq!(of_a(&[900, 901, 902], &[100, 101, 102]), Verdict::Faster);
    }

    #[test]
    fn of_a_thousand_comparisons_of_the_same_at_least_970_say_so() {
        let mut random = fastrand::Rng::with_seed(8);
        let mut run = |drift: f64| {
            let mut walls = || simulated_walls(&mut random, 21, 0.02, drift);
            let mut rounds = measured(CacheState::GoWarm, &walls());
            rounds.extend(again(&walls()));
            rounds.extend(measured(CacheState::LocalHit, &walls()));
            let mut run = results(rounds);
            run.analysis.summary.noise_floor = noise_floor(&run.run.rounds);
            run
        };
        // The hours of a machine differ by some percent, in all states.
        let verdicts: Vec<Verdict> =
            (0..1000).map(|_| compare_runs(&run(1.0), &run(1.03)).states.last().unwrap().verdict).collect();
        let same = verdicts.iter().filter(|verdict| **verdict == Verdict::Same).count();
        assert!(same >= 970, "{same} of 1000");
    }
}
