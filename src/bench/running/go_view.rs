//! go's own view of a build (`-debug-trace`, `-debug-actiongraph`), merged into the backend's trace on its time axis.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::protocol::Command;
use crate::telemetry::{Line, LoggedSession, REQUEST, read_request_log};

/// Their names in the folder of a round.
const TRACE: &str = "go-trace.json";
const GRAPH: &str = "go-actiongraph.json";
/// First row of the actions, below go's own rows.
const FIRST_ROW: usize = 1000;
/// Rows for what overlaps in one of go's own.
const FURTHER_ROWS: usize = 500;
/// Flows of go's own trace are numbered from 1; ours from here.
const FIRST_FLOW: usize = 1_000_000_000;

/// The two files that go writes during one build.
pub struct GoView {
    trace: PathBuf,
    graph: PathBuf,
}

/// One step of go's action graph; what is not looked at here is left out.
/// <https://pkg.go.dev/cmd/go/internal/work> (`actionJSON`)
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Action {
    mode: String,
    #[serde(default)]
    package: String,
    /// The first 20 characters of the key in base64; missing for steps without one.
    #[serde(rename = "ActionID", default)]
    key: Option<String>,
    #[serde(default)]
    time_ready: Option<jiff::Timestamp>,
    #[serde(default)]
    time_start: Option<jiff::Timestamp>,
    #[serde(default)]
    time_done: Option<jiff::Timestamp>,
    /// Nanoseconds of the commands that it ran.
    #[serde(default)]
    cmd_real: Option<u64>,
}

/// A request of the backend that has an action's key.
struct Asked {
    id: i64,
    arrived_ns: u64,
}

impl GoView {
    /// Files beside the folder of a round, which has to be empty while the backend starts.
    pub fn beside(folder: &Path) -> Self {
        Self { trace: folder.with_extension(TRACE), graph: folder.with_extension(GRAPH) }
    }

    /// The flags that make go write them.
    pub fn flags(&self) -> Vec<OsString> {
        let flag = |name: &str, path: &Path| {
            let mut flag = OsString::from(name);
            flag.push(path);
            flag
        };
        vec![flag("-debug-trace=", &self.trace), flag("-debug-actiongraph=", &self.graph)]
    }

    /// Moves them into the folder, and puts what they say into the trace there. `go` is the number of go's process.
    ///
    /// # Errors
    /// When a file is missing or not of its format; the trace is as it was then.
    pub fn merge_into(&self, folder: &Path, go: u32) -> Result<()> {
        let (trace, graph) = (folder.join(TRACE), folder.join(GRAPH));
        for (from, to) in [(&self.trace, &trace), (&self.graph, &graph)] {
            std::fs::rename(from, to).with_context(|| format!("go wrote no {}", from.display()))?;
        }
        let read =
            |path: &Path| std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
        let log = read_request_log(&read(&folder.join("request.txt"))?).context("cannot understand request.txt")?;
        let mut events = vec![metadata("process_name", go, None, json!({ "name": "go" }))];
        let zero_us = log.start_unix_ns as f64 / 1000.0;
        let own = own_events(&read(&trace)?, go, zero_us).with_context(|| format!("cannot use {}", trace.display()))?;
        events.extend(own);
        let actions: Vec<Action> =
            serde_json::from_str(&read(&graph)?).with_context(|| format!("cannot use {}", graph.display()))?;
        let ours = folder.join("trace.json");
        let own: Vec<Value> =
            serde_json::from_str(&read(&ours)?).with_context(|| format!("{} is not whole", ours.display()))?;
        events.extend(graph_events(&actions, go, &log, &request_rows(&own)));
        events.splice(0..0, own);
        write(&ours, events, log.start_unix_ns)
    }
}

/// An event of go's own trace; the rest of it is not looked at.
#[derive(Debug, Deserialize)]
struct OwnEvent {
    name: String,
    ph: String,
    ts: f64,
    #[serde(default)]
    tid: usize,
    #[serde(default)]
    id: u64,
}

