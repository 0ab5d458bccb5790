//! Counter tracks of the trace: samples as numbers over time.

use serde_json::{Map, Value};

use crate::platform::{HostCounters, ProcessCounters};
use crate::telemetry::model::resources::{Moment, since};
use crate::telemetry::trace::file::Drawing;

/// Numbers that only the session knows, at one moment. Bytes and counts since its start say "so far".
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauges {
    /// Most requests in flight since the last sample.
    pub requests_in_flight: Option<u64>,
    /// Uploads that are queued or on their way.
    pub uploads_queued: Option<u64>,
    /// The bytes of those, to the next KiB each.
    pub upload_queue_bytes: Option<u64>,
    /// Connections to the remote.
    pub connections: Option<u64>,
    /// Bytes of object bodies from the remote so far.
    pub bytes_down: Option<u64>,
    /// Bytes of object bodies to the remote so far.
    pub bytes_up: Option<u64>,
    /// Asynchronous tasks that have not ended.
    pub tasks: Option<u64>,
    /// Bytes that are allocated on the heap.
    pub heap_bytes: Option<u64>,
}

/// Draws samples into the trace.
pub struct Tracks {
    drawing: Option<Drawing>,
    before: Gauges,
}

impl Tracks {
    /// Tracks that begin at a moment when the gauges stood at `before`.
    pub fn new(drawing: Option<Drawing>, before: Gauges) -> Self {
        Self { drawing, before }
    }

    /// Draws the rates between two moments, and the levels at the second.
    pub fn draw(&mut self, before: &Moment, now: &Moment, gauges: Gauges) {
        let Some(drawing) = &self.drawing else { return };
        let points = points(before, now, &self.before, &gauges);
        let mut file = drawing.lock().expect("no trace writer panics");
        for Point { at_ns, track, series } in points {
            file.counter(at_ns as f64 / 1000.0, &track, series);
        }
        self.before = gauges;
    }
}

/// Points of all tracks. A viewer holds a value until the next: a rate between the two moments has the time of the first, a level
/// that of the second. Rates are per second.
fn points(before: &Moment, now: &Moment, gauges_before: &Gauges, gauges: &Gauges) -> Vec<Point> {
    let passed = Passed { ns: now.at_ns.saturating_sub(before.at_ns).max(1) as f64 };
    let mut points = Points { at_ns: before.at_ns, points: Vec::new() };
    points.track("requests in flight", &[("requests", count(gauges.requests_in_flight))]);
    let down = passed.per_s(gauges_before.bytes_down, gauges.bytes_down);
    let up = passed.per_s(gauges_before.bytes_up, gauges.bytes_up);
    points.track("S3 bodies (bytes/s)", &[("down", down), ("up", up)]);
    process_rates(&mut points, before, now, &passed);
    host_rates(&mut points, &before.host, &now.host, &passed);
    points.at_ns = now.at_ns;
    levels(&mut points, now, gauges);
    points.points
}

