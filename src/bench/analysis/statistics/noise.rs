//! The noise floor: the difference between two runs of the same build, side by side in each round. Smaller differences are within
//! the noise.

use serde::Serialize;

use crate::analysis::statistics::stats::{Interval, median, median_interval_with, paired_ratios};
use crate::plan::steps::{FEWEST_PAIRS, Kind};
use crate::results::round::Round;
use crate::scenario::cache_state::CacheState;

/// Coverage that the interval aims at. The one of each comparison is the stricter: with few rounds this one leaves out the
/// farthest pair.
const COVERAGE: f64 = 0.95;

/// The ratio of go with its own full cache against itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NoiseFloor {
    pub pairs: usize,
    /// The median of the ratios of the two runs of a round. Without noise it would be 1.
    pub ratio: f64,
    /// The interval of that median.
    pub interval: Interval,
    /// How far that interval reaches from 1, as a share: a difference below it may be noise.
    pub share: f64,
}

/// The noise floor of the short states; None with fewer than five rounds in which go ran twice with its own full cache.
pub fn noise_floor(rounds: &[Round]) -> Option<NoiseFloor> {
    let of = |kind: Kind| {
        let counts = move |round: &&Round| {
            (round.step.setup(), round.step.kind) == (CacheState::GoWarm.into(), kind) && round.state_ok
        };
        rounds.iter().filter(counts)
    };
    let pairs = of(Kind::Again).filter_map(|again| {
        let first = of(Kind::Measured).find(|first| first.step.round == again.step.round)?;
        Some((again.wall_ns as f64, first.wall_ns as f64))
    });
    let (again, first): (Vec<f64>, Vec<f64>) = pairs.unzip();
    let ratios = paired_ratios(&again, &first);
    let interval = median_interval_with(&ratios, COVERAGE).filter(|_| ratios.len() >= FEWEST_PAIRS)?;
    let share = (1.0 - interval.low).max(interval.high - 1.0).max(0.0);
    Some(NoiseFloor { pairs: ratios.len(), ratio: median(&ratios)?, interval, share })
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::analysis::study::summary::tests::measured;

    /// go with its own full cache once more in each round, in milliseconds.
    pub fn again(walls_ms: &[u64]) -> Vec<Round> {
        let mut rounds = measured(CacheState::GoWarm, walls_ms);
        rounds.iter_mut().for_each(|round| round.step.kind = Kind::Again);
        rounds
    }

    #[test]
    fn the_floor_is_how_far_the_interval_reaches_from_1() {
        let mut rounds = measured(CacheState::GoWarm, &[100, 100, 100, 100, 100]);
        assert_eq!(noise_floor(&rounds), None);
        rounds.extend(again(&[97, 99, 101, 102, 104]));
        let floor = noise_floor(&rounds).unwrap();
        assert_eq!((floor.pairs, floor.ratio, floor.interval.low, floor.interval.high), (5, 1.01, 0.97, 1.04));
        assert!((floor.share - 0.04).abs() < 1e-9);
    }

    #[test]
    fn a_round_without_its_partner_tells_nothing() {
        let mut rounds = measured(CacheState::GoWarm, &[100, 100, 100, 100]);
        rounds.extend(again(&[100, 100, 100, 100, 900]));
        assert_eq!(noise_floor(&rounds), None, "four pairs are too few");
    }
}
