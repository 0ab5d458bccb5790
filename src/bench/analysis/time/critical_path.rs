//! The critical path of a build: the chain of go's actions that decided how long it took, and the part of the cache in it.
//!
//! It goes back from the action that was done last: to the one of its dependencies that was done last, which made it ready,
//! and so on. go has a fixed number of workers, so an action that is ready may wait for one. What the workers waited for the
//! cache meanwhile made that wait longer, and counts as well. So counted, what the actions could save came within a quarter of
//! what replays of go's scheduler without any request saved, in eight builds.

use serde::Serialize;

use crate::results::go_actions::{GoAction, GoActions};
use crate::results::round::Round;

/// Name of the first step: go has no actions before it has loaded all packages.
pub const LOAD: &str = "load packages";

/// The critical path of one build, by go's own action graph.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CriticalPath {
    /// The round whose graph it is, below the folder of the run.
    pub folder: String,
    /// Wall time of that build.
    pub wall_ns: u64,
    /// Time for which the steps waited for the cache, in them and before them. go's `close` is not in it.
    pub cache_ns: u64,
    /// Time for which they waited for a worker, without the part that is in `cache_ns`.
    pub worker_ns: u64,
    /// From loading the packages over the first action to the last.
    pub steps: Vec<PathStep>,
}

/// One action on the critical path, or [`LOAD`]. Times are nanoseconds since the start of go.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PathStep {
    /// go's name for its work: `build`, `link` …
    pub mode: String,
    pub package: String,
    /// All its dependencies are done.
    pub ready_ns: u64,
    pub start_ns: u64,
    pub done_ns: u64,
    /// Time in which a request of its key was open; None where no request has its key.
    pub cache_ns: Option<u64>,
    /// Part of its wait for a worker: the time for which workers had requests open, over the number of workers.
    pub queue_cache_ns: u64,
    /// Duration of the commands that it ran, as go measured it; 0 where it ran none.
    pub commands_ns: u64,
}

/// The critical path of each round in its state that has an action graph.
pub fn critical_paths(rounds: &[Round]) -> Vec<CriticalPath> {
    rounds.iter().filter(|round| round.state_ok).filter_map(CriticalPath::of).collect()
}

impl CriticalPath {
    /// The critical path of a round; None without an action graph.
    fn of(round: &Round) -> Option<CriticalPath> {
        let steps = steps(round.actions.as_ref()?)?;
        let cache_ns: u64 = steps.iter().map(|step| step.cache_ns.unwrap_or(0) + step.queue_cache_ns).sum();
        let worker_ns: u64 = steps.iter().map(|step| step.start_ns - step.ready_ns - step.queue_cache_ns).sum();
        Some(CriticalPath {
            folder: round.folder.clone(),
            wall_ns: round.wall_ns,
            // Clocks of two processes are read.
            cache_ns: cache_ns.min(round.wall_ns),
            worker_ns: worker_ns.min(round.wall_ns),
            steps,
        })
    }

    /// The part of `cache_ns` in which packages were loaded.
    pub fn load_cache_ns(&self) -> u64 {
        let loads = self.steps.iter().filter(|step| step.mode == LOAD);
        loads.filter_map(|step| step.cache_ns).sum()
    }

    /// Number of its steps that are actions.
    pub fn actions(&self) -> usize {
        self.steps.iter().filter(|step| step.mode != LOAD).count()
    }
}

/// In the order of time; None without actions.
fn steps(of: &GoActions) -> Option<Vec<PathStep>> {
    let mut at = of.actions.len().checked_sub(1)?;
    let mut last = step(&of.actions[at]);
    let mut steps = Vec::new();
    // Each leads to one that stands before it and was done before it began: this ends, whatever a file says.
    while let Some(after) = of.actions[at].after.filter(|after| *after < at) {
        let before = step(&of.actions[after]);
        if before.done_ns > last.start_ns {
            break;
        }
        at = after;
        steps.push(std::mem::replace(&mut last, before));
    }
    steps.push(last);
    let first_ns = steps.last().map_or(0, |first| first.ready_ns);
    steps.push(load(of, first_ns));
    steps.reverse();
    Some(steps)
}

fn step(action: &GoAction) -> PathStep {
    let start_ns = action.start_ns.min(action.done_ns);
    let ready_ns = action.ready_ns.min(start_ns);
    PathStep {
        mode: action.mode.clone(),
        package: action.package.clone(),
        ready_ns,
        start_ns,
        done_ns: action.done_ns,
        cache_ns: action.asked.map(|asked| asked.open_ns().min(action.done_ns - start_ns)),
        queue_cache_ns: action.queue_cache_ns.min(start_ns - ready_ns),
        commands_ns: action.commands_ns,
    }
}