/// A number of each process that is watched, before and now.
fn of_processes(
    before: &Moment,
    now: &Moment,
    value: fn(&ProcessCounters) -> Option<u64>,
) -> [(&'static str, Option<u64>, Option<u64>); 3] {
    [("backend", before.backend, now.backend), ("go", before.go, now.go), ("s3", before.s3, now.s3)]
        .map(|(name, before, now)| (name, before.as_ref().and_then(value), now.as_ref().and_then(value)))
}

fn process_rates(points: &mut Points, before: &Moment, now: &Moment, passed: &Passed) {
    let of = |value| of_processes(before, now, value);
    points.track("CPU (cores)", &of(|process| process.cpu_ns).map(|(name, was, is)| (name, passed.per_ns(was, is))));
    let disk = |value| of(value).map(|(name, was, is)| (name, passed.per_s(was, is)));
    points.track("read from disk (bytes/s)", &disk(|process| process.read_bytes));
    points.track("written to disk (bytes/s)", &disk(|process| process.written_bytes));
    let waited = of(|process| process.run_queue_wait_ns).map(|(name, was, is)| (name, passed.percent(was, is)));
    points.track("waiting for a core (% of a thread)", &waited);
}

fn host_rates(points: &mut Points, was: &HostCounters, is: &HostCounters, passed: &Passed) {
    // The kernel counts in steps of 10 ms: over a short time that can come to more than there was.
    let busy = |(was, is): (&u64, &u64)| passed.percent(Some(*was), Some(*is)).map(|busy| busy.min(100.0));
    let cores: Vec<_> = was.core_busy_ns.iter().zip(&is.core_busy_ns).map(busy).enumerate().collect();
    points.track("host CPU (% of core)", &cores);
    points.track("host steal (cores)", &[("steal", passed.per_ns(was.steal_ns, is.steal_ns))]);
    let read = passed.per_s(was.disk_read_bytes, is.disk_read_bytes);
    let written = passed.per_s(was.disk_written_bytes, is.disk_written_bytes);
    points.track("host disk (bytes/s)", &[("read", read), ("written", written)]);
    let received = passed.per_s(was.received_bytes, is.received_bytes);
    let sent = passed.per_s(was.sent_bytes, is.sent_bytes);
    points.track("host network (bytes/s)", &[("received", received), ("sent", sent)]);
    let pressure = [
        ("cpu", passed.percent(was.cpu_pressure_ns, is.cpu_pressure_ns)),
        ("io", passed.percent(was.io_pressure_ns, is.io_pressure_ns)),
        ("memory", passed.percent(was.memory_pressure_ns, is.memory_pressure_ns)),
    ];
    points.track("host pressure (% of the time that tasks wait)", &pressure);
}

fn levels(points: &mut Points, now: &Moment, gauges: &Gauges) {
    points.track("uploads queued", &[("uploads", count(gauges.uploads_queued))]);
    points.track("uploads queued (bytes)", &[("bytes", count(gauges.upload_queue_bytes))]);
    points.track("S3 connections", &[("open", count(gauges.connections))]);
    points.track("tasks", &[("alive", count(gauges.tasks))]);
    points.track("heap in use (bytes)", &[("backend", count(gauges.heap_bytes))]);
    let level = |value| of_processes(now, now, value).map(|(name, _, now)| (name, count(now)));
    points.track("memory (bytes)", &level(|process| process.resident_bytes));
    points.track("open files", &level(|process| process.open_files));
    points.track("processes", &[("go", now.go.map(|go| go.processes as f64))]);
    points.track("host memory (bytes)", &[("used", count(now.host.memory_used_bytes))]);
}

fn count(value: Option<u64>) -> Option<f64> {
    value.map(|value| value as f64)
}

/// The time between two moments, for rates.
struct Passed {
    ns: f64,
}

impl Passed {
    fn per_ns(&self, first: Option<u64>, last: Option<u64>) -> Option<f64> {
        since(first, last).map(|by| by as f64 / self.ns)
    }

    fn per_s(&self, first: Option<u64>, last: Option<u64>) -> Option<f64> {
        self.per_ns(first, last).map(|rate| (rate * 1e9).round())
    }

    fn percent(&self, first: Option<u64>, last: Option<u64>) -> Option<f64> {
        self.per_ns(first, last).map(|part| part * 100.0)
    }
}

/// One point of a track.
#[derive(Debug, PartialEq)]
struct Point {
    at_ns: u64,
    track: String,
    series: Map<String, Value>,
}

struct Points {
    /// The time of the next ones, nanoseconds since the start of the session.
    at_ns: u64,
    points: Vec<Point>,
}

impl Points {
    /// Series without a value are left out, and a track without a series.
    fn track(&mut self, name: &str, series: &[(impl ToString, Option<f64>)]) {
        let known = series.iter().filter_map(|(name, value)| Some((name.to_string(), rounded((*value)?))));
        let series: Map<String, Value> = known.collect();
        if !series.is_empty() {
            self.points.push(Point { at_ns: self.at_ns, track: name.to_owned(), series });
        }
    }
}

/// Rounded to three decimals; a whole number has none.
fn rounded(value: f64) -> Value {
    let value = (value * 1000.0).round() / 1000.0;
    if value.fract() == 0.0 { (value as i64).into() } else { value.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_has_rates_between_two_moments_and_levels_at_the_second() {
        let process = |cpu_ns, resident_bytes| {
            Some(ProcessCounters { cpu_ns, resident_bytes, processes: 1, ..ProcessCounters::default() })
        };
        let host = |busy| HostCounters { core_busy_ns: vec![busy], ..HostCounters::default() };
        let before = Moment { at_ns: 0, backend: process(Some(0), Some(5)), host: host(0), ..Moment::default() };
        let now = Moment {
            at_ns: 100_000_000,
            backend: process(Some(50_000_000), Some(4096)),
            host: host(25_000_000),
            ..Moment::default()
        };
        let (was, is) = (
            Gauges { bytes_down: Some(1000), ..Gauges::default() },
            Gauges { bytes_down: Some(3000), requests_in_flight: Some(4), ..Gauges::default() },
        );
        let points = points(&before, &now, &was, &is);
        let expected = [
            (0, "requests in flight", "requests", 4.0),
            (0, "S3 bodies (bytes/s)", "down", 20_000.0),
            (0, "CPU (cores)", "backend", 0.5),
            (0, "host CPU (% of core)", "0", 25.0),
            (100_000_000, "memory (bytes)", "backend", 4096.0),
        ];
        let expected = expected.map(|(at_ns, track, name, value)| Point {
            at_ns,
            track: track.to_owned(),
            series: Map::from_iter([(name.to_owned(), rounded(value))]),
        });
        assert_eq!(points, expected);
    }
}
