//! The test of the verdict: each injected bottleneck against the first finding of each of its rounds, and the saving that is
//! estimated against the one that the build without it measured.

use serde::Serialize;

use crate::analysis::statistics::rounds::counted;
use crate::analysis::statistics::stats::{Interval, median, median_interval};
use crate::analysis::verdict::finding::StateVerdict;
use crate::plan::run_plan::Plan;
use crate::plan::steps::Setup;
use crate::plan::study::Bottleneck;
use crate::results::round::Round;
use crate::scenario::rule::Rule;

/// The largest error of an estimated saving, as a share of the measured one.
pub const TOLERANCE: f64 = 0.25;
/// The most that a rule may find in a healthy build, as a share of its time.
pub const HEALTHY: f64 = 0.10;

/// The outcome for one bottleneck.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Outcome {
    pub name: String,
    /// The rule that has to name it; None for a healthy build.
    pub rule: Option<Rule>,
    /// The rule that came first, round by round; None where nothing was found. For a healthy build: in the round in which
    /// most was found.
    pub first: Vec<Option<Rule>>,
    /// The estimated saving, nanoseconds: the median of the rounds. None for a rule without a time.
    pub estimate_ns: Option<f64>,
    /// The largest estimated saving of all rounds, as a share of the wall clock.
    pub estimate_share: Option<f64>,
    /// The saving that the build without it measured, nanoseconds: the median of the rounds side by side. None where that did
    /// not run.
    pub measured_ns: Option<f64>,
    /// True if the saving has to be measured too.
    pub has_control: bool,
    pub interval: Option<Interval>,
    pub passed: bool,
}

/// The bottlenecks of a plan that have a round that counts.
pub fn outcomes(rounds: &[Round], plan: &Plan) -> Vec<Outcome> {
    plan.study.bottlenecks().iter().filter_map(|bottleneck| Outcome::of(rounds, plan, bottleneck)).collect()
}

impl Outcome {
    fn of(rounds: &[Round], plan: &Plan, bottleneck: &Bottleneck) -> Option<Outcome> {
        let injected = setup(plan, bottleneck.case)?;
        let verdicts: Vec<StateVerdict> =
            counted(rounds, injected).map(|round| StateVerdict::of_round(round, bottleneck.name.clone())).collect();
        if verdicts.is_empty() {
            return None;
        }
        let rule = bottleneck.rule;
        let has_time = verdicts.iter().all(|verdict| !verdict.beside.iter().any(|finding| Some(finding.rule) == rule));
        let judged: Vec<&StateVerdict> = match rule {
            Some(_) => verdicts.iter().collect(),
            None => verdicts.iter().max_by(|one, other| most(one).total_cmp(&most(other))).into_iter().collect(),
        };
        let first = judged.into_iter().map(|verdict| first(verdict, has_time)).collect::<Vec<Option<Rule>>>();
        let savings = verdicts.iter().map(|verdict| saving(verdict, rule)).collect::<Vec<(f64, f64)>>();
        let (estimates, shares): (Vec<f64>, Vec<f64>) = savings.into_iter().unzip();
        let control = plan.cases[bottleneck.case].pair.as_ref().and_then(|pair| setup(plan, pair.base));
        let saved = control.map(|control| saved(rounds, injected, control)).unwrap_or_default();
        let mut outcome = Outcome {
            name: bottleneck.name.clone(),
            rule,
            first,
            estimate_ns: if has_time { median(&estimates) } else { None },
            estimate_share: if has_time { shares.into_iter().max_by(f64::total_cmp) } else { None },
            measured_ns: median(&saved),
            has_control: bottleneck.has_control,
            interval: median_interval(&saved),
            passed: false,
        };
        // A build that could not be judged is not healthy.
        outcome.passed = verdicts.iter().all(|verdict| verdict.too_little.is_none()) && outcome.is_as_expected();
        Some(outcome)
    }

    fn is_as_expected(&self) -> bool {
        let Some(rule) = self.rule else { return self.estimate_share.is_none_or(|share| share <= HEALTHY) };
        let is_named = self.first.iter().all(|first| *first == Some(rule));
        let is_near = self.off().is_some_and(|off| off.abs() <= TOLERANCE);
        is_named && (is_near || !self.has_control)
    }

    /// The error of the estimate, as a share of the measured saving.
    pub fn off(&self) -> Option<f64> {
        let (estimate, measured) = (self.estimate_ns?, self.measured_ns?);
        (measured > 0.0).then(|| estimate / measured - 1.0)
    }
}

fn setup(plan: &Plan, case: usize) -> Option<Setup> {
    Some(Setup { state: plan.cases[case].state?, case: Some(case) })
}

