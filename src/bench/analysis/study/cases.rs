//! The figures of each case: a state under it, against go alone and against the baseline of the case.

use serde::Serialize;

use crate::analysis::statistics::compare::{Comparison, compare};
use crate::analysis::statistics::rounds::counted;
use crate::analysis::study::summary::StateSummary;
use crate::plan::run_plan::Plan;
use crate::plan::steps::Setup;
use crate::results::round::Round;
use crate::scenario::cache_state::CacheState;

/// One state under one case.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CaseSummary {
    pub name: String,
    pub slug: String,
    /// `against_full` is against the baseline of the same case where it has one, because go builds something else there.
    #[serde(flatten)]
    pub figures: StateSummary,
    /// Against the baseline of the case; None where it has none.
    pub against_baseline: Option<Comparison>,
}

/// The cases that have a round that counts, in the order of the plan.
pub fn summaries(rounds: &[Round], plan: &Plan) -> Vec<CaseSummary> {
    let setups = plan.measured_setups();
    let all = (0..plan.cases.len()).flat_map(|case| CacheState::ALL.map(|state| Setup { state, case: Some(case) }));
    all.filter(|setup| setups.contains(setup)).filter_map(|setup| summary(rounds, plan, setup)).collect()
}

fn summary(rounds: &[Round], plan: &Plan, setup: Setup) -> Option<CaseSummary> {
    let case = &plan.cases[setup.case?];
    let mut figures = StateSummary::of(rounds, setup)?;
    figures.against_empty = compare(rounds, setup, CacheState::GoCold);
    let own = Setup { state: CacheState::GoWarm, case: setup.case };
    let has_own = counted(rounds, own).next().is_some();
    figures.against_full = compare(rounds, setup, if has_own { own } else { CacheState::GoWarm.into() });
    let baseline = case.baseline.map(|at| Setup { state: plan.cases[at].state.unwrap_or(setup.state), case: Some(at) });
    let against_baseline = baseline.and_then(|base| compare(rounds, setup, base));
    Some(CaseSummary { name: case.name.clone(), slug: case.slug.clone(), figures, against_baseline })
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::analysis::statistics::compare::Verdict;
    use crate::plan::run_plan::tests::plan_of;
    use crate::plan::steps::{Kind, Step};
    use crate::results::round::tests::round;
    use crate::scenario::case::tests::case;

    /// Measured rounds, in milliseconds.
    pub fn measured(state: CacheState, case: Option<usize>, walls_ms: &[u64]) -> Vec<Round> {
        let step = |number| Step { state, case, kind: Kind::Measured, round: number };
        walls_ms.iter().zip(1..).map(|(wall, number)| round(step(number), wall * 1_000_000)).collect()
    }

    #[test]
    fn each_case_is_paired_with_the_baseline_of_its_round() {
        let plan = plan_of(
            &[CacheState::GoWarm, CacheState::RemoteHit],
            vec![
                case("name = \"pack\"\nstrategy = \"pack\""),
                case("name = \"plain order\"\nstrategy = \"pack\"\nwithout = [\"order\"]"),
            ],
        );
        let mut rounds = measured(CacheState::GoWarm, None, &[100, 110, 120, 130, 140]);
        rounds.extend(measured(CacheState::RemoteHit, Some(0), &[200, 220, 240, 260, 280]));
        rounds.extend(measured(CacheState::RemoteHit, Some(1), &[300, 330, 360, 390, 420]));
        let found = summaries(&rounds, &plan);
        let ratio = |at: usize| found[at].figures.against_full.unwrap();
        assert_eq!((ratio(0).ratio, ratio(0).pairs, ratio(1).ratio), (2.0, 5, 3.0));
        assert_eq!(found[0].against_baseline, None);
        let worth = found[1].against_baseline.unwrap();
        assert_eq!((worth.ratio, worth.verdict), (1.5, Verdict::Slower));
    }

    #[test]
    fn a_change_is_compared_with_go_alone_after_the_same_change() {
        let plan = plan_of(
            &[CacheState::GoWarm, CacheState::RemoteHit],
            vec![case("name = \"edit\"\nchange = \"edit-one-file\"")],
        );
        let mut rounds = measured(CacheState::GoWarm, Some(0), &[1000, 1000]);
        rounds.extend(measured(CacheState::RemoteHit, Some(0), &[1500, 1500]));
        let found = summaries(&rounds, &plan);
        let states: Vec<CacheState> = found.iter().map(|case| case.figures.state).collect();
        assert_eq!(states, [CacheState::GoWarm, CacheState::RemoteHit]);
        assert_eq!(found[1].figures.against_full.unwrap().ratio, 1.5);
        assert_eq!(found[0].figures.against_full, None);
    }
}
