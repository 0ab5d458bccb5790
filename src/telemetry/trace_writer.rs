//! Turns the events of tracing-chrome, line by line, into the trace that people open.
//!
//! tracing-chrome gives begin and end of each span with the process number 1, ids beyond 2^53 and every argument as a
//! string. Out of that come complete (`X`) events with true process, true numbers and one row for each request in
//! flight. A request that was answered at once comes as one event with its times as arguments: `t0_ns`, `dur_ns` and
//! `stages` (`name:offset+duration`, nanoseconds), from which its children are drawn here.
//! Format: <https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>, JSON array format.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::{Arc, Mutex};

use super::trace::Gate;
use super::tracks::TRACKS_FIELD;
use super::{Clock, REQUEST};

/// The kind of row that requests have.
const REQUESTS: usize = 0;
/// First rows of requests, of uploads below them, and of the rest.
const FIRST_ROWS: [usize; 3] = [1, 1000, 2000];

/// The writer that tracing-chrome gets.
pub struct TraceWriter {
    out: BufWriter<File>,
    gate: Arc<Gate>,
    failure: Arc<Mutex<Option<io::Error>>>,
    /// What has come of a line that is not whole yet.
    line: Vec<u8>,
    /// tracing-chrome's time zero on the session's clock, microseconds.
    offset_us: f64,
    /// Open spans by the id of their root.
    open: HashMap<u64, Tree>,
    /// Requests, uploads, and what there is one of at a time.
    rows: [Rows; 3],
    /// What each counter track showed last.
    counters: HashMap<String, String>,
}

/// The open spans below one root, outermost first.
struct Tree {
    kind: usize,
    row: usize,
    spans: Vec<Span>,
}

struct Span {
    name: String,
    start_us: f64,
}

#[derive(Deserialize)]
struct RawEvent {
    ph: String,
    #[serde(default)]
    ts: f64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    id: u64,
    #[serde(default)]
    args: Map<String, Value>,
}

impl TraceWriter {
    /// Writes to `file` whenever `gate` is open; what goes wrong is left in `failure`. The first event has to be one with
    /// the session's time as `t0_ns`.
    pub fn new(file: File, gate: Arc<Gate>, failure: Arc<Mutex<Option<io::Error>>>, clock: Clock) -> Self {
        let names = ["request", "upload", "session"];
        let rows = std::array::from_fn(|kind| Rows::new(FIRST_ROWS[kind], names[kind]));
        let out = BufWriter::new(file);
        let (line, open, counters) = (Vec::new(), HashMap::new(), HashMap::new());
        let mut writer = Self { out, gate, failure, line, offset_us: 0.0, open, rows, counters };
        writer.put(b"[\n");
        writer.metadata("process_name", 0, json!({ "name": "cacheprog" }));
        let labels = format!("start_unix_ns={}", clock.start_unix_ns());
        writer.metadata("process_labels", 0, json!({ "labels": labels }));
        writer
    }

