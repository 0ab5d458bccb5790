//! A guess of how long a plan takes, before anything of it was measured. The numbers are those of docs/performance.md: `go build
//! std` on two cores.

use crate::plan::run_plan::Plan;
use crate::plan::steps::{Kind, Step};
use crate::scenario::cache_state::CacheState;
use crate::scenario::case::Case;
use crate::scenario::ci::Group;
use gocacheprog::cache::Strategy;

/// Seconds that `go build std` compiles for on two cores, and those of packages that import parts of std.
const STD_S: f64 = 30.0;
const PARTS_OF_STD_S: f64 = 13.0;
/// Seconds of a generated module, and of each of its packages.
const MODULE_S: f64 = 0.3;
const PACKAGE_S: f64 = 0.02;
/// Seconds before the first step and after the last.
const ENDS_S: f64 = 5.0;
/// A build of std from a full remote: bytes in packs and not packed, and requests that one worker of two waits for.
const PACKED_BYTES: f64 = 42e6;
const BYTES: f64 = 169e6;
const ASYNC_REQUESTS: f64 = 900.0;
const WORKSHOP_REQUESTS: f64 = 1450.0;
/// Uploads inside the puts of such a build, by the same measure.
const WORKSHOP_UPLOADS: f64 = 1450.0;
/// Seconds that an injected bottleneck adds, on average.
const INJECTED_S: f64 = 6.0;

/// Seconds of a whole plan on a machine with this many cores.
pub fn of_plan(plan: &Plan, cores: usize) -> f64 {
    let steps: f64 = plan.steps.iter().map(|step| of_step(plan, step, cores)).sum();
    let groups: f64 = plan.study.groups().iter().map(|group| of_group(group, cores)).sum();
    steps + groups + ENDS_S
}

/// Seconds of one step, with the work around it.
pub fn of_step(plan: &Plan, step: &Step, cores: usize) -> f64 {
    let size = size(plan);
    let wall = wall(plan, step, cores);
    let around = 0.02 + 0.1 * size;
    let profile = match step.state {
        _ if !matches!(step.kind, Kind::Profile | Kind::Heap) => 0.0,
        CacheState::LocalHit => 0.2 + 2.0 * size,
        _ => 0.3 + 3.0 * size,
    };
    let is_injected = plan.study.bottlenecks().iter().any(|bottleneck| Some(bottleneck.case) == step.case);
    let injected = if is_injected { INJECTED_S } else { 0.0 };
    wall + around + profile + injected
}

/// Seconds of a group of machines, which share the cores.
pub fn of_group(group: &Group, cores: usize) -> f64 {
    let waves = group.waves.iter().enumerate();
    let seconds = waves.map(|(at, wave)| {
        let each = if at == 0 { PARTS_OF_STD_S * 2.0 / cores.max(1) as f64 } else { 0.5 };
        each * wave.packages.len() as f64
    });
    seconds.sum()
}

/// The size of the build as a multiple of `go build std`.
fn size(plan: &Plan) -> f64 {
    let seconds = match plan.generated_packages {
        Some(packages) => {
            let imports = if plan.imports.is_empty() { 0.0 } else { STD_S };
            MODULE_S + PACKAGE_S * f64::from(packages) + imports
        }
        None if plan.module.is_some() || plan.packages == "std" => STD_S,
        None => PARTS_OF_STD_S,
    };
    seconds / STD_S
}

fn wall(plan: &Plan, step: &Step, cores: usize) -> f64 {
    let (size, case) = (size(plan), plan.case_of(step));
    let compiling = STD_S * size * 2.0 / cores.max(1) as f64;
    let strategy = case.map_or(plan.strategy, |case| case.strategy);
    let link = case.map_or(plan.link, |case| case.link);
    let latency_s = link.map_or(0.0, |link| link.latency_ms / 1000.0);
    let byte_s = link.and_then(|link| link.bytes_per_s()).map_or(0.0, |bytes| 1.0 / bytes as f64);
    match step.state {
        CacheState::GoCold => compiling,
        CacheState::GoWarm => 0.02 + 0.25 * size + changed(case, compiling),
        CacheState::Cold if strategy == Strategy::Workshop => {
            compiling * 1.15 + size * (WORKSHOP_UPLOADS * latency_s + BYTES * byte_s)
        }
        CacheState::Cold => compiling * 1.15,
        CacheState::LocalHit => 0.02 + 0.35 * size + changed(case, compiling),
        CacheState::RemoteHit => {
            let (own, requests, bytes) = match strategy {
                Strategy::Pack => (0.7, 3.0 / size.max(0.01), PACKED_BYTES),
                Strategy::Async => (2.5, ASYNC_REQUESTS, BYTES),
                Strategy::Workshop => (2.7, WORKSHOP_REQUESTS, BYTES),
            };
            0.02 + size * (own + requests * latency_s + bytes * byte_s) + changed(case, compiling)
        }
    }
}

/// Seconds that a build compiles because sources changed, or the remote lacks entries: all that depends on them is compiled too.
fn changed(case: Option<&Case>, compiling: f64) -> f64 {
    let Some(case) = case else { return 0.0 };
    let lacking = 1.0 - f64::from(case.remote_share) / 100.0;
    let change = if case.change.is_some() { 0.05 } else { 0.0 };
    compiling * (2.0 * lacking + change).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::run_plan::tests::resolve;

    fn seconds(line: &[&str], cores: usize) -> f64 {
        of_plan(&resolve(line).unwrap(), cores)
    }

    #[test]
    fn guesses_are_about_what_was_measured_on_two_cores() {
        for (line, low, high) in [
            (&["--scenario", "workshop"][..], 100.0, 240.0),
            (&["--scenario", "small"], 5.0, 30.0),
            (&["--scenario", "network"], 300.0, 900.0),
            (&["--scenario", "ci"], 200.0, 900.0),
            (&["--scenario", "bottlenecks"], 300.0, 700.0),
        ] {
            let seconds = seconds(line, 2);
            assert!((low..=high).contains(&seconds), "{line:?}: {seconds}");
        }
    }

    #[test]
    fn more_cores_and_fewer_rounds_take_less() {
        let few = ["--only", "local-hit", "--rounds", "1", "--no-profile"];
        assert!(seconds(&few, 2) < seconds(&[], 2));
        assert!(seconds(&few, 8) < seconds(&few, 2));
    }
}
