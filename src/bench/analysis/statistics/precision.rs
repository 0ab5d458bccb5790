//! The precision that the times of the short states have reached, for `--until`.

use crate::analysis::statistics::compare::compare;
use crate::analysis::statistics::noise::noise_floor;
use crate::analysis::statistics::rounds::walls;
use crate::analysis::statistics::stats::{Interval, median, median_interval};
use crate::plan::steps::Setup;
use crate::results::round::Round;
use crate::scenario::cache_state::CacheState;

/// An interval counts from here on: below it is the range of the samples, which more rounds make wider.
const COVERED: f64 = 0.95;

/// Half of the widest interval of the setups, as a share: of their ratios to go's own full cache where that runs beside
/// them, else of their medians. None while one is not known.
pub fn widest(rounds: &[Round], setups: &[Setup]) -> Option<f64> {
    let full: Setup = CacheState::GoWarm.into();
    let mut widths = setups.iter().map(|setup| {
        if *setup == full {
            return match noise_floor(rounds) {
                Some(floor) => half(floor.interval, floor.ratio),
                None => of_median(rounds, *setup),
            };
        }
        match compare(rounds, *setup, full) {
            Some(found) => half(found.interval?, found.ratio),
            None => of_median(rounds, *setup),
        }
    });
    widths.try_fold(0.0, |widest: f64, width| Some(widest.max(width?)))
}

fn of_median(rounds: &[Round], setup: Setup) -> Option<f64> {
    let walls = walls(rounds, setup);
    half(median_interval(&walls)?, median(&walls)?)
}

fn half(interval: Interval, middle: f64) -> Option<f64> {
    (interval.coverage >= COVERED).then(|| (interval.high - interval.low) / 2.0 / middle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::statistics::noise::tests::again;
    use crate::analysis::study::summary::tests::measured;

    #[test]
    fn the_widest_interval_counts_once_all_are_known() {
        let setups = [CacheState::GoWarm.into(), CacheState::LocalHit.into()];
        let with = |count: usize| {
            let mut rounds = measured(CacheState::GoWarm, &[100; 20][..count]);
            rounds.extend(again(&[100; 20][..count]));
            rounds.extend(measured(CacheState::LocalHit, &[190, 210, 200, 200, 200, 200, 200, 200][..count.min(8)]));
            widest(&rounds, &setups)
        };
        assert_eq!(with(5), None, "the rounds hold no interval");
        assert!((with(8).unwrap() - 0.05).abs() < 1e-9);
        assert_eq!(
            widest(&measured(CacheState::LocalHit, &[200; 8]), &[CacheState::LocalHit.into()]),
            Some(0.0),
            "no baseline beside it"
        );
    }
}
