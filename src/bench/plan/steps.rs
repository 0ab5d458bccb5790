//! The steps of a plan and their order: rounds over states and cases, what has to be prepared for them, profile rounds.

use serde::{Deserialize, Serialize};

use crate::scenario::cache_state::CacheState;
use crate::scenario::case::{CacheKind, Case};

/// A state, under a case where the study has cases: rounds of one setup are repetitions of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Setup {
    pub state: CacheState,
    /// Position among the cases of the plan.
    pub case: Option<usize>,
}

/// One run of go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Step {
    pub state: CacheState,
    /// Position among the cases of the plan; None where there are none, and for a baseline that all cases share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<usize>,
    pub kind: Kind,
    /// From 1; the same number in two setups means that they ran next to each other.
    pub round: u32,
}

/// The purpose of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Its time counts.
    Measured,
    /// Its time does not count: the first run of a short state comes after long ones, which leave the machine in another state.
    WarmUp,
    /// The measured step once more: the difference between the two is noise.
    Again,
    /// It only makes a state that another state starts from.
    Preparation,
    /// Its time does not count: the CPU profile is on.
    Profile,
    /// Its time does not count: the heap profile is on.
    Heap,
}

/// Numbers of rounds.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    /// Rounds of the states that compile everything.
    pub long: u32,
    /// Rounds of the others, where their case says nothing else.
    pub short: u32,
    /// Rounds of the others before these, which do not count.
    pub warm_up: u32,
}

/// Rounds side by side from which on an interval is used for a difference or the noise: with fewer it is no better than the
/// range.
pub const FEWEST_PAIRS: usize = 5;

/// Profile rounds of remote-hit with the strategy `pack`, whose sessions take about a second.
const REMOTE_HIT_PROFILES: u32 = 4;
/// Profile rounds of a state whose sessions take some hundredths of a second of CPU time: four samples each.
/// The first is for go's own view.
const SHORT_PROFILES: u32 = 9;

impl From<CacheState> for Setup {
    fn from(state: CacheState) -> Setup {
        Setup { state, case: None }
    }
}

impl Setup {
    /// Its folder below the one of the whole run.
    pub fn folder(self, cases: &[Case]) -> String {
        match self.case {
            None => self.state.to_string(),
            Some(case) => format!("{}/{}", self.state, cases[case].slug),
        }
    }

    fn step(self, kind: Kind, round: u32) -> Step {
        Step { state: self.state, case: self.case, kind, round }
    }
}

impl Step {
    /// True if its time is used.
    pub fn is_timed(&self) -> bool {
        matches!(self.kind, Kind::Measured | Kind::Again)
    }

    /// Its state and case.
    pub fn setup(&self) -> Setup {
        Setup { state: self.state, case: self.case }
    }

    /// The folder of this step below the one of the whole run.
    pub fn folder(&self, cases: &[Case]) -> String {
        let setup = self.setup().folder(cases);
        match self.kind {
            Kind::Measured => format!("{setup}/{}", self.round),
            Kind::WarmUp => format!("{setup}/warm-up-{}", self.round),
            Kind::Again => format!("{setup}/{}-again", self.round),
            Kind::Preparation => format!("{setup}/preparation"),
            Kind::Profile if self.round == 1 => format!("{setup}/profile"),
            Kind::Profile => format!("{setup}/profile-{}", self.round),
            Kind::Heap => format!("{setup}/heap"),
        }
    }
}

/// The setups of each round: states with a backend under each case; a baseline once for all cases that do not make go build
/// something else.
pub fn setups(states: &[CacheState], cases: &[Case]) -> Vec<Setup> {
    let mut setups = Vec::new();
    for state in states {
        let all = (0..cases.len()).filter(|case| cases[*case].has(*state));
        let all = all.map(|case| Setup { state: *state, case: Some(case) });
        let own = |setup: &Setup| setup.case.is_some_and(|case| cases[case].changes_the_build());
        match state {
            CacheState::Cold | CacheState::RemoteHit | CacheState::LocalHit if !cases.is_empty() => setups.extend(all),
            CacheState::GoWarm if !cases.is_empty() => {
                if !cases.iter().all(Case::changes_the_build) {
                    setups.push((*state).into());
                }
                setups.extend(all.filter(own));
            }
            _ => setups.push((*state).into()),
        }
    }
    setups
}

/// Round by round. The first is in the order of Step 2.4, in which each state finds its state; from then on all states
/// stand, and the order changes so that each runs after each other one equally often: what runs after a build that wrote much
/// is slower. go with its own full cache runs twice a round: the noise that all differences are held against.
pub fn measured(setups: &[Setup], cases: &[Case], counts: Counts) -> Vec<Step> {
    let count = |setup: &Setup| match setup.case {
        _ if setup.state.is_cold() => counts.long,
        Some(case) => cases[case].rounds,
        // Each round of a case has one beside it.
        None => cases.iter().map(|case| case.rounds).max().unwrap_or(counts.short),
    };
    let last = setups.iter().map(count).max().unwrap_or(0);
    let warm_up = (1..=counts.warm_up).flat_map(|round| warm_up(setups, round));
    let of_round = |round| setups.iter().copied().filter(move |setup| count(setup) >= round).collect::<Vec<Setup>>();
    let full = count(&CacheState::GoWarm.into());
    let rounds = (1..=last).flat_map(|round| one_round(&of_round(round), round, full));
    // Long states do not warm up, and make the states that the short ones start from.
    let is_first_long = |step: &Step| counts.warm_up > 0 && step.state.is_cold() && step.round == 1;
    warm_up.chain(rounds.filter(|step| !is_first_long(step))).collect()
}