/// What go traced itself, on our axis and under its true process number.
///
/// go writes begin and end of spans, of which some in one row overlap without lying in each other. They become slices, by
/// name, and what does not fit into its row goes into a further one.
fn own_events(text: &str, go: u32, zero_us: f64) -> Result<Vec<Value>> {
    let own: Vec<OwnEvent> = serde_json::from_str(text)?;
    let (mut events, mut open, mut slices) = (Vec::new(), Vec::<&OwnEvent>::new(), Vec::new());
    for event in &own {
        match event.ph.as_str() {
            "B" => open.push(event),
            "E" => {
                let begin = open.iter().rposition(|begin| (begin.tid, &begin.name) == (event.tid, &event.name));
                slices.extend(begin.map(|at| (open.remove(at), event.ts)));
            }
            // An arrow leaves its slice before that has ended.
            "s" => events.push(own_flow(event, go, event.ts - zero_us - 0.001)),
            _ => events.push(own_flow(event, go, event.ts - zero_us)),
        }
    }
    slices.sort_by(|one, two| one.0.ts.total_cmp(&two.0.ts).then(two.1.total_cmp(&one.1)));
    let mut rows = Vec::<OwnRow>::new();
    for (begin, end) in slices {
        let fits = |row: &mut OwnRow| {
            row.ends.retain(|other| *other > begin.ts);
            row.tid == begin.tid && row.ends.last().is_none_or(|other| end <= *other)
        };
        let at = rows.iter_mut().position(fits).unwrap_or_else(|| {
            // The first row of each of go's keeps its number: arrows lead there.
            let is_first = rows.iter().all(|row| row.tid != begin.tid);
            let number = if is_first { begin.tid } else { FURTHER_ROWS + rows.len() };
            let name = if begin.tid == 0 { "go".to_owned() } else { format!("go worker {}", begin.tid) };
            events.push(metadata("thread_name", go, Some(number), json!({ "name": name })));
            rows.push(OwnRow { tid: begin.tid, number, ends: Vec::new() });
            rows.len() - 1
        });
        rows[at].ends.push(end);
        let row = rows[at].number;
        let (ts, dur) = (round_us(begin.ts - zero_us), round_us(end - begin.ts));
        events.push(json!({ "name": begin.name, "cat": "go", "ph": "X", "ts": ts, "dur": dur, "pid": go, "tid": row }));
    }
    Ok(events)
}

/// A row that shows what overlaps nothing else in it.
struct OwnRow {
    /// The one of go's that it shows.
    tid: usize,
    number: usize,
    /// Ends of the slices that are open, the innermost last.
    ends: Vec<f64>,
}

fn own_flow(event: &OwnEvent, go: u32, ts: f64) -> Value {
    let ts = round_us(ts);
    let OwnEvent { name, ph, tid, id, .. } = event;
    json!({ "name": name, "cat": "go", "ph": ph, "id": id, "ts": ts, "pid": go, "tid": tid, "bp": "e" })
}

/// A slice for each action that was worked on, with an arrow to each request that has its key.
fn graph_events(actions: &[Action], go: u32, log: &LoggedSession, rows: &HashMap<i64, usize>) -> Vec<Value> {
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
            let row = FIRST_ROW + free_since.len() - 1;
            let name = format!("action {}", free_since.len());
            events.push(metadata("thread_name", go, Some(row), json!({ "name": name })));
            free_since.len() - 1
        });
        free_since[at] = done_us;
        let row = FIRST_ROW + at;
        let none = Vec::new();
        let requests = action.key.as_ref().and_then(|key| asked.get(key)).unwrap_or(&none);
        let ids: Vec<i64> = requests.iter().map(|asked| asked.id).collect();
        let ready_us = action.time_ready.map(us);
        events.push(json!({
            "name": format!("{} {}", action.mode, action.package).trim(), "cat": "go action", "ph": "X",
            "ts": start_us, "dur": round_us((done_us - start_us).max(0.0)), "pid": go, "tid": row,
            "args": {
                "action": action.key, "requests": ids, "ready_us": ready_us,
                "commands_us": action.cmd_real.map(|ns| ns as f64 / 1000.0),
            },
        }));
        for asked in requests {
            let end = |ph: &str, (pid, tid, ts): (u32, usize, f64)| json!({ "name": "asks", "cat": "asks", "ph": ph, "id": flow, "pid": pid, "tid": tid, "ts": ts, "bp": "e" });
            let request = (log.pid, rows.get(&asked.id).copied().unwrap_or(1), asked.arrived_ns as f64 / 1000.0);
            let action = (go, row, start_us);
            // go looks into the cache for most actions before it works on them: an arrow cannot lead back in time.
            let (from, to) = if request.2 < start_us { (request, action) } else { (action, request) };
            events.push(end("s", from));
            events.push(end("f", to));
            flow += 1;
        }
    }
    events
}

fn requests_by_key(log: &LoggedSession) -> HashMap<String, Vec<Asked>> {
    let mut asked: HashMap<String, Vec<Asked>> = HashMap::new();
    for (arrived_ns, line) in &log.lines {
        let Line::Request(request) = line else { continue };
        if let Command::Get { action } | Command::Put { action, .. } = &request.command {
            asked.entry(action.graph_key()).or_default().push(Asked { id: request.id, arrived_ns: *arrived_ns });
        }
    }
    asked
}

/// In which row of the trace each request lies.
fn request_rows(events: &[Value]) -> HashMap<i64, usize> {
    let requests = events.iter().filter(|event| event["name"] == REQUEST);
    let row = |event: &Value| usize::try_from(event["tid"].as_u64()?).ok();
    requests.filter_map(|event| Some((event["args"]["id"].as_i64()?, row(event)?))).collect()
}

fn metadata(name: &str, pid: u32, tid: Option<usize>, args: Value) -> Value {
    json!({ "name": name, "ph": "M", "pid": pid, "tid": tid.unwrap_or(0), "args": args })
}

