//! The machine while it was measured: quiet, busy with other programs, or noisy.

use serde::Serialize;

use crate::bench::analysis::statistics::outliers::{other_cpu_ns, resources_of};
use crate::bench::plan::steps::Kind;
use crate::bench::results::run::Round;

/// From here on a run says that its numbers are not to be quoted, as a share.
pub const DISTURBED: f64 = 0.1;

/// How far the machine disturbed a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Machine {
    /// Other programs used at most a tenth of the CPU, and the noise floor is not above a tenth.
    Quiet,
    /// Share of the CPU of the machine that other programs used.
    Busy(f64),
    /// The noise floor, as a share.
    Noisy(f64),
    /// The system does not say what other programs used, and the noise floor was not measured.
    Unknown,
}

impl Machine {
    /// Judges a run by its measured rounds and its noise floor.
    pub fn of(rounds: &[Round], noise_floor: Option<f64>) -> Machine {
        let others = others_share(rounds);
        match (others, noise_floor) {
            (Some(share), _) if share > DISTURBED => Machine::Busy(share),
            (_, Some(share)) if share > DISTURBED => Machine::Noisy(share),
            (None, None) => Machine::Unknown,
            _ => Machine::Quiet,
        }
    }

    /// Whether the numbers of the run can be quoted.
    pub fn is_disturbed(self) -> bool {
        matches!(self, Machine::Busy(_) | Machine::Noisy(_))
    }
}

/// Share of the CPU time of all cores that programs outside of the run used, over all measured rounds; None without samples.
fn others_share(rounds: &[Round]) -> Option<f64> {
    let (mut others_ns, mut all_ns) = (0.0, 0.0);
    for resources in rounds.iter().filter(|round| round.step.kind == Kind::Measured).filter_map(resources_of) {
        if let (Some(ns), Some(cores)) = (other_cpu_ns(resources), resources.host.cores) {
            others_ns += ns as f64;
            all_ns += resources.interval_ns as f64 * cores as f64;
        }
    }
    if all_ns > 0.0 { Some(others_ns / all_ns) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::analysis::study::summary::tests::measured;
    use crate::bench::scenario::cache_state::CacheState;
    use crate::telemetry::{HostUse, ProcessUse, Resources};

    fn rounds(others_ns: u64) -> Vec<Round> {
        let mut rounds = measured(CacheState::GoWarm, &[100]);
        let go = ProcessUse { cpu_ns: Some(50), ..ProcessUse::default() };
        let host = HostUse { cpu_ns: Some(50 + others_ns), cores: Some(2), ..HostUse::default() };
        rounds[0].resources = Some(Resources { interval_ns: 100, go: Some(go), host, ..Resources::default() });
        rounds
    }

    #[test]
    fn other_programs_and_noise_disturb_a_run() {
        assert_eq!(Machine::of(&rounds(10), Some(0.05)), Machine::Quiet);
        assert_eq!(Machine::of(&rounds(100), Some(0.05)), Machine::Busy(0.5));
        assert_eq!(Machine::of(&rounds(10), Some(0.2)), Machine::Noisy(0.2));
        assert_eq!(Machine::of(&measured(CacheState::GoWarm, &[100]), None), Machine::Unknown);
    }
}
