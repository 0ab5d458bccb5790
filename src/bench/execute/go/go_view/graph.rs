//! go's action graph (`-debug-actiongraph`) in the trace: a slice for each action, with arrows to the requests of its key, and the
//! package in the slice of each request.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::execute::go::go_view::action_graph::{Action, by_request_key};
use crate::execute::go::go_view::own_trace::{metadata, round_us};
use gocacheprog::protocol::{ActionId, Command};
use gocacheprog::telemetry::{Line, LoggedSession, REQUEST};

/// First row of the actions, below go's own rows.
const FIRST_ROW: usize = 1000;
/// Flows of go's own trace are numbered from 1; ours from here.
const FIRST_FLOW: usize = 1_000_000_000;

/// A request of the backend that has an action's key.
struct KeyedRequest {
    id: i64,
    arrived_ns: u64,
}

/// A slice for each action that was worked on, with an arrow to each request that has its key.
pub fn graph_events(actions: &[Action], go: u32, log: &LoggedSession, rows: &HashMap<i64, usize>) -> Vec<Value> {
    let zero_ns = i128::from(log.start_unix_ns);
    let us = |time: jiff::Timestamp| round_us((time.as_nanosecond() - zero_ns) as f64 / 1000.0);
    let asked = requests_by_key(log);
    let mut timed: Vec<(&Action, f64, f64)> =
        actions.iter().filter_map(|action| Some((action, us(action.time_start?), us(action.time_done?)))).collect();
    timed.sort_by(|one, two| one.1.total_cmp(&two.1));
    let (mut events, mut free_since) = (Vec::new(), Vec::<f64>::new());
    let mut flow = FIRST_FLOW;
    for (action, start_us, done_us) in timed {
        let at = free_since.iter().position(|since| *since <= start_us).unwrap_or_else(|| {
            free_since.push(0.0);
            let name = json!({ "name": format!("action {}", free_since.len()) });
            events.push(metadata("thread_name", go, Some(FIRST_ROW + free_since.len() - 1), name));
            free_since.len() - 1
        });
        free_since[at] = done_us;
        let requests = action.key.as_ref().and_then(|key| asked.get(key)).map_or(&[][..], Vec::as_slice);
        let place = (go, FIRST_ROW + at, start_us);
        events.push(slice(action, place, done_us, requests, action.time_ready.map(us)));
        for asked in requests {
            let request = (log.pid, rows.get(&asked.id).copied().unwrap_or(1), asked.arrived_ns as f64 / 1000.0);
            events.extend(arrow(flow, place, request));
            flow += 1;
        }
    }
    events
}

/// Process, row and time.
type Place = (u32, usize, f64);

fn slice(action: &Action, place: Place, done_us: f64, requests: &[KeyedRequest], ready_us: Option<f64>) -> Value {
    let (pid, tid, ts) = place;
    json!({
        "name": format!("{} {}", action.mode, action.package).trim(), "cat": "go action", "ph": "X",
        "ts": ts, "dur": round_us((done_us - ts).max(0.0)), "pid": pid, "tid": tid,
        "args": {
            "action": action.key, "requests": requests.iter().map(|asked| asked.id).collect::<Vec<_>>(),
            "ready_us": ready_us, "commands_us": action.cmd_real.map(|ns| ns as f64 / 1000.0),
        },
    })
}

fn arrow(flow: usize, action: Place, request: Place) -> [Value; 2] {
    // go looks into the cache for most actions before it works on them: an arrow cannot lead back in time.
    let (from, to) = if request.2 < action.2 { (request, action) } else { (action, request) };
    [("s", from), ("f", to)].map(|(ph, (pid, tid, ts))| {
        json!({ "name": "asks", "cat": "asks", "ph": ph, "id": flow, "pid": pid, "tid": tid, "ts": ts, "bp": "e" })
    })
}

fn requests_by_key(log: &LoggedSession) -> HashMap<String, Vec<KeyedRequest>> {
    let mut asked: HashMap<String, Vec<KeyedRequest>> = HashMap::new();
    for (key, request) in requests(log) {
        asked.entry(key.graph_key()).or_default().push(request);
    }
    asked
}

/// The gets and puts of a log with their keys.
fn requests(log: &LoggedSession) -> impl Iterator<Item = (ActionId, KeyedRequest)> {
    log.lines.iter().filter_map(|(arrived_ns, line)| match line {
        Line::Request(request) => match &request.command {
            Command::Get { action } | Command::Put { action, .. } => {
                Some((*action, KeyedRequest { id: request.id, arrived_ns: *arrived_ns }))
            }
            Command::Close | Command::Unknown { .. } => None,
        },
        _ => None,
    })
}

