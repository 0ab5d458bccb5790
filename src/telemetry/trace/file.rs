//! `trace.json`: slices in rows, counters and names, in the order in which they become known.
//!
//! Format: <https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>, JSON array format, one event
//! a line. Times are microseconds since the session's start.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::telemetry::model::answer::{Answer, REQUEST};
use crate::telemetry::model::clock::Clock;
use crate::telemetry::trace::rows::{RowKind, Rows};

/// A span that has ended, or was cut off.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Name of the span.
    pub name: String,
    pub start_us: f64,
    pub end_us: f64,
    /// Values that were recorded with the span.
    pub args: Map<String, Value>,
}

impl Slice {
    /// Its duration, rounded to a nanosecond.
    pub fn took_us(&self) -> f64 {
        ((self.end_us - self.start_us) * 1000.0).round() / 1000.0
    }
}

/// The file. After the first failure nothing more is written to it.
pub struct TraceFile {
    out: BufWriter<File>,
    failure: Option<io::Error>,
    /// True after the first event: the next one needs a comma.
    has_events: bool,
    rows: Rows,
    /// The last value of each counter track, and since when it has had it, microseconds.
    counters: HashMap<String, (Value, f64)>,
    /// True once the process of the background work has its name.
    is_background_named: bool,
}

/// The file, for all that draw into it.
pub type Drawing = Arc<Mutex<TraceFile>>;

/// Work beside the requests is shown as a separate process, whose number is the backend's plus this.
pub const BACKGROUND: u32 = 1_000_000_000;
/// Names of the two processes in the trace.
const REQUESTS_NAME: &str = "cacheprog: requests from go";
const BACKGROUND_NAME: &str = "cacheprog background: uploads, prefetch, maintenance";

/// An event with a duration.
#[derive(Serialize)]
struct Complete<'a, A> {
    name: &'a str,
    ph: &'a str,
    ts: f64,
    dur: f64,
    pid: u32,
    tid: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<A>,
}

/// The arguments of a request's slice.
#[derive(Serialize)]
struct RequestArgs<'a> {
    id: i64,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    outcome: &'a str,
}

impl TraceFile {
    /// Makes the file.
    ///
    /// # Errors
    /// When it cannot be made. What goes wrong later is kept for [`TraceFile::end`].
    pub fn create(path: &Path, clock: &Clock) -> io::Result<Self> {
        Self::create_named(path, clock, REQUESTS_NAME)
    }

    /// Makes the file, with another name for the process of the requests.
    ///
    /// # Errors
    /// As [`TraceFile::create`].
    pub fn create_named(path: &Path, clock: &Clock, requests_name: &str) -> io::Result<Self> {
        let out = BufWriter::new(File::create(path)?);
        let mut file = Self {
            out,
            failure: None,
            has_events: false,
            rows: Rows::default(),
            counters: HashMap::new(),
            is_background_named: false,
        };
        file.put(b"[\n");
        let pid = std::process::id();
        file.metadata("process_name", pid, 0, json!({ "name": requests_name }));
        let labels = format!("start_unix_ns={}", clock.start_unix_ns());
        file.metadata("process_labels", pid, 0, json!({ "labels": labels }));
        Ok(file)
    }

    /// A request with its own stages, drawn from its times.
    pub fn request(&mut self, answer: &Answer) {
        let us = |ns: u64| ns as f64 / 1000.0;
        let times = &answer.times;
        let place = self.place(RowKind::Request, us(times.arrived_ns), us(times.answered_ns));
        let action = answer.action.map(|action| action.graph_key());
        let args = RequestArgs {
            id: answer.id,
            kind: answer.kind.name(),
            action,
            bytes: answer.bytes,
            outcome: answer.outcome.words(),
        };
        self.complete(REQUEST, place, us(times.arrived_ns), us(times.answered_ns), Some(args));
        for (name, from_ns, to_ns) in answer.stages() {
            self.complete(name, place, us(from_ns), us(to_ns), None::<()>);
        }
    }

    /// A span with all that happened below it, in one row.
    pub fn tree(&mut self, kind: RowKind, root: &Slice, below: &[Slice]) {
        let place = self.place(kind, root.start_us, root.end_us);
        for slice in std::iter::once(root).chain(below) {
            let args = (!slice.args.is_empty()).then_some(&slice.args);
            self.complete(&slice.name, place, slice.start_us, slice.end_us, args);
        }
    }

    /// A point of a counter track. A value holds until the next one, so one that stays is not written again.
    pub fn counter(&mut self, at_us: f64, track: &str, series: Map<String, Value>) {
        let series = Value::Object(series);
        if self.counters.get(track).is_some_and(|(last, _)| *last == series) {
            return;
        }
        self.point(at_us, track, &series);
        self.counters.insert(track.to_owned(), (series, at_us));
    }

    fn point(&mut self, at_us: f64, track: &str, series: &Value) {
        self.event(&json!({ "name": track, "ph": "C", "ts": at_us, "pid": std::process::id(), "args": series }));
    }

    /// Brings what there is to the file.
    pub fn flush(&mut self) {
        let flushed = self.out.flush();
        self.keep_failure(flushed);
    }

    /// Ends the array.
    ///
    /// # Errors
    /// With the first failure since the file was made: it is not complete then.
    pub fn end(&mut self) -> io::Result<()> {
        // Not every viewer draws a counter to the end of the trace unless it has a point there.
        let counters = std::mem::take(&mut self.counters);
        let last_us = counters.values().map(|(_, since_us)| *since_us).fold(0.0, f64::max);
        for (track, (series, _)) in counters.iter().filter(|(_, (_, since_us))| *since_us < last_us) {
            self.point(last_us, track, series);
        }
        self.put(b"\n]\n");
        self.flush();
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Process and row for a span from `start_us` to `end_us`; what is used for the first time gets its name.
    fn place(&mut self, kind: RowKind, start_us: f64, end_us: f64) -> (u32, usize) {
        let own = std::process::id();
        let pid = if kind == RowKind::Request { own } else { own.saturating_add(BACKGROUND) };
        if pid != own && !std::mem::replace(&mut self.is_background_named, true) {
            self.metadata("process_name", pid, 0, json!({ "name": BACKGROUND_NAME }));
        }
        let (row, new_name) = self.rows.take(kind, start_us, end_us);
        if let Some(name) = new_name {
            self.metadata("thread_name", pid, row, json!({ "name": name }));
            self.metadata("thread_sort_index", pid, row, json!({ "sort_index": row }));
        }
        (pid, row)
    }

    fn complete(
        &mut self,
        name: &str,
        (pid, tid): (u32, usize),
        start_us: f64,
        end_us: f64,
        args: Option<impl Serialize>,
    ) {
        let ns = |us: f64| (us * 1000.0).round();
        let (ts, dur) = (ns(start_us) / 1000.0, (ns(end_us) - ns(start_us)).max(0.0) / 1000.0);
        self.event(&Complete { name, ph: "X", ts, dur, pid, tid, args });
    }

    fn metadata(&mut self, name: &str, pid: u32, row: usize, args: Value) {
        self.event(&json!({ "name": name, "ph": "M", "pid": pid, "tid": row, "args": args }));
    }

    fn event(&mut self, event: &impl Serialize) {
        if self.failure.is_none() {
            if std::mem::replace(&mut self.has_events, true) {
                self.put(b",\n");
            }
            let written = serde_json::to_writer(&mut self.out, event).map_err(io::Error::from);
            self.keep_failure(written);
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        let written = self.out.write_all(bytes);
        self.keep_failure(written);
    }

    fn keep_failure(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.failure.get_or_insert(error);
        }
    }
}
