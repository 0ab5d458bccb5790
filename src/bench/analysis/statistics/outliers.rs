//! Samples far from the others of their state, with what the machine did at that moment. They count all the same.

use std::collections::HashSet;

use serde::Serialize;

use crate::analysis::statistics::rounds::{counted, walls};
use crate::analysis::statistics::stats::{median, outlier_limit};
use crate::plan::steps::Setup;
use crate::results::round::Round;
use gocacheprog::telemetry::Resources;

/// The kernel counts CPU time in ticks, which are too coarse for shorter samples, nanoseconds.
pub const SHORTEST_NS: u64 = 500_000_000;
/// Least distance of an outlier from the median, as a share, however alike the others are.
const LEAST: f64 = 0.05;
/// A cause is named when it took this much of the wall clock more than in the other rounds, and at least this share of what the
/// round took more.
const NOTABLE: f64 = 0.05;
const EXPLAINS: f64 = 0.5;

/// A sample far from the others.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Outlier {
    /// Folder of the round, below that of the run.
    pub folder: String,
    pub wall_ns: u64,
    /// Its time over the median of its state.
    pub ratio: f64,
    /// Differences on the machine; empty where the samples show none.
    pub causes: Vec<Cause>,
}

/// Something that the machine did more of than in the other rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cause {
    pub what: HostCause,
    /// Share of the wall clock (of one core, where it is about cores) in this round.
    pub share: f64,
    /// The median of the state.
    pub usual: f64,
}

/// Something on the machine that slows builds down, as the samples show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HostCause {
    /// CPU time of processes that have nothing to do with the run, in cores.
    OtherProcesses,
    /// CPU time that other virtual machines took, in cores.
    Steal,
    /// Time in which some process waited for the disk.
    DiskPressure,
    /// Time in which some process waited for memory.
    MemoryPressure,
}

impl HostCause {
    const ALL: [HostCause; 4] =
        [HostCause::OtherProcesses, HostCause::Steal, HostCause::DiskPressure, HostCause::MemoryPressure];

    /// Its share of the sampled time; None where the system does not give it.
    fn share(self, resources: &Resources) -> Option<f64> {
        let host = &resources.host;
        let ns = match self {
            HostCause::OtherProcesses => other_cpu_ns(resources)?,
            HostCause::Steal => host.steal_ns?,
            HostCause::DiskPressure => host.io_pressure_ns?,
            HostCause::MemoryPressure => host.memory_pressure_ns?,
        };
        (resources.interval_ns > 0).then(|| ns as f64 / resources.interval_ns as f64)
    }
}

/// CPU time of the machine that neither go nor backend nor S3 server took.
pub fn other_cpu_ns(resources: &Resources) -> Option<u64> {
    let of_run =
        [&resources.go, &resources.backend, &resources.s3].into_iter().flatten().filter_map(|used| used.cpu_ns);
    Some(resources.host.cpu_ns?.saturating_sub(of_run.sum()))
}

/// The samples of a round.
pub fn resources_of(round: &Round) -> Option<&Resources> {
    round.session.as_ref().and_then(|session| session.resources.as_ref()).or(round.resources.as_ref())
}

/// All outliers, in the order of the rounds.
pub fn outliers(rounds: &[Round]) -> Vec<Outlier> {
    let setups: HashSet<Setup> = rounds.iter().map(|round| round.step.setup()).collect();
    let mut found: Vec<(&Round, Outlier)> = setups.into_iter().flat_map(|setup| of_setup(rounds, setup)).collect();
    found.sort_by_key(|(round, _)| round.started_unix_ns);
    found.into_iter().map(|(_, outlier)| outlier).collect()
}

fn of_setup(rounds: &[Round], setup: Setup) -> Vec<(&Round, Outlier)> {
    let walls = walls(rounds, setup);
    let (Some(middle), Some(limit)) = (median(&walls), outlier_limit(&walls)) else { return Vec::new() };
    let limit = limit.max(LEAST * middle);
    let far = counted(rounds, setup).filter(|round| (round.wall_ns as f64 - middle).abs() > limit);
    let outlier = |round: &Round| Outlier {
        folder: round.folder.clone(),
        wall_ns: round.wall_ns,
        ratio: round.wall_ns as f64 / middle,
        causes: HostCause::ALL.into_iter().filter_map(|what| cause(rounds, round, what, middle)).collect(),
    };
    far.map(|round| (round, outlier(round))).collect()
}

/// The share of `what` in a round, if it explains why it took longer than `middle`, the median of its state.
fn cause(rounds: &[Round], round: &Round, what: HostCause, middle: f64) -> Option<Cause> {
    let share = what.share(resources_of(round)?)?;
    let all: Vec<f64> =
        counted(rounds, round.step.setup()).filter_map(|round| what.share(resources_of(round)?)).collect();
    let usual = median(&all)?;
    let more_ns = (share - usual) * round.wall_ns as f64;
    let took_more_ns = round.wall_ns as f64 - middle;
    (took_more_ns > 0.0 && share - usual > NOTABLE && more_ns >= EXPLAINS * took_more_ns).then_some(Cause {
        what,
        share,
        usual,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::summary::tests::measured;
    use crate::scenario::cache_state::CacheState;
    use gocacheprog::telemetry::{HostUse, ProcessUse};

    fn busy(host_cpu_ns: u64, go_cpu_ns: u64, io_pressure_ns: u64) -> Resources {
        let host = HostUse { cpu_ns: Some(host_cpu_ns), io_pressure_ns: Some(io_pressure_ns), ..HostUse::default() };
        let go = Some(ProcessUse { cpu_ns: Some(go_cpu_ns), ..ProcessUse::default() });
        Resources { interval_ns: 1000, host, go, ..Resources::default() }
    }

    #[test]
    fn an_outlier_is_named_with_what_the_machine_did() {
        let mut rounds = measured(CacheState::LocalHit, &[100, 102, 98, 101, 160, 99]);
        rounds.iter_mut().for_each(|round| round.resources = Some(busy(1000, 900, 10)));
        rounds[4].resources = Some(busy(1900, 1000, 20));
        let found = outliers(&rounds);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].wall_ns, found[0].folder.as_str()), (160_000_000, rounds[4].folder.as_str()));
        assert_eq!(found[0].causes, [Cause { what: HostCause::OtherProcesses, share: 0.9, usual: 0.1 }]);
    }

    #[test]
    fn without_samples_no_cause_is_named_and_small_deviations_are_none() {
        let rounds = measured(CacheState::LocalHit, &[1000, 1001, 999, 1002, 1020, 1600]);
        let found = outliers(&rounds);
        assert_eq!(found.iter().map(|outlier| outlier.wall_ns).collect::<Vec<_>>(), [1_600_000_000]);
        assert!(found[0].causes.is_empty());
    }
}
