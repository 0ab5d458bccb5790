//! The rounds of one setup: those that count, their times, and the typical one.

use crate::analysis::statistics::stats::median;
use crate::plan::steps::{Kind, Setup};
use crate::results::round::Round;

/// The rounds of a state, under one case where it has cases, whose time counts.
pub fn counted(rounds: &[Round], setup: impl Into<Setup>) -> impl Iterator<Item = &Round> {
    let setup = setup.into();
    let counts =
        move |round: &&Round| round.step.setup() == setup && round.step.kind == Kind::Measured && round.state_ok;
    rounds.iter().filter(counts)
}

/// The times of these rounds, in nanoseconds.
pub fn walls(rounds: &[Round], setup: impl Into<Setup>) -> Vec<f64> {
    counted(rounds, setup).map(|round| round.wall_ns as f64).collect()
}

/// The typical round of a setup: of the rounds that count the one nearest to their median, one with a breakdown if there is one.
/// A backend that is not ours has a breakdown only in the round that recorded it from outside.
pub fn typical(rounds: &[Round], setup: Setup) -> Option<&Round> {
    let middle = median(&walls(rounds, setup))?;
    let distance = |round: &Round| (round.wall_ns as f64 - middle).abs();
    let nearest = |with_breakdown: bool| {
        let wanted = counted(rounds, setup).filter(|round| !with_breakdown || round.time_breakdown.is_some());
        wanted.min_by(|one, other| distance(one).total_cmp(&distance(other)))
    };
    nearest(true).or_else(|| from_outside(rounds, setup)).or_else(|| nearest(false))
}

fn from_outside(rounds: &[Round], setup: Setup) -> Option<&Round> {
    let is_tapped = |round: &&Round| {
        let seen = round.session.as_ref().and_then(|session| session.seen.as_ref());
        round.step.setup() == setup && seen.is_some() && round.time_breakdown.is_some()
    };
    rounds.iter().find(is_tapped)
}
