//! Turns the lines that tracing-chrome writes into slices of the trace that people open.
//!
//! tracing-chrome gives begin and end of each span with the process number 1, ids beyond 2^53 and every argument as a
//! string. Out of that come true numbers, and each tree of spans in one row. The span of a request brings its times as
//! arguments: `t0_ns`, `dur_ns` and `stages` (`name:offset+duration`, nanoseconds), from which its children are drawn. A
//! stage that is too short to be seen in its request becomes a number in the arguments: half of the file was such slices.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::telemetry::model::answer::REQUEST;
use crate::telemetry::model::clock::Clock;
use crate::telemetry::trace::file::{Slice, TraceFile};
use crate::telemetry::trace::gate::Gate;
use crate::telemetry::trace::rows::RowKind;

/// A stage shorter than this part of its request is not drawn.
const SHORTEST_PART: f64 = 0.01;

/// The writer that tracing-chrome gets.
pub struct TraceLines {
    file: Arc<Mutex<TraceFile>>,
    gate: Arc<Gate>,
    clock: Clock,
    /// The start of a line whose end has not been written yet.
    line: Vec<u8>,
    /// tracing-chrome's time zero on the session's clock, microseconds.
    offset_us: f64,
    /// Open spans by the id of their root.
    open: HashMap<u64, Tree>,
}

/// The spans below one root.
#[derive(Default)]
struct Tree {
    /// Not ended, outermost first: name, start and arguments.
    open: Vec<(String, f64, Map<String, Value>)>,
    ended: Vec<Slice>,
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

impl TraceLines {
    /// Writes to `file` whenever `gate` is open. The first event has to be one with the session's time as `t0_ns`.
    pub fn new(file: Arc<Mutex<TraceFile>>, gate: Arc<Gate>, clock: Clock) -> Self {
        Self { file, gate, clock, line: Vec::new(), offset_us: 0.0, open: HashMap::new() }
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
                "i" => {
                    self.offset_us = number(&event.args, "t0_ns").map_or(self.offset_us, |ns| ns / 1000.0 - event.ts)
                }
                _ => {}
            }
        }
    }

    fn begin(&mut self, event: RawEvent) {
        let recorded_us = event.ts + self.offset_us;
        let start_us = number(&event.args, "t0_ns").map_or(recorded_us, |ns| ns / 1000.0);
        self.open.entry(event.id).or_default().open.push((event.name, start_us, event.args));
    }

    fn complete(&mut self, event: RawEvent) {
        let Some(tree) = self.open.get_mut(&event.id) else { return };
        let Some(at) = tree.open.iter().rposition(|(name, ..)| *name == event.name) else { return };
        let (name, start_us, _) = tree.open.remove(at);
        let recorded_us = event.ts + self.offset_us;
        let end_us = number(&event.args, "dur_ns").map_or(recorded_us, |ns| start_us + ns / 1000.0);
        let shortest_us = (end_us - start_us) * SHORTEST_PART;
        let (drawn, short): (Vec<_>, Vec<_>) =
            stages(&event.args, start_us).into_iter().partition(|stage| stage.took_us() >= shortest_us);
        let mut args = shown(event.args);
        args.extend(short.iter().map(|stage| (format!("{}_us", stage.name), stage.took_us().into())));
        tree.ended.extend(drawn);
        tree.ended.push(Slice { name, start_us, end_us, args });
        if tree.open.is_empty() {
            self.draw(event.id);
        }
    }

    /// Draws a tree of which all spans have ended: its root last.
    fn draw(&mut self, id: u64) {
        let Some(mut tree) = self.open.remove(&id) else { return };
        let Some(root) = tree.ended.pop() else { return };
        let kind = match root.name.as_str() {
            REQUEST => RowKind::Request,
            "upload" => RowKind::Upload,
            _ => RowKind::Maintenance,
        };
        self.file.lock().expect("no trace writer panics").tree(kind, &root, &tree.ended);
    }

    /// Draws the spans that are still open up to now: the end of the session cut them off.
    fn end(&mut self) {
        let now_us = self.clock.now_ns() as f64 / 1000.0;
        let ids: Vec<u64> = self.open.keys().copied().collect();
        for id in ids {
            if let Some(tree) = self.open.get_mut(&id) {
                while let Some((name, start_us, args)) = tree.open.pop() {
                    let mut args = shown(args);
                    args.insert("unfinished".to_owned(), Value::Bool(true));
                    tree.ended.push(Slice { name, start_us, end_us: now_us.max(start_us), args });
                }
            }
            self.draw(id);
        }
    }
}

impl Write for TraceLines {
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

    /// tracing-chrome's thread panics when its writer fails, so the file keeps the first failure for its end.
    fn flush(&mut self) -> io::Result<()> {
        self.file.lock().expect("no trace writer panics").flush();
        self.gate.shut();
        Ok(())
    }
}

fn number(args: &Map<String, Value>, name: &str) -> Option<f64> {
    args.get(name)?.as_str()?.parse().ok()
}

/// The arguments that are not for us, with numbers as numbers.
fn shown(mut args: Map<String, Value>) -> Map<String, Value> {
    args.retain(|name, _| !["t0_ns", "dur_ns", "stages"].contains(&name.as_str()));
    args.values_mut().for_each(into_number);
    args
}

/// tracing-chrome makes a string of each argument.
fn into_number(value: &mut Value) {
    if let Some(number) = value.as_str().and_then(|text| text.parse::<i64>().ok()) {
        *value = number.into();
    }
}

/// The stages of a request that starts at `start_us`, from `name:offset+duration` (nanoseconds) of each.
fn stages(args: &Map<String, Value>, start_us: f64) -> Vec<Slice> {
    let text = args.get("stages").and_then(Value::as_str).unwrap_or_default();
    let stage = |text: &str| {
        let (name, times) = text.rsplit_once(':')?;
        let (offset, duration) = times.split_once('+')?;
        let start_us = start_us + offset.parse::<f64>().ok()? / 1000.0;
        let end_us = start_us + duration.parse::<f64>().ok()? / 1000.0;
        Some(Slice { name: name.to_owned(), start_us, end_us, args: Map::new() })
    };
    text.split_ascii_whitespace().filter_map(stage).collect()
}

#[cfg(test)]
#[path = "chrome_lines_tests.rs"]
mod tests;
