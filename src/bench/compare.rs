//! Two legs against each other: how much slower or faster, and whether the noise allows to say so.

use serde::Serialize;

use super::leg::Leg;
use super::plan::Kind;
use super::results::Round;
use super::stats::{Interval, median, median_interval, paired_ratios, relative_spread};

/// Rounds side by side that a paired comparison needs: with fewer its interval is no better than the range.
const FEWEST_PAIRS: usize = 5;

/// How long one leg takes against another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    pub leg: Leg,
    pub base: Leg,
    /// Time of `leg` over time of `base`: above 1 is slower.
    pub ratio: f64,
    /// Of the median of paired ratios; None where too few rounds lie side by side.
    pub interval: Option<Interval>,
    pub pairs: usize,
    pub verdict: Verdict,
}

/// What may be said of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Faster,
    Slower,
    /// The difference is below the measured noise.
    Same,
    /// Nothing in this run tells how large the noise is.
    NoiseUnknown,
}

/// The rounds of a leg whose time counts.
pub fn counted(rounds: &[Round], leg: Leg) -> impl Iterator<Item = &Round> {
    let counts = move |round: &&Round| round.step.leg == leg && round.step.kind == Kind::Measured && round.state_ok;
    rounds.iter().filter(counts)
}

/// Their times, in nanoseconds.
pub fn walls(rounds: &[Round], leg: Leg) -> Vec<f64> {
    counted(rounds, leg).map(|round| round.wall_ns as f64).collect()
}

/// Compares two legs; None where one of them has no round that counts. `noise`: see [`super::summary::Summary::noise`].
pub fn compare(rounds: &[Round], leg: Leg, base: Leg, noise: Option<f64>) -> Option<Comparison> {
    if leg == base {
        return None;
    }
    let (values, bases) = side_by_side(rounds, leg, base);
    let ratios = paired_ratios(&values, &bases);
    let enough = ratios.len() >= FEWEST_PAIRS;
    let (all_values, all_bases) = (walls(rounds, leg), walls(rounds, base));
    let ratio = match enough {
        true => median(&ratios)?,
        false => median(&all_values)? / median(&all_bases)?,
    };
    let interval = median_interval(&ratios).filter(|_| ratios.len() > 1);
    let verdict = match interval.filter(|_| enough) {
        Some(interval) => judge(ratio, interval.contains(1.0)),
        None => judge_by_noise(ratio, &all_values, &all_bases, noise),
    };
    Some(Comparison { leg, base, ratio, interval, pairs: ratios.len(), verdict })
}

/// The times of those rounds of two legs that have the same number.
fn side_by_side(rounds: &[Round], leg: Leg, base: Leg) -> (Vec<f64>, Vec<f64>) {
    let both = counted(rounds, leg).filter_map(|round| {
        let partner = counted(rounds, base).find(|other| other.step.round == round.step.round)?;
        Some((round.wall_ns as f64, partner.wall_ns as f64))
    });
    both.unzip()
}

/// Without pairs the spreads of both legs tell, added as independent errors are; the noise of the run where there is none.
fn judge_by_noise(ratio: f64, values: &[f64], bases: &[f64], noise: Option<f64>) -> Verdict {
    let of = |samples: &[f64]| relative_spread(samples).or(noise);
    match of(values).zip(of(bases)) {
        Some((one, other)) => judge(ratio, (ratio.max(1.0 / ratio) - 1.0) <= one.hypot(other)),
        None => Verdict::NoiseUnknown,
    }
}

fn judge(ratio: f64, same: bool) -> Verdict {
    match (same, ratio > 1.0) {
        (true, _) => Verdict::Same,
        (false, true) => Verdict::Slower,
        (false, false) => Verdict::Faster,
    }
}