/// The rule that came first in the list in which the bottleneck belongs.
fn first(verdict: &StateVerdict, has_time: bool) -> Option<Rule> {
    let list = if has_time { &verdict.ranked } else { &verdict.beside };
    list.first().map(|finding| finding.rule)
}

/// The time that a rule says could be saved, and its share of the wall clock; without a rule that of the first one.
fn saving(verdict: &StateVerdict, rule: Option<Rule>) -> (f64, f64) {
    let found = verdict.ranked.iter().find(|finding| rule.is_none_or(|rule| finding.rule == rule));
    let saves_ns = found.and_then(|finding| finding.saves_ns).unwrap_or(0) as f64;
    (saves_ns, saves_ns / verdict.wall_ns.max(1) as f64)
}

/// The share of the wall clock that the first finding says could be saved.
fn most(verdict: &StateVerdict) -> f64 {
    saving(verdict, None).1
}

/// The time that each round took less without the bottleneck, nanoseconds.
fn saved(rounds: &[Round], injected: Setup, control: Setup) -> Vec<f64> {
    let beside = |round: &Round| counted(rounds, control).find(|other| other.step.round == round.step.round);
    let pairs = counted(rounds, injected).filter_map(|round| Some((round, beside(round)?)));
    pairs.map(|(injected, control)| injected.wall_ns as f64 - control.wall_ns as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::cases::tests::measured;
    use crate::plan::run_plan::tests::plan_of;
    use crate::plan::study::Study;
    use crate::scenario::cache_state::CacheState;
    use crate::scenario::case::tests::case;
    use crate::scenario::case::{Case, Pair};

    fn plan(rule: Option<Rule>) -> Plan {
        let pair = Some(Pair { name: "slow".to_owned(), base: 1 });
        let cases = vec![
            Case { pair, ..case("name = \"slow\"\nstate = \"remote-hit\"") },
            case("name = \"as usual\"\nstate = \"remote-hit\""),
        ];
        let bottlenecks = vec![Bottleneck { name: "slow".to_owned(), rule, case: 0, has_control: true }];
        Plan { study: Study::Injected { bottlenecks }, ..plan_of(&[CacheState::RemoteHit], cases) }
    }

    fn outcome(first: &[Option<Rule>], estimate_ns: f64) -> Outcome {
        Outcome {
            name: String::new(),
            rule: Some(Rule::Latency),
            first: first.to_vec(),
            estimate_ns: Some(estimate_ns),
            estimate_share: None,
            measured_ns: Some(100.0),
            has_control: true,
            interval: None,
            passed: false,
        }
    }

    #[test]
    fn the_measured_saving_is_that_of_the_rounds_side_by_side() {
        let mut rounds = measured(CacheState::RemoteHit, Some(0), &[300, 310, 500]);
        rounds.extend(measured(CacheState::RemoteHit, Some(1), &[100, 100, 100]));
        let outcomes = outcomes(&rounds, &plan(Some(Rule::Latency)));
        assert_eq!(outcomes[0].measured_ns, Some(210e6));
        assert_eq!(outcomes[0].first, [None, None, None], "these rounds have no records");
        assert!(!outcomes[0].passed);
    }

    #[test]
    fn it_has_to_be_first_in_each_round_and_near_to_what_was_measured() {
        assert!(outcome(&[Some(Rule::Latency); 3], 124.0).is_as_expected());
        assert!(!outcome(&[Some(Rule::Latency); 3], 126.0).is_as_expected());
        assert!(!outcome(&[Some(Rule::Latency); 3], 74.0).is_as_expected());
        assert!(!outcome(&[Some(Rule::Latency), Some(Rule::Lock)], 100.0).is_as_expected());
        assert!(!outcome(&[Some(Rule::Latency), None], 100.0).is_as_expected());
        let gained =
            |measured_ns, has_control| Outcome { measured_ns, has_control, ..outcome(&[Some(Rule::Latency)], 100.0) };
        assert!(
            !gained(Some(-1.0), true).is_as_expected() && !gained(None, true).is_as_expected(),
            "that was to be measured"
        );
        assert!(gained(None, false).is_as_expected());
    }

    #[test]
    fn in_a_healthy_build_a_tenth_is_the_most_that_may_be_found() {
        let mut healthy = Outcome { rule: None, ..outcome(&[Some(Rule::Lock)], 9.0) };
        healthy.estimate_share = Some(0.1);
        assert!(healthy.is_as_expected());
        healthy.estimate_share = Some(0.11);
        assert!(!healthy.is_as_expected());
        let of_short = &outcomes(&measured(CacheState::RemoteHit, Some(0), &[1]), &plan(None))[0];
        assert!(of_short.rule.is_none() && !of_short.passed, "a millisecond is too short to tell");
    }
}