fn load(of: &GoActions, first_ns: u64) -> PathStep {
    let done_ns = of.loaded_ns.min(first_ns);
    let start_ns = of.load_ns.min(done_ns);
    PathStep {
        mode: LOAD.to_owned(),
        package: String::new(),
        ready_ns: start_ns,
        start_ns,
        done_ns,
        cache_ns: Some(of.load_cache_ns.min(done_ns - start_ns)),
        queue_cache_ns: 0,
        commands_ns: 0,
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::plan::steps::{Kind, Step};
    use crate::results::go_actions::Asked;
    use crate::results::round::tests::round;
    use crate::scenario::cache_state::CacheState;
    use proptest::prelude::*;

    /// An action of a package with these times.
    pub fn action(package: &str, [ready_ns, start_ns, done_ns]: [u64; 3], after: Option<usize>) -> GoAction {
        GoAction {
            mode: "build".to_owned(),
            package: package.to_owned(),
            ready_ns,
            start_ns,
            done_ns,
            after,
            ..GoAction::default()
        }
    }

    /// This action, with a get that was open for `get_ns`.
    pub fn asking(action: GoAction, get_ns: u64) -> GoAction {
        GoAction { asked: Some(Asked { gets: 1, get_ns, ..Asked::default() }), ..action }
    }

    /// A profile round of a state.
    pub fn profiled(state: CacheState, wall_ns: u64, actions: GoActions) -> Round {
        let step = Step { state, case: None, kind: Kind::Profile, round: 1 };
        Round { actions: Some(actions), ..round(step, wall_ns) }
    }

    #[test]
    fn the_path_leads_back_over_what_was_done_last_before() {
        // d depends on b and c, both on a; c takes longer than b, and d waits for a worker.
        let actions = vec![
            asking(action("a", [100, 100, 140], None), 30),
            action("b", [140, 150, 180], Some(0)),
            asking(action("c", [140, 140, 200], Some(0)), 15),
            GoAction { queue_cache_ns: 8, ..action("d", [200, 220, 260], Some(2)) },
        ];
        let of = GoActions { load_ns: 20, loaded_ns: 100, load_cache_ns: 50, actions, ..GoActions::default() };
        let mut rounds = [profiled(CacheState::RemoteHit, 300, of.clone()), profiled(CacheState::LocalHit, 300, of)];
        rounds[1].state_ok = false;
        let [path] = &critical_paths(&rounds)[..] else { panic!("a round out of its state has none") };
        let names: Vec<&str> = path.steps.iter().map(|step| step.package.as_str()).collect();
        assert_eq!((path.folder.as_str(), names), ("remote-hit/profile", vec!["", "a", "c", "d"]));
        assert_eq!((path.actions(), path.load_cache_ns()), (3, 50));
        assert_eq!((path.cache_ns, path.worker_ns), (50 + 30 + 15 + 8, 20 - 8));
        let cache: Vec<_> = path.steps.iter().map(|step| step.cache_ns).collect();
        assert_eq!(cache, [Some(50), Some(30), Some(15), None], "no request has the key of d");
        let load = &path.steps[0];
        assert_eq!((load.mode.as_str(), load.ready_ns, load.done_ns), (LOAD, 20, 100));
    }

    #[test]
    fn what_is_no_path_is_none_and_no_circle_is_followed() {
        assert_eq!(CriticalPath::of(&profiled(CacheState::LocalHit, 10, GoActions::default())), None);
        let circle = vec![action("a", [5, 5, 5], Some(1)), action("b", [5, 5, 5], Some(1))];
        let path = CriticalPath::of(&profiled(
            CacheState::LocalHit,
            10,
            GoActions { actions: circle, ..GoActions::default() },
        ))
        .unwrap();
        assert_eq!(path.actions(), 1);
    }

    proptest! {
        #[test]
        fn steps_are_in_the_order_of_time_and_no_longer_than_the_build(
            all in prop::collection::vec((prop::array::uniform3(0_u64..1000), 0_usize..40, any::<bool>(), 0_u64..1000), 0..40),
            times in prop::array::uniform4(0_u64..2000),
        ) {
            let actions = all.into_iter().map(|(times, after, has_after, ns)| GoAction {
                queue_cache_ns: ns,
                ..asking(action("p", times, has_after.then_some(after)), ns)
            });
            let [load_ns, loaded_ns, load_cache_ns, wall_ns] = times;
            let of = GoActions { load_ns, loaded_ns, load_cache_ns, actions: actions.collect(), ..GoActions::default() };
            if let Some(path) = CriticalPath::of(&profiled(CacheState::RemoteHit, wall_ns, of)) {
                for step in &path.steps {
                    prop_assert!(step.ready_ns <= step.start_ns && step.start_ns <= step.done_ns, "{step:?}");
                    prop_assert!(step.cache_ns.unwrap_or(0) <= step.done_ns - step.start_ns);
                }
                for pair in path.steps.windows(2) {
                    prop_assert!(pair[0].done_ns <= pair[1].start_ns, "{pair:?}");
                }
                // Without the waits for a worker, which begin before what is before them has ended, no moment is in it twice.
                let in_them: u64 = path.steps.iter().map(|step| step.cache_ns.unwrap_or(0)).sum();
                prop_assert!(in_them <= path.steps.last().map_or(0, |last| last.done_ns));
                let before_them: u64 = path.steps.iter().map(|step| step.queue_cache_ns).sum();
                prop_assert_eq!(path.cache_ns, (in_them + before_them).min(path.wall_ns));
                let ready: u64 = path.steps.iter().map(|step| step.start_ns - step.ready_ns).sum();
                prop_assert_eq!(path.worker_ns, (ready - before_them).min(path.wall_ns));
            }
        }
    }
}
