//! Whether the verdict names what was planted: each bottleneck against the first finding of each of its rounds, and what that
//! would bring against what curing it really brought.

use serde::Serialize;

use crate::bench::analysis::statistics::compare::counted;
use crate::bench::analysis::statistics::stats::{Interval, median, median_interval};
use crate::bench::analysis::verdict::finding::StateVerdict;
use crate::bench::plan::run_plan::Plan;
use crate::bench::plan::steps::Setup;
use crate::bench::results::run::Round;
use crate::bench::scenario::bottleneck::Bottleneck;

/// How far the estimate of a saving may be off, as a share of the measured one.
pub const TOLERANCE: f64 = 0.25;
/// What a rule may at most find in a build that is well, as a share of its time.
pub const WELL: f64 = 0.10;

/// What came of one bottleneck.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Proof {
    pub name: String,
    /// The rule that has to name it; None where the build is well.
    pub rule: Option<String>,
    /// The rule that came first, a round; None where nothing was found. Where a build is well that of the round in which it
    /// found most.
    pub first: Vec<Option<String>>,
    /// What it would bring, nanoseconds: the median of the rounds. None where that has no time.
    pub estimate_ns: Option<f64>,
    /// The same as a share of the wall clock: where a build is well the most of all rounds.
    pub estimate_share: Option<f64>,
    /// What curing it brought, nanoseconds: the median of the rounds side by side, with its interval. None where it was not cured.
    pub measured_ns: Option<f64>,
    /// Whether there is something to win, so that it has to be measured too.
    pub is_cured: bool,
    pub interval: Option<Interval>,
    pub is_proved: bool,
}

/// All bottlenecks of a plan that have a round which counts.
pub fn proofs(rounds: &[Round], plan: &Plan) -> Vec<Proof> {
    plan.bottlenecks.iter().filter_map(|bottleneck| Proof::of(rounds, plan, bottleneck)).collect()
}

impl Proof {
    fn of(rounds: &[Round], plan: &Plan, bottleneck: &Bottleneck) -> Option<Proof> {
        let planted = setup(plan, &bottleneck.planted)?;
        let verdicts: Vec<StateVerdict> =
            counted(rounds, planted).map(|round| StateVerdict::of_round(round, bottleneck.name.clone())).collect();
        (!verdicts.is_empty()).then_some(())?;
        let rule = bottleneck.rule.clone();
        let has_time = verdicts
            .iter()
            .all(|verdict| !verdict.beside.iter().any(|finding| Some(finding.rule.name()) == rule.as_deref()));
        let told: Vec<&StateVerdict> = match rule {
            Some(_) => verdicts.iter().collect(),
            None => verdicts.iter().max_by(|one, other| most(one).total_cmp(&most(other))).into_iter().collect(),
        };
        let first = told.into_iter().map(|verdict| first(verdict, has_time)).collect::<Vec<Option<String>>>();
        let savings = verdicts.iter().map(|verdict| saving(verdict, rule.as_deref())).collect::<Vec<(f64, f64)>>();
        let (estimates, shares): (Vec<f64>, Vec<f64>) = savings.into_iter().unzip();
        let cured = bottleneck.cured.as_ref().and_then(|cured| setup(plan, cured));
        let won = cured.map(|cured| won(rounds, planted, cured)).unwrap_or_default();
        let mut proof = Proof {
            name: bottleneck.name.clone(),
            rule,
            first,
            estimate_ns: median(&estimates).filter(|_| has_time),
            estimate_share: shares.into_iter().max_by(f64::total_cmp).filter(|_| has_time),
            measured_ns: median(&won),
            is_cured: bottleneck.cured.is_some(),
            interval: median_interval(&won),
            is_proved: false,
        };
        // What could not be judged is not well.
        proof.is_proved = verdicts.iter().all(|verdict| verdict.too_little.is_none()) && proof.holds();
        Some(proof)
    }

    fn holds(&self) -> bool {
        let Some(rule) = &self.rule else { return self.estimate_share.is_none_or(|share| share <= WELL) };
        let is_named = self.first.iter().all(|first| first.as_ref() == Some(rule));
        let is_near = self.off().is_some_and(|off| off.abs() <= TOLERANCE);
        is_named && (is_near || !self.is_cured)
    }

    /// By how much the estimate is off, as a share of what was measured.
    pub fn off(&self) -> Option<f64> {
        let (estimate, measured) = (self.estimate_ns?, self.measured_ns?);
        (measured > 0.0).then(|| estimate / measured - 1.0)
    }
}

