//! Two states, or one under two cases, against each other: how much slower or faster, and if that is clear of the noise.

use std::collections::HashSet;

use serde::Serialize;

use crate::analysis::statistics::noise::noise_floor;
use crate::analysis::statistics::rounds::{counted, walls};
use crate::analysis::statistics::stats::{Interval, median, median_interval, paired_ratios, relative_spread};
use crate::plan::steps::{FEWEST_PAIRS, Setup};
use crate::results::round::Round;
use crate::scenario::cache_state::CacheState;

/// Multiple of the noise from which on a difference is clear: the noise covers only half of the samples.
const CLEAR: f64 = 3.0;
/// Factor from which on even single samples of unknown noise differ clearly. From here on it prints as 1.5×.
pub const CLEAR_FACTOR: f64 = 1.45;
/// Largest noise of a ratio that is called the same, as a share; a larger one is inconclusive.
const SAME: f64 = 0.1;

/// The time of one state against that of another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Comparison {
    pub state: CacheState,
    pub base: CacheState,
    /// Time of `state` over time of `base`: above 1 is slower. The median of the ratios of rounds side by side, where at
    /// least two are; else the ratio of the medians.
    pub ratio: f64,
    /// Interval of the median of paired ratios; None where fewer than two rounds lie side by side.
    pub interval: Option<Interval>,
    pub pairs: usize,
    /// The noise of the ratio, as a share, that `verdict` was judged by; None where the interval judged, or nothing did.
    pub noise: Option<f64>,
    /// The noise floor of the run, as a share: smaller differences are within the noise. None where it was not measured.
    pub floor: Option<f64>,
    pub verdict: Verdict,
}

/// The verdict on a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Faster,
    Slower,
    /// No difference beyond the noise, which is at most 10 %.
    Same,
    /// Inconclusive: the difference is below the noise, and that is more than 10 %.
    Inconclusive,
    /// Too few samples on one side to know their noise, and no difference that is clear all the same.
    NoiseUnknown,
}

/// Compares two setups; None where one of them has no round that counts.
pub fn compare(rounds: &[Round], setup: impl Into<Setup>, base: impl Into<Setup>) -> Option<Comparison> {
    let (setup, base) = (setup.into(), base.into());
    if setup == base {
        return None;
    }
    let (values, bases) = side_by_side(rounds, setup, base);
    let ratios = paired_ratios(&values, &bases);
    let interval = median_interval(&ratios);
    let ratio = match interval {
        Some(_) => median(&ratios)?,
        None => median(&walls(rounds, setup))? / median(&walls(rounds, base))?,
    };
    // Long runs have a noise of their own.
    let has_long = setup.state.is_cold() || base.state.is_cold();
    let floor = if has_long { None } else { noise_floor(rounds).map(|floor| floor.share) };
    let (noise, verdict) = match interval {
        Some(interval) if ratios.len() >= FEWEST_PAIRS => {
            (None, judge(ratio, interval.low, interval.high, floor.unwrap_or(0.0)))
        }
        _ => judge_by_noise(rounds, setup, base, ratio),
    };
    Some(Comparison {
        state: setup.state,
        base: base.state,
        ratio,
        interval,
        pairs: ratios.len(),
        noise,
        floor,
        verdict,
    })
}

/// The times of those rounds of two setups that have the same number.
fn side_by_side(rounds: &[Round], setup: Setup, base: Setup) -> (Vec<f64>, Vec<f64>) {
    let both = counted(rounds, setup).filter_map(|round| {
        let partner = counted(rounds, base).find(|other| other.step.round == round.step.round)?;
        Some((round.wall_ns as f64, partner.wall_ns as f64))
    });
    both.unzip()
}

/// Judges without pairs by the spreads of both, added as independent errors are. A setup without a spread borrows the one of its
/// kind, and then only an obvious difference counts.
fn judge_by_noise(rounds: &[Round], setup: Setup, base: Setup, ratio: f64) -> (Option<f64>, Verdict) {
    let own = |setup: Setup| relative_spread(&walls(rounds, setup));
    let any = |setup: Setup| own(setup).or_else(|| borrowed(rounds, setup.state));
    let noise = any(setup).zip(any(base)).map(|(one, other)| one.hypot(other));
    let margin_of = |noise: f64| 1.0 + CLEAR * noise;
    let size = ratio.max(1.0 / ratio);
    if let (Some(_), Some(_), Some(noise)) = (own(setup), own(base), noise) {
        let margin = margin_of(noise);
        return (Some(noise), judge(ratio, ratio / margin, ratio * margin, 0.0));
    }
    let enough = match noise {
        Some(noise) => margin_of(noise),
        // The noise of one side counts even where the other is not known.
        None => any(setup).or(any(base)).map_or(CLEAR_FACTOR, |half| CLEAR_FACTOR.max(margin_of(half))),
    };
    // Where the same build takes twice as long now and then, a single round says less than elsewhere.
    let noisy = noise_floor(rounds).map_or(1.0, |floor| 1.0 + floor.share);
    match size > enough.max(noisy) {
        true => (noise, judge(ratio, ratio, ratio, 0.0)),
        false => (noise, Verdict::NoiseUnknown),
    }
}

