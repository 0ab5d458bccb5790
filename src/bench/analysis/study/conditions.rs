//! The state of the machine during a run: whether its numbers can be quoted.

use crate::analysis::statistics::outliers::{SHORTEST_NS, other_cpu_ns, resources_of};
use crate::plan::run_plan::Plan;
use crate::results::round::Round;
use gocacheprog::telemetry::Resources;

/// Above this share of the CPU time in other programs, or of noise, numbers should not be quoted.
pub const TOO_MUCH: f64 = 0.1;

/// A disturbance of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Disturbance {
    /// Other programs used this share of the CPU time of all cores.
    OtherPrograms(f64),
    /// The same build differs from itself by this share.
    Noise(f64),
}

/// The machine during the timed rounds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Conditions {
    /// Share of the CPU time of all cores that other programs used. None where no sample is long enough, or where this machine
    /// has cores that bench may not use: what runs on those disturbs nothing.
    pub others: Option<f64>,
    /// The noise floor as a share; None where it was not measured.
    pub noise: Option<f64>,
}

impl Conditions {
    /// The conditions of these rounds; `cores` are those that bench may use.
    pub fn of(rounds: &[Round], plan: &Plan, cores: Option<usize>, noise: Option<f64>) -> Conditions {
        // Bench itself loads the machine in cases with CPU contention.
        let is_loaded = |round: &&Round| plan.case_of(&round.step).is_some_and(|case| case.busy > 0);
        let timed = rounds.iter().filter(|round| round.step.is_timed() && !is_loaded(round));
        let long = timed.filter_map(resources_of).filter(|resources| resources.interval_ns >= SHORTEST_NS);
        let used = long.filter_map(|resources| used_ns(resources, cores?));
        let (others_ns, all_ns) = used.fold((0.0, 0.0), |sum, used| (sum.0 + used.0, sum.1 + used.1));
        let others = if all_ns > 0.0 { Some(others_ns / all_ns) } else { None };
        Conditions { others, noise }
    }

    /// The reason not to quote the numbers; None on a quiet machine, and on one that could not be judged.
    pub fn disturbance(&self) -> Option<Disturbance> {
        let is_too_much = |share: &f64| *share > TOO_MUCH;
        let others = self.others.filter(is_too_much).map(Disturbance::OtherPrograms);
        others.or_else(|| self.noise.filter(is_too_much).map(Disturbance::Noise))
    }
}

/// CPU time of other programs, and all that there was; None where the machine has other cores too.
fn used_ns(resources: &Resources, cores: usize) -> Option<(f64, f64)> {
    if resources.host.cores? != cores as u64 {
        return None;
    }
    Some((other_cpu_ns(resources)? as f64, resources.interval_ns as f64 * cores as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::summary::tests::measured;
    use crate::plan::run_plan::tests::plan_of;
    use crate::scenario::cache_state::CacheState;
    use crate::scenario::case::tests::case;
    use gocacheprog::telemetry::ProcessUse;

    /// Rounds of a second on two cores, in which go uses one.
    fn rounds(all_cpu_ns: u64, interval_ns: u64) -> Vec<Round> {
        let mut rounds = measured(CacheState::GoCold, &[1000, 1000]);
        for round in &mut rounds {
            let mut resources = Resources { interval_ns, ..Resources::default() };
            resources.host.cores = Some(2);
            resources.host.cpu_ns = Some(all_cpu_ns);
            resources.go = Some(ProcessUse { cpu_ns: Some(1_000_000_000), ..ProcessUse::default() });
            round.resources = Some(resources);
        }
        rounds
    }

    fn conditions(rounds: &[Round], cores: usize, noise: Option<f64>) -> Conditions {
        Conditions::of(rounds, &plan_of(&[CacheState::GoCold], Vec::new()), Some(cores), noise)
    }

    #[test]
    fn other_programs_and_noise_disturb_above_a_tenth() {
        let busy = conditions(&rounds(1_400_000_000, 1_000_000_000), 2, Some(0.3));
        assert_eq!(busy.disturbance(), Some(Disturbance::OtherPrograms(0.2)));
        let noisy = conditions(&rounds(1_100_000_000, 1_000_000_000), 2, Some(0.3));
        assert_eq!(noisy.disturbance(), Some(Disturbance::Noise(0.3)));
        assert_eq!(conditions(&rounds(1_100_000_000, 1_000_000_000), 2, Some(0.1)).disturbance(), None);
    }

    #[test]
    fn a_case_with_cpu_contention_is_no_busy_machine() {
        let mut loaded = case("name = \"x\"");
        loaded.busy = 2;
        let plan = plan_of(&[CacheState::GoCold], vec![loaded]);
        let mut rounds = rounds(1_900_000_000, 1_000_000_000);
        rounds.iter_mut().for_each(|round| round.step.case = Some(0));
        assert_eq!(Conditions::of(&rounds, &plan, Some(2), None).others, None);
    }

    #[test]
    fn short_samples_and_cores_of_others_are_not_judged() {
        assert_eq!(conditions(&rounds(1_900_000_000, 400_000_000), 2, None).others, None);
        assert_eq!(conditions(&rounds(1_900_000_000, 1_000_000_000), 1, None).others, None);
        assert_eq!(conditions(&[], 2, None), Conditions::default());
    }
}
