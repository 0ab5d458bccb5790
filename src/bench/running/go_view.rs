//! go's own view of a build (`-debug-trace`, `-debug-actiongraph`), merged into the backend's trace on its time axis.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::protocol::Command;
use crate::telemetry::{Line, LoggedSession, read_request_log};

/// Their names in the folder of a round.
const TRACE: &str = "go-trace.json";
const GRAPH: &str = "go-actiongraph.json";
/// First row of the actions, below go's own rows.
const FIRST_ROW: usize = 1000;
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
        let rows = request_rows(&read(&ours)?);
        events.extend(graph_events(&actions, go, &log, &rows));
        append(&ours, &events)
    }
}

/// What go traced itself, on our axis and under its true process number.
fn own_events(text: &str, go: u32, zero_us: f64) -> Result<Vec<Value>> {
    let mut events: Vec<Value> = serde_json::from_str(text)?;
    let mut rows = Vec::new();
    for event in &mut events {
        let row = event["tid"].as_u64().unwrap_or(0);
        if !rows.contains(&row) {
            rows.push(row);
        }
        event["pid"] = go.into();
        event["ts"] = round_us(event["ts"].as_f64().unwrap_or(zero_us) - zero_us).into();
        event["cat"] = "go".into();
    }
    let name = |row: &u64| if *row == 0 { "go".to_owned() } else { format!("go worker {row}") };
    let names = rows.iter().map(|row| metadata("thread_name", go, Some(*row as usize), json!({ "name": name(row) })));
    Ok(names.chain(events.iter().cloned()).collect())
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
            let end = |ph: &str, pid: u32, tid: usize, ts: f64| json!({ "name": "asks", "cat": "asks", "ph": ph, "id": flow, "pid": pid, "tid": tid, "ts": ts, "bp": "e" });
            let arrived_us = asked.arrived_ns as f64 / 1000.0;
            // go asks for what an action needs from the cache while another one works on that: the arrow may start late.
            events.push(end("s", go, row, start_us.min(arrived_us)));
            let row_of_request = rows.get(&asked.id).copied().unwrap_or(1);
            events.push(end("f", log.pid, row_of_request, arrived_us));
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
fn request_rows(trace: &str) -> HashMap<i64, usize> {
    #[derive(Deserialize)]
    struct Slice {
        name: String,
        tid: usize,
        args: HashMap<String, Value>,
    }
    let slices = trace.lines().filter(|line| line.contains(r#""request""#));
    let slices = slices.filter_map(|line| serde_json::from_str::<Slice>(line.trim_end_matches(',')).ok());
    let requests = slices.filter(|slice| slice.name == "request");
    requests.filter_map(|slice| Some((slice.args.get("id")?.as_i64()?, slice.tid))).collect()
}

fn metadata(name: &str, pid: u32, tid: Option<usize>, args: Value) -> Value {
    json!({ "name": name, "ph": "M", "pid": pid, "tid": tid.unwrap_or(0), "args": args })
}

fn round_us(us: f64) -> f64 {
    (us * 1000.0).round() / 1000.0
}

/// Puts events before the end of a trace, by rename, so that no reader sees half of it.
fn append(path: &Path, events: &[Value]) -> Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let body = text.trim_end().strip_suffix(']').with_context(|| format!("{} has no end", path.display()))?;
    let temporary = path.with_extension("tmp");
    let write = || -> std::io::Result<()> {
        let mut out = BufWriter::new(std::fs::File::create(&temporary)?);
        out.write_all(body.trim_end().as_bytes())?;
        for event in events {
            write!(out, ",\n{event}")?;
        }
        out.write_all(b"\n]\n")?;
        out.flush()?;
        std::fs::rename(&temporary, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
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
        let text = r#"[{"name":"load","ph":"B","ts":1700000000002000.5,"pid":0,"tid":1}
            ,{"name":"load","ph":"E","ts":1700000000003000.5,"pid":0,"tid":1}]"#;
        let events = own_events(text, 11, ZERO_NS as f64 / 1000.0).unwrap();
        assert_eq!(events[0]["args"]["name"], "go worker 1");
        assert_eq!((events[1]["ts"].as_f64(), events[1]["pid"].as_u64()), (Some(2000.5), Some(11)));
    }

    #[test]
    fn appending_keeps_the_trace_a_json_array() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.json");
        std::fs::write(&path, "[\n{\"ph\":\"M\"}\n]\n").unwrap();
        append(&path, &[json!({ "ph": "X" }), json!({ "ph": "X" })]).unwrap();
        let events: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(events.len(), 3);
        std::fs::write(&path, "[\n{\"ph\"").unwrap();
        assert!(append(&path, &[]).is_err(), "a trace without an end is left alone");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[\n{\"ph\"");
    }
}