/// A round that warms up, with the long states in their places in the first one.
fn warm_up(setups: &[Setup], round: u32) -> Vec<Step> {
    let step = |setup: &Setup| match setup.state.is_cold() {
        true => (round == 1).then(|| setup.step(Kind::Measured, 1)),
        false => Some(setup.step(Kind::WarmUp, round)),
    };
    setups.iter().filter_map(step).collect()
}

/// A round of these setups, of which there are `rounds`.
pub fn one_round(setups: &[Setup], round: u32, rounds: u32) -> Vec<Step> {
    let mut steps: Vec<Step> = setups.iter().map(|setup| setup.step(Kind::Measured, round)).collect();
    let full = steps.iter().position(|step| step.setup() == CacheState::GoWarm.into());
    // Fewer pairs would give no noise.
    let has_pairs = steps.len() > 1 && rounds as usize >= FEWEST_PAIRS;
    if let (Some(at), true) = (full, has_pairs) {
        steps.push(Step { kind: Kind::Again, ..steps[at] });
    }
    match round.checked_sub(2) {
        None => steps,
        Some(row) => balanced_order(steps.len(), row as usize).map(|at| steps[at]).collect(),
    }
}

/// The order of one row of a Latin square in which each of `count` follows each other one equally often: the one that begins 0, 1, n-1, 2,
/// n-2 …, moved on by the number of the row; for an odd count each second one backwards. (E. J. Williams, "Experimental Designs
/// Balanced for the Estimation of Residual Effects of Treatments", 1949)
fn balanced_order(count: usize, row: usize) -> impl Iterator<Item = usize> {
    let is_odd = !count.is_multiple_of(2);
    let (turn, is_backwards) = if is_odd { (row / 2, row % 2 == 1) } else { (row, false) };
    (0..count).map(move |place| {
        let place = if is_backwards { count - 1 - place } else { place };
        let step = if place % 2 == 1 { place.div_ceil(2) } else { count - place / 2 };
        (step + turn) % count
    })
}

/// Inserts the preparation of each state that a step needs and no earlier step makes.
pub fn insert_preparation(steps: &mut Vec<Step>, cases: &[Case]) {
    let mut position = 0;
    while position < steps.len() {
        let needed = needed_by(steps[position], cases);
        let missing = needed.filter(|needed| !steps[..position].iter().any(|step| serves(*step, *needed, cases)));
        if let Some(preparation) = missing {
            steps.insert(position, preparation);
        } else {
            position += 1;
        }
    }
}

/// The step that prepares what a step needs. Caches of a kind of their own are prepared by the first case that has it.
fn needed_by(step: Step, cases: &[Case]) -> Option<Step> {
    let state = step.state.needs()?;
    let is_plain = cache_kind(step, cases) == CacheKind::default();
    let case = if is_plain { None } else { step.case };
    Some(Setup { state, case }.step(Kind::Preparation, 1))
}

fn serves(step: Step, needed: Step, cases: &[Case]) -> bool {
    // A measured build of a backend that is not ours fills the bucket of that backend.
    let is_foreign = step.case.is_some_and(|case| cases[case].foreign().is_some());
    let is_plain = step.case.is_none() || step.kind == Kind::Preparation || is_foreign;
    step.state == needed.state && is_plain && cache_kind(step, cases) == cache_kind(needed, cases)
}

fn cache_kind(step: Step, cases: &[Case]) -> CacheKind {
    Case::cache_kind(step.state, step.case.map(|case| &cases[case]))
}

/// The profile rounds. Where sessions are short, the first is for go's own view and the others are for the CPU profile, which starts
/// before such a session.
pub fn profile(
    setups: &[Setup],
    is_small: bool,
    is_foreign: impl Fn(&Setup) -> bool,
    is_pack: impl Fn(&Setup) -> bool,
) -> Vec<Step> {
    let rounds = |setup: &Setup| match setup.state {
        // A program that is not ours has no profile: its one round is recorded from outside.
        _ if is_foreign(setup) => 1,
        CacheState::LocalHit => SHORT_PROFILES,
        _ if is_small => 2,
        CacheState::RemoteHit if is_pack(setup) => REMOTE_HIT_PROFILES,
        _ => 1,
    };
    let profiled = setups.iter().filter(|setup| setup.state.uses_backend());
    profiled.flat_map(|setup| (1..=rounds(setup)).map(|round| setup.step(Kind::Profile, round))).collect()
}

/// One round a setup with the heap profile on.
pub fn heap(setups: &[Setup]) -> impl Iterator<Item = Step> {
    setups.iter().filter(|setup| setup.state.uses_backend()).map(|setup| setup.step(Kind::Heap, 1))
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
