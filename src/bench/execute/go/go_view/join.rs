//! Joins go's action graph with the requests of the backend, by the keys of both.

use std::collections::{HashMap, HashSet};

use anyhow::{Result, ensure};

use crate::execute::go::go_view::action_graph::{Action, by_request_key};
use crate::execute::go::go_view::open_time::OpenTime;
use crate::results::go_actions::{Asked, GoAction, GoActions};
use crate::results::time_breakdown::BuildTimes;
use gocacheprog::protocol::ActionId;
use gocacheprog::telemetry::{Answer, LoggedSession, RequestKind};

/// The actions that were worked on, each with its requests.
///
/// # Errors
/// When the graph has no times, or lacks dependencies: no path through it would be true.
pub fn join(graph: &[Action], log: &LoggedSession, frame: BuildTimes) -> Result<GoActions> {
    let timed = timed(graph, i128::from(log.start_unix_ns) - i128::from(frame.backend_ns));
    check(graph, &timed)?;
    let requests: Vec<Request> = requests(log, frame.backend_ns).collect();
    let open = OpenTime::of(requests.iter().map(|request| (request.from_ns, request.to_ns)), frame.workers);
    let places: HashMap<i64, usize> = timed.iter().enumerate().map(|(place, timed)| (timed.of.id, place)).collect();
    let mut actions: Vec<GoAction> = (0..timed.len()).map(|place| action(&timed, place, &places, &open)).collect();
    let groups = groups(&timed, &places);
    let others = assign(&requests, &groups, &mut actions);
    let loaded_ns = actions.iter().map(|action| action.ready_ns).min().unwrap_or(0);
    let load_ns = frame.handshake_ns.min(loaded_ns);
    Ok(GoActions { load_ns, loaded_ns, load_cache_ns: open.any_ns(load_ns, loaded_ns), others, actions })
}

/// An action that was worked on; times as in [`GoAction`].
#[derive(Clone, Copy)]
struct Timed<'a> {
    of: &'a Action,
    ready_ns: u64,
    start_ns: u64,
    done_ns: u64,
}

/// In the order in which they were done. `zero_ns`: the start of go, Unix nanoseconds.
fn timed(graph: &[Action], zero_ns: i128) -> Vec<Timed<'_>> {
    // go writes the year 1 for what never happened.
    let known = |time: Option<jiff::Timestamp>| time.map(jiff::Timestamp::as_nanosecond).filter(|ns| *ns > 0);
    let since = |time| known(time).map(|ns| u64::try_from(ns - zero_ns).unwrap_or(0));
    let one = |of: &'_ Action| {
        let (start_ns, done_ns) = (since(of.time_start)?, since(of.time_done)?);
        let ready_ns = since(of.time_ready).unwrap_or(start_ns).min(start_ns);
        Some((ready_ns, start_ns, done_ns.max(start_ns)))
    };
    let times = graph.iter().filter_map(|of| Some((of, one(of)?)));
    let mut timed: Vec<Timed<'_>> =
        times.map(|(of, (ready_ns, start_ns, done_ns))| Timed { of, ready_ns, start_ns, done_ns }).collect();
    timed.sort_by_key(|timed| (timed.done_ns, timed.start_ns));
    timed
}

fn check(graph: &[Action], timed: &[Timed<'_>]) -> Result<()> {
    ensure!(!timed.is_empty(), "none of its {} actions has times: go did not come to its end", graph.len());
    let ids: HashSet<i64> = graph.iter().map(|action| action.id).collect();
    let mut deps = graph.iter().flat_map(|action| &action.deps);
    let unknown = deps.clone().filter(|id| !ids.contains(id)).count();
    ensure!(unknown == 0, "{unknown} of its dependencies are not in it");
    ensure!(graph.len() == 1 || deps.next().is_some(), "its {} actions have no dependencies", graph.len());
    Ok(())
}

fn action(timed: &[Timed<'_>], place: usize, places: &HashMap<i64, usize>, open: &OpenTime) -> GoAction {
    let Timed { of, ready_ns, start_ns, done_ns } = timed[place];
    // Only what was done before can have been waited for: no circle leads there.
    let is_before = |dep: &usize| *dep < place && timed[*dep].done_ns <= start_ns;
    GoAction {
        mode: without_folders(&of.mode),
        package: of.package.clone(),
        ready_ns,
        start_ns,
        done_ns,
        commands_ns: of.cmd_real.unwrap_or(0),
        after: of.deps.iter().filter_map(|id| places.get(id).copied()).filter(is_before).max(),
        queue_cache_ns: open.shared_ns(ready_ns, start_ns),
        ..GoAction::default()
    }
}

/// `cgo compile` names its file by way of a folder that is another one in each build.
fn without_folders(mode: &str) -> String {
    match mode.rsplit_once(' ') {
        Some((what, path)) => format!("{what} {}", path.rsplit('/').next().unwrap_or_default()),
        None => mode.to_owned(),
    }
}

/// A request, on the time axis of go.
struct Request<'a> {
    key: ActionId,
    from_ns: u64,
    to_ns: u64,
    answer: &'a Answer,
}

fn requests(log: &LoggedSession, backend_ns: u64) -> impl Iterator<Item = Request<'_>> {
    let answers = log.lines.iter().filter_map(|(_, line)| line.answer());
    answers.filter(|answer| matches!(answer.kind, RequestKind::Get | RequestKind::Put)).filter_map(move |answer| {
        let [from_ns, to_ns] =
            [answer.times.arrived_ns, answer.times.answered_ns].map(|ns| backend_ns.saturating_add(ns));
        Some(Request { key: answer.action?, from_ns, to_ns, answer })
    })
}