fn setup(plan: &Plan, case: &str) -> Option<Setup> {
    let at = plan.cases.iter().position(|other| other.name == case)?;
    Some(Setup { state: plan.cases[at].state?, case: Some(at) })
}

/// The rule that came first in the list that has the bottleneck.
fn first(verdict: &StateVerdict, has_time: bool) -> Option<String> {
    let list = if has_time { &verdict.ranked } else { &verdict.beside };
    list.first().map(|finding| finding.rule.name().to_owned())
}

/// What a rule says could be saved, and the share of the wall clock that this is; without a rule what the first one says.
fn saving(verdict: &StateVerdict, rule: Option<&str>) -> (f64, f64) {
    let found = verdict.ranked.iter().find(|finding| rule.is_none_or(|rule| finding.rule.name() == rule));
    let saves_ns = found.and_then(|finding| finding.saves_ns).unwrap_or(0) as f64;
    (saves_ns, saves_ns / verdict.wall_ns.max(1) as f64)
}

/// The share of the wall clock that the first finding says could be saved.
fn most(verdict: &StateVerdict) -> f64 {
    saving(verdict, None).1
}

/// By how much each round was faster without the bottleneck, nanoseconds.
fn won(rounds: &[Round], planted: Setup, cured: Setup) -> Vec<f64> {
    let beside = |round: &Round| counted(rounds, cured).find(|other| other.step.round == round.step.round);
    let pairs = counted(rounds, planted).filter_map(|round| Some((round, beside(round)?)));
    pairs.map(|(planted, cured)| planted.wall_ns as f64 - cured.wall_ns as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::analysis::study::cases::tests::measured;
    use crate::bench::plan::run_plan::tests::plan_of;
    use crate::bench::scenario::cache_state::CacheState;
    use crate::bench::scenario::case::tests::case;

    fn plan(rule: Option<&str>) -> Plan {
        let cases = vec![
            case("name = \"slow\"\nstate = \"remote-hit\""),
            case("name = \"slow, cured\"\nstate = \"remote-hit\""),
        ];
        let rule = rule.map(str::to_owned);
        let (name, planted, cured) = ("slow".to_owned(), "slow".to_owned(), Some("slow, cured".to_owned()));
        Plan {
            bottlenecks: vec![Bottleneck { name, rule, planted, cured }],
            ..plan_of(&[CacheState::RemoteHit], cases)
        }
    }

    fn proof(first: &[Option<&str>], estimate_ns: f64) -> Proof {
        Proof {
            name: String::new(),
            rule: Some("latency".to_owned()),
            first: first.iter().map(|rule| rule.map(str::to_owned)).collect(),
            estimate_ns: Some(estimate_ns),
            estimate_share: None,
            measured_ns: Some(100.0),
            is_cured: true,
            interval: None,
            is_proved: false,
        }
    }

    #[test]
    fn the_measured_saving_is_that_of_the_rounds_side_by_side() {
        let mut rounds = measured(CacheState::RemoteHit, Some(0), &[300, 310, 500]);
        rounds.extend(measured(CacheState::RemoteHit, Some(1), &[100, 100, 100]));
        let proofs = proofs(&rounds, &plan(Some("latency")));
        assert_eq!(proofs[0].measured_ns, Some(210e6));
        assert_eq!(proofs[0].first, [None, None, None], "these rounds have no records");
        assert!(!proofs[0].is_proved);
    }

    #[test]
    fn it_has_to_be_first_in_each_round_and_near_to_what_was_measured() {
        assert!(proof(&[Some("latency"); 3], 124.0).holds());
        assert!(!proof(&[Some("latency"); 3], 126.0).holds());
        assert!(!proof(&[Some("latency"); 3], 74.0).holds());
        assert!(!proof(&[Some("latency"), Some("lock")], 100.0).holds());
        assert!(!proof(&[Some("latency"), None], 100.0).holds());
        let gained = |measured_ns, is_cured| Proof { measured_ns, is_cured, ..proof(&[Some("latency")], 100.0) };
        assert!(!gained(Some(-1.0), true).holds() && !gained(None, true).holds(), "that was to be measured");
        assert!(gained(None, false).holds());
    }

    #[test]
    fn where_a_build_is_well_a_tenth_is_the_most_that_may_be_found() {
        let mut well = Proof { rule: None, ..proof(&[Some("lock")], 9.0) };
        well.estimate_share = Some(0.1);
        assert!(well.holds());
        well.estimate_share = Some(0.11);
        assert!(!well.holds());
        let of_short = &proofs(&measured(CacheState::RemoteHit, Some(0), &[1]), &plan(None))[0];
        assert!(of_short.rule.is_none() && !of_short.is_proved, "a millisecond is too short to tell");
    }
}
