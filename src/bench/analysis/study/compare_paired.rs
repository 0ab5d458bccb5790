//! Differences of two backends that ran side by side: each state of the second against the same of the first, round by round.

use crate::analysis::statistics::compare::compare;
use crate::analysis::statistics::noise::noise_floor;
use crate::analysis::statistics::rounds::walls;
use crate::analysis::statistics::stats::median;
use crate::analysis::study::differences::{Difference, Differences};
use crate::plan::run_plan::Plan;
use crate::plan::steps::Setup;
use crate::plan::study::Study;
use crate::results::round::Round;
use crate::scenario::cache_state::CacheState;

/// The differences of the second backend of a plan from the first; None in other studies.
pub fn between_backends(rounds: &[Round], plan: &Plan) -> Option<Differences> {
    let Study::SideBySide { backends } = &plan.study else { return None };
    let measured = plan.measured_setups();
    let setups =
        plan.pairs().flat_map(|pair| CacheState::ALL.map(|state| pair.map(|case| Setup { state, case: Some(case) })));
    let setups: Vec<[Setup; 2]> = setups.filter(|pair| measured.contains(&pair[0])).collect();
    let one_sided = |pair: &&[Setup; 2]| pair.iter().any(|setup| walls(rounds, *setup).is_empty());
    Some(Differences {
        names: backends.each_ref().map(|backend| backend.name.clone()),
        side_by_side: true,
        floor: noise_floor(rounds).map(|floor| floor.share),
        states: setups.iter().filter_map(|pair| difference(rounds, plan, *pair)).collect(),
        only_in_one: setups.iter().filter(one_sided).map(|pair| name(plan, *pair)).collect(),
    })
}

fn difference(rounds: &[Round], plan: &Plan, [first, second]: [Setup; 2]) -> Option<Difference> {
    let found = compare(rounds, second, first)?;
    let walls = [walls(rounds, first), walls(rounds, second)];
    Some(Difference {
        name: name(plan, [first, second]),
        state: second.state,
        rounds: [walls[0].len(), walls[1].len()],
        medians_ns: [median(&walls[0])?, median(&walls[1])?],
        ratio: found.ratio,
        interval: found.interval,
        verdict: found.verdict,
    })
}

/// The state, and the case of the scenario where that has cases.
fn name(plan: &Plan, [_, second]: [Setup; 2]) -> String {
    match second.case.and_then(|case| plan.cases[case].pair.as_ref()) {
        Some(pair) if !pair.name.is_empty() => format!("{} · {}", second.state, pair.name),
        _ => second.state.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::statistics::compare::Verdict;
    use crate::analysis::statistics::compare::tests::simulated_walls;
    use crate::analysis::study::cases::tests::measured;
    use crate::plan::run_plan::tests::plan_of;
    use crate::scenario::case::Backend;
    use crate::scenario::case::tests::case;

    fn plan(cases: &[&str]) -> Plan {
        let backend = |name: &str| Backend { name: name.to_owned(), commit: None, executable: None, foreign: None };
        let mut plan = plan_of(&[CacheState::LocalHit], cases.iter().map(|text| case(text)).collect());
        plan.run_with_each(&[backend("old"), backend("new")], 5).unwrap();
        Plan { study: plan.study, ..plan_of(&[CacheState::LocalHit], plan.cases) }
    }

    #[test]
    fn the_second_is_held_against_the_first_round_by_round() {
        let mut rounds = measured(CacheState::LocalHit, Some(0), &[100, 200, 300, 400, 500]);
        rounds.extend(measured(CacheState::LocalHit, Some(1), &[150, 300, 450, 600, 750]));
        let found = between_backends(&rounds, &plan(&[])).unwrap();
        assert_eq!((found.names.each_ref().map(String::as_str), found.side_by_side), (["old", "new"], true));
        let a = &found.states[0];
        assert_eq!((a.name.as_str(), a.verdict, a.rounds), ("local-hit", Verdict::Slower, [5, 5]));
        assert!((a.ratio - 1.5).abs() < 1e-9, "{a:?}");
        assert_eq!((a.medians_ns, found.slower_than(0.4).len(), found.slower_than(0.6).len()), ([3e8, 4.5e8], 1, 0));
    }

    #[test]
    fn what_only_one_of_them_came_to_is_named() {
        let rounds = measured(CacheState::LocalHit, Some(0), &[100, 100]);
        let found = between_backends(&rounds, &plan(&["name = \"near\""])).unwrap();
        assert_eq!((found.states.len(), found.only_in_one), (0, vec!["local-hit · near".to_owned()]));
        assert_eq!(between_backends(&rounds, &plan_of(&[CacheState::LocalHit], Vec::new())), None);
    }

    #[test]
    fn of_a_thousand_comparisons_of_the_same_at_least_970_say_so() {
        let (mut random, plan) = (fastrand::Rng::with_seed(9), plan(&[]));
        let mut side = |case| measured(CacheState::LocalHit, Some(case), &simulated_walls(&mut random, 21, 0.02, 1.0));
        let mut verdict = || between_backends(&[side(0), side(1)].concat(), &plan).unwrap().states[0].verdict;
        let same = (0..1000).filter(|_| verdict() == Verdict::Same).count();
        assert!(same >= 970, "{same} of 1000");
    }
}