    fn take_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = line.strip_suffix(b",").unwrap_or(&line);
        if text == b"]" {
            self.end();
        } else if let Ok(event) = serde_json::from_slice::<RawEvent>(text) {
            match event.ph.as_str() {
                "b" => self.begin(event),
                "e" => self.complete(event),
                "i" => self.instant(event),
                _ => {}
            }
        }
    }

    /// A whole request, counters, or the session's time at one moment.
    fn instant(&mut self, event: RawEvent) {
        let Some(at_us) = number(&event.args, "t0_ns").map(|ns| ns / 1000.0) else { return };
        if event.name == REQUEST {
            let end_us = at_us + number(&event.args, "dur_ns").unwrap_or(0.0) / 1000.0;
            let row = self.take_row(REQUESTS, at_us);
            self.rows[REQUESTS].give_back(row, end_us);
            self.slice_with_stages(&event.name, row, (at_us, end_us), event.args);
        } else if let Some(tracks) = event.args.get(TRACKS_FIELD).and_then(Value::as_str) {
            tracks.split(';').for_each(|track| self.counter(at_us, track));
        } else {
            self.offset_us = at_us - event.ts;
        }
    }

    /// One track: `name|series=value|…`. A value holds until the next, so one that stays is not written again.
    fn counter(&mut self, at_us: f64, track: &str) {
        let Some((name, series)) = track.split_once('|') else { return };
        if self.counters.get(name).is_some_and(|last| last == series) {
            return;
        }
        let value = |pair: &str| {
            let (name, value) = pair.split_once('=')?;
            Some((name.to_owned(), json!(value.parse::<f64>().ok()?)))
        };
        let args: Map<String, Value> = series.split('|').filter_map(value).collect();
        let event = json!({ "name": name, "ph": "C", "ts": at_us, "pid": std::process::id(), "args": args });
        self.put(format!("{event},\n").as_bytes());
        self.counters.insert(name.to_owned(), series.to_owned());
    }

    fn begin(&mut self, event: RawEvent) {
        let recorded_us = event.ts + self.offset_us;
        let start_us = number(&event.args, "t0_ns").map_or(recorded_us, |ns| ns / 1000.0);
        let span = Span { name: event.name, start_us };
        if let Some(tree) = self.open.get_mut(&event.id) {
            tree.spans.push(span);
            return;
        }
        let kind = [REQUEST, "upload"].iter().position(|name| *name == span.name).unwrap_or(2);
        let row = self.take_row(kind, start_us);
        self.open.insert(event.id, Tree { kind, row, spans: vec![span] });
    }

    /// A row that is free at `start_us`; a new one gets its name.
    fn take_row(&mut self, kind: usize, start_us: f64) -> usize {
        let rows = &mut self.rows[kind];
        let (row, is_new) = rows.take(start_us);
        if is_new {
            let name = rows.name(row);
            self.metadata("thread_name", row, json!({ "name": name }));
            self.metadata("thread_sort_index", row, json!({ "sort_index": row }));
        }
        row
    }

    fn complete(&mut self, event: RawEvent) {
        let Some(tree) = self.open.get_mut(&event.id) else { return };
        let Some(at) = tree.spans.iter().rposition(|span| span.name == event.name) else { return };
        let span = tree.spans.remove(at);
        let row = tree.row;
        let is_root = tree.spans.is_empty();
        let recorded_us = event.ts + self.offset_us;
        let end_us = number(&event.args, "dur_ns").map_or(recorded_us, |ns| span.start_us + ns / 1000.0);
        if is_root {
            self.rows[tree.kind].give_back(row, end_us);
            self.open.remove(&event.id);
        }
        self.slice_with_stages(&span.name, row, (span.start_us, end_us), event.args);
    }

    /// A slice from its begin to its end, microseconds, and those of the stages among its arguments.
    fn slice_with_stages(
        &mut self,
        name: &str,
        row: usize,
        (start_us, end_us): (f64, f64),
        mut args: Map<String, Value>,
    ) {
        let stages = args.remove("stages");
        args.retain(|name, _| !["t0_ns", "dur_ns", "message"].contains(&name.as_str()));
        args.values_mut().for_each(into_number);
        self.slice(name, row, start_us, end_us - start_us, args);
        for stage in stages.as_ref().and_then(Value::as_str).unwrap_or_default().split_ascii_whitespace() {
            if let Some((name, offset_us, duration_us)) = parse_stage(stage) {
                self.slice(name, row, start_us + offset_us, duration_us, Map::new());
            }
        }
    }

    /// Closes what is still open: work that the session's end cut off.
    fn end(&mut self) {
        let open: Vec<_> = self.open.drain().collect();
        for (_, tree) in open {
            for span in tree.spans {
                let args = Map::from_iter([("unfinished".to_owned(), Value::Bool(true))]);
                self.slice(&span.name, tree.row, span.start_us, 0.0, args);
            }
        }
        // Each event before has a comma behind it, so one without a meaning goes last.
        let last = json!({ "ph": "M", "pid": std::process::id(), "name": "end", "args": {} });
        self.put(format!("{last}\n]\n").as_bytes());
    }

    fn slice(&mut self, name: &str, row: usize, start_us: f64, duration_us: f64, args: Map<String, Value>) {
        let round = |us: f64| (us * 1000.0).round() / 1000.0;
        let event = json!({
            "name": name, "cat": "cacheprog", "ph": "X", "ts": round(start_us), "dur": round(duration_us.max(0.0)),
            "pid": std::process::id(), "tid": row, "args": args,
        });
        self.put(format!("{event},\n").as_bytes());
    }

    fn metadata(&mut self, name: &str, row: usize, args: Value) {
        let event = json!({ "name": name, "ph": "M", "pid": std::process::id(), "tid": row, "args": args });
        self.put(format!("{event},\n").as_bytes());
    }

    fn put(&mut self, bytes: &[u8]) {
        let written = self.out.write_all(bytes);
        self.keep_failure(written);
    }

    /// tracing-chrome's thread panics when its writer fails, so the first failure is kept for the end.
    fn keep_failure(&self, result: io::Result<()>) {
        if let Err(error) = result {
            self.failure.lock().expect("no trace writer panics").get_or_insert(error);
        }
    }
}

impl Write for TraceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gate.pass();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece.strip_suffix(b"\n").unwrap_or(piece));
            if piece.ends_with(b"\n") {
                self.take_line();
            }
        }
        // tracing-chrome ends with a bracket and no newline.
        if self.line == b"]" {
            self.take_line();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.keep_failure(flushed);
        self.gate.shut();
        Ok(())
    }
}

/// Rows of one kind of span: two spans that overlap in time get two rows.
struct Rows {
    first: usize,
    kind: &'static str,
    /// When the last span of a row ended, microseconds; `None` while one is open.
    free_since_us: Vec<Option<f64>>,
}

impl Rows {
    fn new(first: usize, kind: &'static str) -> Self {
        Self { first, kind, free_since_us: Vec::new() }
    }

    /// The first row that is free at `start_us`, and whether it is a new one.
    fn take(&mut self, start_us: f64) -> (usize, bool) {
        let is_free = |since: &Option<f64>| since.is_some_and(|since| since <= start_us);
        match self.free_since_us.iter().position(is_free) {
            Some(at) => {
                self.free_since_us[at] = None;
                (self.first + at, false)
            }
            None => {
                self.free_since_us.push(None);
                (self.first + self.free_since_us.len() - 1, true)
            }
        }
    }

    fn give_back(&mut self, row: usize, end_us: f64) {
        self.free_since_us[row - self.first] = Some(end_us);
    }

    fn name(&self, row: usize) -> String {
        format!("{} {}", self.kind, row - self.first + 1)
    }
}

fn number(args: &Map<String, Value>, name: &str) -> Option<f64> {
    args.get(name)?.as_str()?.parse().ok()
}

/// tracing-chrome makes a string of each argument.
fn into_number(value: &mut Value) {
    if let Some(number) = value.as_str().and_then(|text| text.parse::<i64>().ok()) {
        *value = number.into();
    }
}

/// Reads `name:offset+duration` (nanoseconds) as microseconds.
fn parse_stage(stage: &str) -> Option<(&str, f64, f64)> {
    let (name, times) = stage.rsplit_once(':')?;
    let (offset, duration) = times.split_once('+')?;
    Some((name, offset.parse::<f64>().ok()? / 1000.0, duration.parse::<f64>().ok()? / 1000.0))
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
