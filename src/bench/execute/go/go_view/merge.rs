//! go's own view of a build (`-debug-trace`, `-debug-actiongraph`): merged into the backend's trace on its time axis, and its
//! action graph joined with the requests of the backend.

use std::ffi::OsString;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::execute::go::go_view::action_graph::Action;
use crate::execute::go::go_view::graph::{graph_events, name_packages, request_rows};
use crate::execute::go::go_view::join::join;
use crate::execute::go::go_view::own_trace::{metadata, own_events, round_us};
use crate::results::go_actions::GoActions;
use crate::results::time_breakdown::BuildTimes;
use gocacheprog::telemetry::{LoggedSession, read_request_log};

/// Their names in the folder of a round.
const TRACE: &str = "go-trace.json";
const GRAPH: &str = "go-actiongraph.json";

/// The two files that go writes during one build.
pub struct GoView {
    trace: PathBuf,
    graph: PathBuf,
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

    /// Moves them into the folder of the round, and reads what is joined with them.
    ///
    /// # Errors
    /// When go wrote none, or the action graph or the request log are not of their format.
    pub fn take(&self, folder: &Path) -> Result<Taken> {
        for (from, name) in [(&self.trace, TRACE), (&self.graph, GRAPH)] {
            std::fs::rename(from, folder.join(name)).with_context(|| format!("go wrote no {}", from.display()))?;
        }
        let graph = folder.join(GRAPH);
        let log = read_request_log(&read(&folder.join("request.txt"))?).context("cannot understand request.txt")?;
        let actions =
            serde_json::from_str(&read(&graph)?).with_context(|| format!("cannot use {}", graph.display()))?;
        Ok(Taken { folder: folder.to_owned(), log, actions })
    }
}

/// go's view of a round, with the requests of its backend.
pub struct Taken {
    folder: PathBuf,
    log: LoggedSession,
    actions: Vec<Action>,
}

impl Taken {
    /// go's actions with what each asked.
    ///
    /// # Errors
    /// When the graph lacks what that takes.
    pub fn joined(&self, frame: BuildTimes) -> Result<GoActions> {
        join(&self.actions, &self.log, frame).with_context(|| format!("{GRAPH} is of no use"))
    }

    /// Puts what go says into the trace of the round. `go` is the number of go's process.
    ///
    /// # Errors
    /// When a trace is missing or not of its format; the trace is as it was then.
    pub fn merge(&self, go: u32) -> Result<()> {
        let (trace, ours) = (self.folder.join(TRACE), self.folder.join("trace.json"));
        let mut events = vec![metadata("process_name", go, None, json!({ "name": "go" }))];
        let zero_us = self.log.start_unix_ns as f64 / 1000.0;
        let own = own_events(&read(&trace)?, go, zero_us).with_context(|| format!("cannot use {}", trace.display()))?;
        events.extend(own);
        let mut own: Vec<Value> =
            serde_json::from_str(&read(&ours)?).with_context(|| format!("{} is not whole", ours.display()))?;
        name_packages(&mut own, &self.actions, &self.log);
        events.extend(graph_events(&self.actions, go, &self.log, &request_rows(&own)));
        events.splice(0..0, own);
        write(&ours, events, self.log.start_unix_ns)
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
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
        let error = view.take(&round).unwrap().merge(1).unwrap_err();
        assert!(format!("{error:#}").contains("is not whole"), "{error:#}");
        assert_eq!(std::fs::read_to_string(round.join("trace.json")).unwrap(), "[\n{\"ph\"");
    }

    #[test]
    fn a_graph_that_is_cut_off_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let round = folder.path().join("profile");
        std::fs::create_dir(&round).unwrap();
        let view = GoView::beside(&round);
        let trouble = |view: &GoView| view.take(&round).err().map(|error| format!("{error:#}")).unwrap_or_default();
        assert!(trouble(&view).contains("go wrote no"), "{}", trouble(&view));
        let write = |graph: &str, log: &str| {
            std::fs::write(&view.trace, "[]").unwrap();
            std::fs::write(&view.graph, graph).unwrap();
            std::fs::write(round.join("request.txt"), log).unwrap();
        };
        let log = "# cacheprog request log, version 2, start_unix_ns=5 pid=1 go=-\n";
        write("[{\"Mode\":\"build\"},{\"Mo", log);
        let cut = trouble(&view);
        assert!(cut.contains("go-actiongraph.json") && cut.contains("EOF"), "{cut}");
        write("[]", "# cachep");
        assert!(trouble(&view).contains("request.txt"));
    }
}
