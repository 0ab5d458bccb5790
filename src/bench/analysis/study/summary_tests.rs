//! Tests of the summary, and rounds for other tests.

use super::*;
use crate::analysis::statistics::compare::Verdict;
use crate::plan::run_plan::tests::plan_of;
use crate::plan::steps::{Kind, Step};
use crate::results::round::StateCheck;
use crate::results::round::tests::round;
use crate::results::time_breakdown::BuildTimes;
use crate::results::time_breakdown::tests::log;

/// Measured rounds of a state, in milliseconds.
pub fn measured(state: CacheState, walls_ms: &[u64]) -> Vec<Round> {
    let rounds = walls_ms.iter().zip(1..);
    rounds
        .map(|(wall, number)| {
            let step = Step { state, case: None, kind: Kind::Measured, round: number };
            round(step, wall * 1_000_000)
        })
        .collect()
}

/// The summary of rounds of no plan.
pub fn summary(rounds: &[Round]) -> Summary {
    Summary::of(rounds, &plan_of(&[], Vec::new()))
}

fn verdict(rounds: &[Round], state: CacheState) -> Verdict {
    summary(rounds).state(state).unwrap().against_full.unwrap().verdict
}

#[test]
fn neighbours_are_compared_with_each_other() {
    // The machine gets slower from round to round; a takes a tenth more each time.
    let mut rounds = measured(CacheState::GoWarm, &[100, 120, 140, 160, 180]);
    rounds.extend(measured(CacheState::LocalHit, &[110, 132, 154, 176, 198]));
    let summary = Summary::of(&rounds, &Plan { paired_ratios: true, ..plan_of(&[], Vec::new()) });
    let pair = summary.pairs[0];
    assert!((pair.ratio - 1.1).abs() < 1e-9);
    assert_eq!((pair.pairs, pair.verdict), (5, Verdict::Slower));
}

#[test]
fn a_difference_below_the_noise_is_none() {
    let mut rounds = measured(CacheState::GoWarm, &[100, 120, 90, 110, 105]);
    rounds.extend(measured(CacheState::LocalHit, &[105, 110, 100, 100, 107]));
    assert_eq!(verdict(&rounds, CacheState::LocalHit), Verdict::Inconclusive);
}

#[test]
fn rounds_out_of_state_count_nowhere_but_are_named() {
    let mut rounds = measured(CacheState::LocalHit, &[10, 1000]);
    rounds[1].state_ok = false;
    rounds[1].state_checks =
        vec![StateCheck { expected: "0 requests to the remote".to_owned(), seen: "4".to_owned(), ok: false }];
    let summary = summary(&rounds);
    assert_eq!(summary.state(CacheState::LocalHit).unwrap().walls_ns, [10_000_000]);
    assert_eq!(summary.out_of_state[0].folders, ["local-hit/2"]);
    assert_eq!(summary.out_of_state[0].why, ["expected 0 requests to the remote, saw 4"]);
}

#[test]
fn the_round_nearest_to_the_median_stands_for_all_of_those_with_a_breakdown() {
    let mut rounds = measured(CacheState::LocalHit, &[100, 110, 121, 130, 200]);
    assert_eq!(typical(&rounds, CacheState::LocalHit.into()).unwrap().step.round, 3);
    let frame =
        BuildTimes { backend_ns: 0, handshake_ns: 0, released_ns: 0, wall_ns: 1, workers: 1, cores: 1, go_cpu_ns: 0 };
    rounds[1].time_breakdown = Some(TimeBreakdown::of(frame, &log(Vec::new())));
    assert_eq!(typical(&rounds, CacheState::LocalHit.into()).unwrap().step.round, 2);
    assert_eq!(typical(&rounds, CacheState::RemoteHit.into()), None);
}

#[test]
fn preparation_and_profile_rounds_do_not_count() {
    let mut rounds = measured(CacheState::Cold, &[10, 20]);
    rounds[0].step.kind = Kind::Preparation;
    rounds[1].step.kind = Kind::Profile;
    assert!(summary(&rounds).states.is_empty());
}