fn round_us(us: f64) -> f64 {
    (us * 1000.0).round() / 1000.0
}

/// Writes a trace, by rename, so that no reader sees half of it. The time axis then begins with the first event of all:
/// viewers drop what lies before it.
fn write(path: &Path, mut all: Vec<Value>, start_unix_ns: u64) -> Result<()> {
    let times = all.iter().filter_map(|event| event["ts"].as_f64());
    let first_us = times.fold(0.0, f64::min);
    for event in &mut all {
        if let Some(ts) = event["ts"].as_f64() {
            event["ts"] = round_us(ts - first_us).into();
        }
        if let Some(ready) = event.get("args").and_then(|args| args["ready_us"].as_f64()) {
            event["args"]["ready_us"] = round_us(ready - first_us).into();
        }
        if event["name"] == "process_labels" {
            let start = start_unix_ns.saturating_add_signed((first_us * 1000.0) as i64);
            event["args"]["labels"] = format!("start_unix_ns={start}").into();
        }
    }
    let temporary = path.with_extension("tmp");
    let whole = || -> std::io::Result<()> {
        let mut out = BufWriter::new(std::fs::File::create(&temporary)?);
        for (at, event) in all.iter().enumerate() {
            write!(out, "{}{event}", if at == 0 { "[\n" } else { ",\n" })?;
        }
        out.write_all(b"\n]\n")?;
        out.flush()?;
        std::fs::rename(&temporary, path)
    };
    whole().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ActionId, Request};

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
    fn gos_own_times_lie_on_our_axis() {
        let event = |name: &str, ph: &str, ts: f64| json!({ "name": name, "ph": ph, "ts": 1_700_000_000_000_000.0 + ts, "tid": 1 });
        let text = json!([
            event("load", "B", 2000.0),
            event("read", "B", 2500.0),
            event("load", "E", 3000.0),
            event("read", "E", 3500.0),
            event("load -> read", "s", 3000.0),
        ]);
        let events = own_events(&text.to_string(), 11, ZERO_NS as f64 / 1000.0).unwrap();
        let slices: Vec<_> = events.iter().filter(|event| event["ph"] == "X").collect();
        let seen: Vec<_> =
            slices.iter().map(|event| (&event["name"], &event["ts"], &event["dur"], &event["tid"])).collect();
        assert_eq!(seen[0], (&json!("load"), &json!(2000.0), &json!(1000.0), &json!(1)));
        assert_eq!(seen[1], (&json!("read"), &json!(2500.0), &json!(1000.0), &json!(FURTHER_ROWS + 1)), "they overlap");
        let arrow = events.iter().find(|event| event["ph"] == "s").unwrap();
        assert!(arrow["ts"].as_f64().unwrap() < 3000.0, "an arrow leaves before its slice has ended");
        assert!(events.iter().all(|event| event["pid"] == 11));
        let names = events.iter().filter(|event| event["ph"] == "M");
        assert_eq!(names.map(|event| event["args"]["name"].as_str()).collect::<Vec<_>>(), [Some("go worker 1"); 2]);
    }

    #[test]
    fn the_axis_begins_with_the_first_event_of_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.json");
        let label = json!({ "ph": "M", "name": "process_labels", "args": {} });
        let all = vec![
            json!({ "ph": "X", "ts": 1.5 }),
            label,
            json!({ "ph": "B", "ts": -2.0, "args": { "ready_us": -1.5 } }),
            json!({ "ph": "E", "ts": 7.0 }),
        ];
        write(&path, all, 5_000).unwrap();
        let events: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let times: Vec<_> = events.iter().filter_map(|event| event["ts"].as_f64()).collect();
        assert_eq!(times, [3.5, 0.0, 9.0]);
        let ready: Vec<_> = events.iter().filter_map(|event| event["args"]["ready_us"].as_f64()).collect();
        assert_eq!(ready, [0.5], "all times are on one axis");
        assert_eq!(events[1]["args"]["labels"], "start_unix_ns=3000");
    }

    #[test]
    fn a_trace_without_an_end_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let view = GoView::beside(&folder.path().join("profile"));
        let round = folder.path().join("profile");
        std::fs::create_dir(&round).unwrap();
        std::fs::write(&view.trace, "[]").unwrap();
        std::fs::write(&view.graph, "[]").unwrap();
        std::fs::write(round.join("request.txt"), "# cacheprog request log, version 2, start_unix_ns=5 pid=1 go=-\n")
            .unwrap();
        std::fs::write(round.join("trace.json"), "[\n{\"ph\"").unwrap();
        let error = view.merge_into(&round, 1).unwrap_err();
        assert!(format!("{error:#}").contains("is not whole"), "{error:#}");
        assert_eq!(std::fs::read_to_string(round.join("trace.json")).unwrap(), "[\n{\"ph\"");
    }
}
