//! The steps of a plan and their order: rounds over states and cases, what has to be prepared for them, profile rounds.

use serde::{Deserialize, Serialize};

use crate::bench::scenario::cache_state::CacheState;
use crate::bench::scenario::case::{CacheKind, Case};

/// What rounds are compared by: a state, under a case where the scenario has cases.
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

/// What a step is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Its time counts.
    Measured,
    /// Its time does not count: the first run of a short state comes after long ones, which leave the machine in another state.
    WarmUp,
    /// The same once more: what differs between the two is noise.
    Again,
    /// It only makes a state that another state starts from.
    Preparation,
    /// Its time does not count: the CPU profile is on.
    Profile,
    /// Its time does not count: the heap profile is on.
    Heap,
}

/// How often states are run.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    /// Of those that compile everything.
    pub long: u32,
    /// Of the others, where their case says nothing else.
    pub short: u32,
    /// Of the others before those.
    pub warm_up: u32,
}

/// Rounds side by side from which a difference, or the noise, is told by an interval: with fewer it is no better than the
/// range.
pub const FEWEST_PAIRS: usize = 5;

/// Profile rounds of b with the strategy `pack`, whose sessions take about a second.
const B_PROFILES: u32 = 4;
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
    /// Whether its time tells something.
    pub fn is_timed(&self) -> bool {
        matches!(self.kind, Kind::Measured | Kind::Again)
    }

    /// CacheState and case.
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

/// What is run in each round: states with a backend under each case; a baseline once for all cases that do not make go build
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
    if let Some(at) = full.filter(|_| steps.len() > 1 && rounds as usize >= FEWEST_PAIRS) {
        // Fewer pairs would tell no noise.
        steps.push(Step { kind: Kind::Again, ..steps[at] });
    }
    match round.checked_sub(2) {
        None => steps,
        Some(row) => balanced_order(steps.len(), row as usize).map(|at| steps[at]).collect(),
    }
}

/// A row of a Latin square in which each of `count` follows each other one equally often: the one that begins 0, 1, n-1, 2,
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

/// Puts what makes a needed state, where no earlier step does, in front of the step that needs it.
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

/// Caches of a kind of their own are prepared by the first case that has it.
fn needed_by(step: Step, cases: &[Case]) -> Option<Step> {
    let state = step.state.needs()?;
    let case = step.case.filter(|_| cache_kind(step, cases) != CacheKind::default());
    Some(Setup { state, case }.step(Kind::Preparation, 1))
}

fn serves(step: Step, needed: Step, cases: &[Case]) -> bool {
    let is_plain = step.case.is_none() || step.kind == Kind::Preparation;
    step.state == needed.state && is_plain && cache_kind(step, cases) == cache_kind(needed, cases)
}

fn cache_kind(step: Step, cases: &[Case]) -> CacheKind {
    Case::cache_kind(step.state, step.case.map(|case| &cases[case]))
}

/// Where sessions are short, the first round is for go's own view and the others are for the CPU profile, which starts
/// before such a session.
pub fn profile(setups: &[Setup], is_small: bool, is_pack: impl Fn(&Setup) -> bool) -> Vec<Step> {
    let rounds = |setup: &Setup| match setup.state {
        CacheState::LocalHit => SHORT_PROFILES,
        _ if is_small => 2,
        CacheState::RemoteHit if is_pack(setup) => B_PROFILES,
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
mod tests {
    use super::*;
    use crate::bench::scenario::case::tests::case;

    /// The steps as `state case round`, with ! for preparation.
    fn order(states: &[CacheState], cases: &[Case]) -> String {
        let setups = setups(states, cases);
        let mut steps = measured(&setups, cases, Counts { long: 1, short: 5, warm_up: 0 });
        insert_preparation(&mut steps, cases);
        let name = |step: &Step| {
            let case = step.case.map_or(String::new(), |case| format!("/{}", cases[case].slug));
            let round = match step.kind {
                Kind::Measured => step.round.to_string(),
                Kind::Again => "+".to_owned(),
                Kind::WarmUp => "~".to_owned(),
                _ => "!".to_owned(),
            };
            format!("{}{case}{round}", step.state)
        };
        steps.iter().map(name).collect::<Vec<String>>().join(" ")
    }

    #[test]
    fn cases_take_turns_and_baselines_are_shared() {
        let cases = [case("name = \"x\"\nrounds = 2"), case("name = \"y\"\nrounds = 3")];
        let expected = "go-cold! go-warm1 cold! remote-hit/x1 remote-hit/y1 go-warm2 remote-hit/x2 remote-hit/y2 remote-hit/y3 go-warm3";
        assert_eq!(order(&[CacheState::GoWarm, CacheState::RemoteHit], &cases), expected);
    }

    #[test]
    fn a_case_that_changes_the_build_has_a_baseline_of_its_own() {
        let cases = [
            case("name = \"x\"\nrounds = 1"),
            case("name = \"edit\"\nrounds = 1\nchange = \"edit-one-file\""),
            case("name = \"trim\"\nrounds = 1\ntrimpath = true"),
        ];
        let expected = "go-cold! go-warm1 go-warm/edit1 go-cold/trim! go-warm/trim1 \
                        cold! remote-hit/x1 remote-hit/edit1 cold/trim! remote-hit/trim1";
        assert_eq!(order(&[CacheState::GoWarm, CacheState::RemoteHit], &cases), expected);
        assert_eq!(setups(&[CacheState::GoWarm], &cases[1..]).len(), 2, "nobody needs the plain one");
    }

    #[test]
    fn each_follows_each_other_one_equally_often() {
        for (count, rows) in [(2, 2), (3, 6), (4, 4), (5, 10), (6, 6)] {
            let mut follows = vec![vec![0; count]; count];
            for row in 0..rows {
                let order: Vec<usize> = balanced_order(count, row).collect();
                assert_eq!((0..count).filter(|each| order.contains(each)).count(), count, "{order:?}");
                order.windows(2).for_each(|pair| follows[pair[0]][pair[1]] += 1);
            }
            let others = |one: usize| (0..count).filter(move |other| *other != one).map(move |other| (one, other));
            let counts: Vec<i32> = (0..count).flat_map(others).map(|(one, other)| follows[one][other]).collect();
            assert!(counts.iter().all(|often| *often == counts[0]), "{count}: {follows:?}");
        }
    }

    #[test]
    fn folders_of_steps_name_state_case_and_round() {
        let cases = [case("name = \"pack, plain order\"")];
        let step = Step { state: CacheState::RemoteHit, case: Some(0), kind: Kind::Measured, round: 2 };
        assert_eq!(step.folder(&cases), "remote-hit/pack-plain-order/2");
        let shared = Step { state: CacheState::GoWarm, case: None, kind: Kind::Measured, round: 2 };
        assert_eq!(shared.folder(&cases), "go-warm/2");
    }
}