/// The largest spread of a state that is as long: short states say nothing about long ones.
fn borrowed(rounds: &[Round], state: CacheState) -> Option<f64> {
    let alike = rounds.iter().map(|round| round.step.setup()).filter(|other| other.state.is_cold() == state.is_cold());
    let alike: HashSet<Setup> = alike.collect();
    alike.into_iter().filter_map(|other| relative_spread(&walls(rounds, other))).max_by(f64::total_cmp)
}

/// The verdict on a ratio that lies between `low` and `high`, over a noise floor.
pub fn judge(ratio: f64, low: f64, high: f64, floor: f64) -> Verdict {
    let is_noise = (low <= 1.0 && 1.0 <= high) || (ratio - 1.0).abs() <= floor;
    let widest = (1.0 - low).max(high - 1.0).max(floor);
    match is_noise {
        true if widest <= SAME => Verdict::Same,
        true => Verdict::Inconclusive,
        false if ratio > 1.0 => Verdict::Slower,
        false => Verdict::Faster,
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::analysis::statistics::noise::tests::again;
    use crate::analysis::study::summary::tests::measured;

    fn of(states: &[(CacheState, &[u64])], state: CacheState, base: CacheState) -> Comparison {
        let rounds: Vec<_> = states.iter().flat_map(|(state, walls)| measured(*state, walls)).collect();
        compare(&rounds, state, base).unwrap()
    }

    #[test]
    fn few_pairs_give_the_ratio_that_their_interval_is_of() {
        let states: [(CacheState, &[u64]); 2] =
            [(CacheState::GoWarm, &[100, 200, 400]), (CacheState::LocalHit, &[200, 220, 404])];
        let found = of(&states, CacheState::LocalHit, CacheState::GoWarm);
        let interval = found.interval.unwrap();
        assert_eq!((found.ratio, interval.low, interval.high), (1.1, 1.01, 2.0));
    }

    #[test]
    fn a_wide_interval_around_1_is_not_the_same() {
        let base: (CacheState, &[u64]) = (CacheState::GoWarm, &[1000, 1000, 1000, 1000, 1000]);
        let verdict = |walls: &[u64]| {
            of(&[base, (CacheState::LocalHit, walls)], CacheState::LocalHit, CacheState::GoWarm).verdict
        };
        assert_eq!(verdict(&[990, 1050, 1090, 1100, 1200]), Verdict::Inconclusive);
        assert_eq!(verdict(&[980, 990, 1010, 1020, 1090]), Verdict::Same);
        assert_eq!(verdict(&[1010, 1020, 1030, 1040, 1050]), Verdict::Slower);
    }

    #[test]
    fn a_difference_below_the_noise_floor_is_noise() {
        let verdict = |again_ms: &[u64]| {
            let mut rounds = measured(CacheState::GoWarm, &[1000, 1000, 1000, 1000, 1000]);
            rounds.extend(measured(CacheState::LocalHit, &[1010, 1020, 1030, 1040, 1050]));
            rounds.extend(again(again_ms));
            let found = compare(&rounds, CacheState::LocalHit, CacheState::GoWarm).unwrap();
            (found.verdict, found.floor.map(|floor| (floor * 1000.0).round()))
        };
        assert_eq!(verdict(&[990, 1000, 1000, 1000, 1010]), (Verdict::Slower, Some(10.0)));
        assert_eq!(verdict(&[960, 1000, 1000, 1000, 1010]), (Verdict::Same, Some(40.0)));
        assert_eq!(verdict(&[800, 1000, 1000, 1000, 1010]), (Verdict::Inconclusive, Some(200.0)));
    }

    /// One factor of noise: most samples within some percent, and one in twenty far off, as on a shared machine.
    fn noise(random: &mut fastrand::Rng, share: f64) -> f64 {
        // Irwin and Hall: the sum of twelve uniform numbers less six is nearly a standard normal one.
        let normal = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let far = if random.u8(..) < 13 { 1.0 + random.f64() } else { 1.0 };
        (normal * share).exp() * far
    }

    /// Times around one that is the same for all but for `factor`, in milliseconds.
    pub fn simulated_walls(random: &mut fastrand::Rng, count: u32, share: f64, factor: f64) -> Vec<u64> {
        (0..count).map(|_| (500_000.0 * factor * noise(random, share)) as u64).collect()
    }

    fn simulated(random: &mut fastrand::Rng, count: u32, share: f64, factor: f64) -> Verdict {
        let mut walls = |factor: f64| simulated_walls(random, count, share, factor);
        let mut rounds = measured(CacheState::GoWarm, &walls(1.0));
        rounds.extend(again(&walls(1.0)));
        rounds.extend(measured(CacheState::LocalHit, &walls(factor)));
        compare(&rounds, CacheState::LocalHit, CacheState::GoWarm).unwrap().verdict
    }

    #[test]
    fn of_a_thousand_comparisons_of_the_same_at_least_970_say_so() {
        let mut random = fastrand::Rng::with_seed(6);
        // With few rounds, or much noise, the answer is that nothing can be said.
        for (count, share, same) in
            [(21, 0.02, 970), (31, 0.03, 970), (61, 0.05, 970), (9, 0.02, 0), (5, 0.03, 0), (21, 0.2, 0)]
        {
            let verdicts: Vec<Verdict> = (0..1000).map(|_| simulated(&mut random, count, share, 1.0)).collect();
            let all = |wanted: Verdict| verdicts.iter().filter(|verdict| **verdict == wanted).count();
            let wrong = all(Verdict::Faster) + all(Verdict::Slower);
            assert!(wrong <= 10, "{count} rounds, ±{share}: {wrong} of 1000 tell a difference");
            assert!(
                all(Verdict::Same) >= same,
                "{count} rounds, ±{share}: {} of 1000 are the same",
                all(Verdict::Same)
            );
        }
    }

    #[test]
    fn a_difference_of_10_percent_is_found_where_the_noise_is_3() {
        let mut random = fastrand::Rng::with_seed(7);
        let found = (0..1000).filter(|_| simulated(&mut random, 21, 0.03, 1.1) == Verdict::Slower).count();
        assert!(found >= 950, "{found} of 1000");
    }

    #[test]
    fn single_samples_tell_only_what_is_clear() {
        let verdict = |empty: u64, more: &[u64]| {
            of(&[(CacheState::GoCold, &[empty]), (CacheState::Cold, more)], CacheState::Cold, CacheState::GoCold)
                .verdict
        };
        assert_eq!(verdict(1000, &[1400]), Verdict::NoiseUnknown);
        assert_eq!(verdict(1000, &[1600]), Verdict::Slower);
        assert_eq!(verdict(1600, &[1000]), Verdict::Faster);
        // Three samples of cold lend their noise of 1 % to the single one of the baseline.
        assert_eq!(verdict(1000, &[1010, 1030, 1050]), Verdict::NoiseUnknown);
        assert_eq!(verdict(1000, &[1090, 1110, 1130]), Verdict::Slower);
    }

    #[test]
    fn on_a_machine_that_is_noisier_than_what_is_clear_single_samples_tell_less() {
        let verdict = |again_ms: &[u64]| {
            let mut rounds = measured(CacheState::GoCold, &[500]);
            rounds.extend(measured(CacheState::Cold, &[1000]));
            rounds.extend(measured(CacheState::GoWarm, &[10; 5]));
            rounds.extend(again(again_ms));
            compare(&rounds, CacheState::Cold, CacheState::GoCold).unwrap().verdict
        };
        assert_eq!(verdict(&[10, 10, 10, 10, 10]), Verdict::Slower);
        assert_eq!(verdict(&[10, 20, 30, 40, 50]), Verdict::NoiseUnknown);
    }

    #[test]
    fn the_noise_of_one_side_counts_where_the_other_is_unknown() {
        let verdict = |walls: &[u64]| {
            of(
                &[(CacheState::GoCold, &[5000]), (CacheState::RemoteHit, walls)],
                CacheState::RemoteHit,
                CacheState::GoCold,
            )
            .verdict
        };
        assert_eq!(verdict(&[1000, 2000, 3000, 5000, 6000]), Verdict::NoiseUnknown);
        assert_eq!(verdict(&[2900, 2950, 3000, 3050, 3100]), Verdict::Faster);
    }

    #[test]
    fn short_runs_lend_no_noise_to_long_ones() {
        let states: [(CacheState, &[u64]); 3] =
            [(CacheState::GoCold, &[1000]), (CacheState::Cold, &[1200]), (CacheState::LocalHit, &[10, 10, 10])];
        let found = of(&states, CacheState::Cold, CacheState::GoCold);
        assert_eq!((found.noise, found.verdict), (None, Verdict::NoiseUnknown));
    }
}