/// Adds the argument `package` to the slice of each request whose action go names.
pub fn name_packages(events: &mut [Value], actions: &[Action], log: &LoggedSession) {
    let with_key = actions.iter().filter(|action| !action.package.is_empty());
    let packages = with_key.filter_map(|action| Some((action.key.as_deref()?, action.package.as_str()))).collect();
    let packages = by_request_key(&packages, requests(log).map(|(key, _)| key));
    let asked = requests(log).filter_map(|(key, asked)| Some((asked.id, *packages.get(&key)?)));
    let by_id: HashMap<i64, &str> = asked.collect();
    for event in events.iter_mut().filter(|event| event["name"] == REQUEST) {
        let package = event["args"]["id"].as_i64().and_then(|id| by_id.get(&id));
        if let Some(package) = package {
            event["args"]["package"] = (*package).into();
        }
    }
}

/// The row of each request in the trace, by the request's id.
pub fn request_rows(events: &[Value]) -> HashMap<i64, usize> {
    let requests = events.iter().filter(|event| event["name"] == REQUEST);
    let row = |event: &Value| usize::try_from(event["tid"].as_u64()?).ok();
    requests.filter_map(|event| Some((event["args"]["id"].as_i64()?, row(event)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gocacheprog::protocol::{ActionId, Request};

    const ZERO_NS: u64 = 1_700_000_000_000_000_000;

    fn log(action: ActionId) -> LoggedSession {
        let get = Line::Request(Request { id: 7, command: Command::Get { action } });
        LoggedSession { start_unix_ns: ZERO_NS, pid: 42, go: None, lines: vec![(1_500_000, get)] }
    }

    #[test]
    fn an_action_is_a_slice_with_an_arrow_to_the_request_of_its_key() {
        let action = ActionId::new([9; 32]);
        let json = format!(
            r#"[{{"ID":1,"Mode":"build","Package":"net/url","ActionID":"{}","TimeReady":"2023-11-14T22:13:20.000Z",
                "TimeStart":"2023-11-14T22:13:20.001Z","TimeDone":"2023-11-14T22:13:20.003Z","Cmd":null}},
               {{"ID":2,"Mode":"nop","Package":""}}]"#,
            action.graph_key()
        );
        let actions: Vec<Action> = serde_json::from_str(&json).unwrap();
        let events = graph_events(&actions, 11, &log(action), &HashMap::from([(7, 3)]));
        let slice = events.iter().find(|event| event["ph"] == "X").unwrap();
        assert_eq!((slice["name"].as_str(), slice["ts"].as_f64()), (Some("build net/url"), Some(1000.0)));
        assert_eq!((slice["dur"].as_f64(), &slice["args"]["requests"]), (Some(2000.0), &json!([7])));
        let flow: Vec<_> = events.iter().filter(|event| event["cat"] == "asks").collect();
        assert_eq!(flow.len(), 2);
        assert_eq!((&flow[1]["pid"], &flow[1]["tid"], &flow[1]["ts"]), (&json!(42), &json!(3), &json!(1500.0)));
    }

    #[test]
    fn a_request_has_the_package_of_its_action_and_of_entries_beside_its_output() {
        let (key, other) = (ActionId::new([9; 32]), ActionId::new([8; 32]));
        let request = |id, action| (0, Line::Request(Request { id, command: Command::Get { action } }));
        let lines = vec![request(1, key), request(2, key.subkey("stdout")), request(3, other)];
        let log = LoggedSession { start_unix_ns: ZERO_NS, pid: 42, go: None, lines };
        let json = format!(r#"[{{"ID":1,"Mode":"build","Package":"net/url","ActionID":"{}"}}]"#, key.graph_key());
        let actions: Vec<Action> = serde_json::from_str(&json).unwrap();
        let mut events: Vec<Value> =
            [1, 2, 3].iter().map(|id| json!({ "name": REQUEST, "args": { "id": id } })).collect();
        events.push(json!({ "name": "respond", "args": { "id": 1 } }));
        name_packages(&mut events, &actions, &log);
        let packages: Vec<_> = events.iter().map(|event| event["args"]["package"].as_str()).collect();
        assert_eq!(packages, [Some("net/url"), Some("net/url"), None, None]);
    }
}