/// For each key of the graph, the indices of the actions that ask for it: first the action that has the key, then its helpers
/// without a key. (go looks up the output of `build` in its dependency `build check cache`.)
fn groups<'a>(timed: &[Timed<'a>], places: &HashMap<i64, usize>) -> HashMap<&'a str, Vec<usize>> {
    let mut groups = HashMap::new();
    for (place, action) in timed.iter().enumerate().map(|(place, timed)| (place, timed.of)) {
        let Some(key) = &action.key else { continue };
        let helps = |dep: &usize| timed[*dep].of.key.is_none() && timed[*dep].of.package == action.package;
        let helpers = action.deps.iter().filter_map(|id| places.get(id).copied()).filter(helps);
        groups.insert(key.as_str(), std::iter::once(place).chain(helpers).collect());
    }
    groups
}

/// Adds each request to its action: among those with the same key, the one that ran at that time. Returns the requests that belong
/// to no action.
fn assign(requests: &[Request<'_>], groups: &HashMap<&str, Vec<usize>>, actions: &mut [GoAction]) -> Asked {
    let groups = groups.iter().map(|(key, group)| (*key, group)).collect();
    let by_key: HashMap<ActionId, &Vec<usize>> = by_request_key(&groups, requests.iter().map(|request| request.key));
    let mut others = Asked::default();
    for request in requests {
        let Some(group) = groups.get(request.key.graph_key().as_str()) else { continue };
        let owner = &mut actions[group[0]];
        owner.asked.get_or_insert_default();
        owner.bytes = request.answer.bytes.or(owner.bytes);
    }
    for request in requests {
        let asked_by = by_key.get(&request.key).map(|group| {
            let at_work =
                |place: &usize| (actions[*place].start_ns..=actions[*place].done_ns).contains(&request.from_ns);
            group.iter().copied().find(at_work).map_or((group[0], u64::MAX), |place| (place, actions[place].done_ns))
        });
        match asked_by {
            Some((place, until_ns)) => add(actions[place].asked.get_or_insert_default(), request, until_ns),
            None => add(&mut others, request, u64::MAX),
        }
    }
    others
}

/// An action may be done before the backend has noted the end of its answer: no action waits after `until_ns`.
fn add(asked: &mut Asked, request: &Request<'_>, until_ns: u64) {
    let ns = request.to_ns.min(until_ns).saturating_sub(request.from_ns);
    let (count, open_ns) = match request.answer.kind {
        RequestKind::Get => (&mut asked.gets, &mut asked.get_ns),
        _ => (&mut asked.puts, &mut asked.put_ns),
    };
    *count += 1;
    *open_ns = open_ns.saturating_add(ns);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use gocacheprog::telemetry::{Line, Outcome, Times};

    /// go began 1 s before its backend.
    const START_NS: u64 = 1_700_000_001_000_000_000;
    const FRAME: BuildTimes = BuildTimes {
        backend_ns: 1_000_000_000,
        handshake_ns: 1_002_000_000,
        released_ns: 1_900_000_000,
        wall_ns: 2_000_000_000,
        workers: 2,
        cores: 2,
        go_cpu_ns: 0,
    };

    fn key(number: u8) -> ActionId {
        ActionId::new([number; 32])
    }

    /// Times are milliseconds since the start of the backend: ready, start, done.
    fn action(id: i64, mode: &str, key: Option<u8>, times_ms: [u64; 3], deps: &[i64]) -> Value {
        let time = |ms: u64| {
            let ns = i128::from(START_NS) + i128::from(ms) * 1_000_000;
            jiff::Timestamp::from_nanosecond(ns).unwrap().to_string()
        };
        let [ready, start, done] = times_ms.map(time);
        let key = key.map(|number| self::key(number).graph_key()).unwrap_or_default();
        let mut action = json!({
            "ID": id, "Mode": mode, "Package": "net/url", "Deps": deps, "TimeReady": ready, "TimeStart": start, "TimeDone": done,
        });
        if !key.is_empty() {
            action["ActionID"] = key.into();
        }
        action
    }

    /// A request that was open between these milliseconds.
    fn asked(kind: &str, key: ActionId, from_ms: u64, to_ms: u64, bytes: Option<u64>) -> (u64, Line) {
        let (arrived_ns, answered_ns) = (from_ms * 1_000_000, to_ms * 1_000_000);
        let times = Times { arrived_ns, answered_ns, ..Times::default() };
        let outcome = if bytes.is_some() { Outcome::HitRemote } else { Outcome::Miss };
        let answer = Answer {
            id: 1,
            kind: kind.parse().unwrap(),
            action: Some(key),
            output: None,
            bytes,
            outcome,
            error: None,
            times,
        };
        (answered_ns, Line::Answer(answer))
    }

    fn joined(graph: Value, lines: Vec<(u64, Line)>) -> Result<GoActions> {
        let graph: Vec<Action> = serde_json::from_value(graph).unwrap();
        join(&graph, &LoggedSession { start_unix_ns: START_NS, pid: 1, go: None, lines }, FRAME)
    }

    fn trouble(graph: Value) -> String {
        joined(graph, Vec::new()).unwrap_err().to_string()
    }

    #[test]
    fn a_request_is_of_the_action_that_was_at_work_for_its_key() {
        // As go has it: one action looks the output up that another makes. Requests of no action come first.
        let graph = json!([
            action(0, "build", Some(7), [40, 40, 90], &[1]),
            action(1, "build check cache", None, [20, 25, 40], &[]),
        ]);
        let lines = vec![
            asked("get", key(1), 5, 9, Some(3)),
            asked("get", key(7), 26, 30, None),
            asked("put", key(7), 70, 80, Some(5000)),
            asked("put", key(7).subkey("stdout"), 81, 95, Some(0)),
        ];
        let joined = joined(graph, lines).unwrap();
        let [check, build] = &joined.actions[..] else { panic!("{joined:?}") };
        assert_eq!((check.mode.as_str(), build.mode.as_str(), build.after), ("build check cache", "build", Some(0)));
        assert_eq!((check.ready_ns, check.start_ns, check.done_ns), (1_020_000_000, 1_025_000_000, 1_040_000_000));
        assert_eq!(check.asked, Some(Asked { gets: 1, get_ns: 4_000_000, ..Asked::default() }));
        let put_ns = 10_000_000 + 9_000_000;
        assert_eq!(build.asked, Some(Asked { puts: 2, put_ns, ..Asked::default() }), "no more than it was at work");
        assert_eq!((check.bytes, build.bytes), (None, Some(5000)), "the size of the output, not of what was printed");
        assert_eq!(joined.others, Asked { gets: 1, get_ns: 4_000_000, ..Asked::default() });
        assert_eq!((joined.load_ns, joined.loaded_ns, joined.load_cache_ns), (1_002_000_000, 1_020_000_000, 4_000_000));
    }

    #[test]
    fn the_dependency_that_was_done_last_comes_before() {
        // A diamond whose second arm is the longer one; its tip waits for a worker while one of two asks the cache.
        let graph = json!([
            action(4, "link", None, [60, 80, 90], &[2, 3]),
            action(2, "build", None, [10, 10, 30], &[1]),
            action(3, "build", Some(9), [10, 10, 60], &[1]),
            action(1, "build", None, [0, 0, 10], &[]),
            json!({ "ID": 5, "Mode": "nop", "Package": "", "TimeReady": "0001-01-01T00:00:00Z" }),
        ]);
        let joined = joined(graph, vec![asked("get", key(1), 62, 72, None)]).unwrap();
        let after: Vec<_> = joined.actions.iter().map(|action| action.after).collect();
        assert_eq!(after, [None, Some(0), Some(0), Some(2)], "what never ran is left out");
        assert_eq!(joined.actions[3].queue_cache_ns, 5_000_000);
        assert_eq!(joined.actions[2].asked, None, "no request has its key");
    }

    #[test]
    fn a_circle_leads_nowhere() {
        let graph = json!([action(1, "build", None, [0, 0, 10], &[2]), action(2, "build", None, [0, 0, 10], &[1, 2])]);
        let joined = joined(graph, Vec::new()).unwrap();
        assert!(joined.actions.iter().all(|action| action.after.is_none()), "{joined:?}");
    }

    #[test]
    fn a_graph_that_no_path_goes_through_is_an_error() {
        assert!(trouble(json!([])).contains("none of its 0 actions has times"));
        assert!(trouble(json!([{ "ID": 1, "Mode": "build" }])).contains("none of its 1 actions has times"));
        let one = action(1, "build", None, [0, 0, 1], &[3, 4]);
        assert!(trouble(json!([one, action(3, "build", None, [0, 0, 1], &[])])).contains("1 of its dependencies"));
        let apart = [1, 2].map(|id| action(id, "build", None, [0, 0, 1], &[]));
        assert!(trouble(json!(apart)).contains("no dependencies"));
    }

    #[test]
    fn folders_of_one_build_only_are_left_out_of_names() {
        assert_eq!(without_folders("cgo compile /tmp/go-build1/b001/cgo.c"), "cgo compile cgo.c");
        assert_eq!(without_folders("build check cache"), "build check cache");
    }
}
