//! Differences between two runs, or between two backends side by side: one shape for both, so that one table shows both.

use serde::Serialize;

use crate::analysis::statistics::compare::Verdict;
use crate::analysis::statistics::stats::Interval;
use crate::scenario::cache_state::CacheState;

/// The differences of the second of two from the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Differences {
    /// Names of the two.
    pub names: [String; 2],
    /// True if they ran in pairs, next to each other in each round; else one whole run came after the other.
    pub side_by_side: bool,
    /// Smallest difference of the short states that is not noise, as a share; None where it is not known.
    pub floor: Option<f64>,
    /// In the order of the plan.
    pub states: Vec<Difference>,
    /// States and cases that only one of them has.
    pub only_in_one: Vec<String>,
}

/// One state, under one case where it has cases, in both.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Difference {
    pub name: String,
    pub state: CacheState,
    /// Number of rounds that count, on each side.
    pub rounds: [usize; 2],
    pub medians_ns: [f64; 2],
    /// Time in the second over time in the first: above 1 is slower.
    pub ratio: f64,
    /// Interval of that ratio; None for too few rounds.
    pub interval: Option<Interval>,
    pub verdict: Verdict,
}

impl Differences {
    /// The states of which the rounds cannot say whether they differ, by name.
    pub fn inconclusive(&self) -> Vec<&str> {
        let is_open = |one: &&Difference| matches!(one.verdict, Verdict::Inconclusive | Verdict::NoiseUnknown);
        self.states.iter().filter(is_open).map(|one| one.name.as_str()).collect()
    }

    /// The states that are surely slower by more than `limit`, a share: their whole interval lies above it.
    pub fn slower_than(&self, limit: f64) -> Vec<&Difference> {
        let is_above = |found: Option<Interval>| found.is_some_and(|found| found.low > 1.0 + limit);
        self.states.iter().filter(|one| one.verdict == Verdict::Slower && is_above(one.interval)).collect()
    }
}
