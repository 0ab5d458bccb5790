//! Tests of the trace writer on the lines that tracing-chrome 0.7 writes.

use super::*;
use crate::telemetry::model::answer::{Answer, Outcome, Times};
use crate::telemetry::model::kind::RequestKind;
use crate::telemetry::trace::gate::Gate;
use serde_json::json;

/// Writes `lines` as tracing-chrome does, in pieces of `size`, and reads the file back.
fn trace(lines: &[Value], size: usize) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.json");
    let gate = Arc::new(Gate::default());
    gate.open_for_good();
    let file = Arc::new(Mutex::new(TraceFile::create(&path, &Clock::start()).unwrap()));
    let mut writer = TraceLines::new(file.clone(), gate, Clock::start());
    // The marker: tracing-chrome's time 3 is 1003 on the session's clock.
    let marker = json!({ "ph": "i", "pid": 1, "ts": 3.0, "name": "event", "args": { "t0_ns": "1003000" } });
    let lines: Vec<_> = std::iter::once(&marker).chain(lines).map(Value::to_string).collect();
    let text = format!("[\n{}\n]", lines.join(",\n"));
    for piece in text.as_bytes().chunks(size) {
        writer.write_all(piece).unwrap();
    }
    writer.flush().unwrap();
    file.lock().unwrap().end().unwrap();
    serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
}

fn raw(ph: &str, ts: f64, name: &str, id: u64, args: Value) -> Value {
    json!({ "ph": ph, "pid": 1, "ts": ts, "name": name, "cat": "x", "tid": 0, "id": id, "args": args })
}

fn slices(events: &[Value]) -> Vec<(String, u64, f64, f64)> {
    let slices = events.iter().filter(|event| event["ph"] == "X");
    slices
        .map(|event| {
            let name = event["name"].as_str().unwrap().to_owned();
            (name, event["tid"].as_u64().unwrap(), event["ts"].as_f64().unwrap(), event["dur"].as_f64().unwrap())
        })
        .collect()
}

#[test]
fn a_request_answered_at_once_gets_its_times_and_children_from_its_arguments() {
    let args = json!({ "t0_ns": "5000", "dur_ns": "9000", "stages": "queue:0+1000 respond:2000+500", "id": "7" });
    let huge = u64::MAX - 5;
    for size in [1, 7, 10_000] {
        let events =
            trace(&[raw("b", 1.0, "request", huge, args.clone()), raw("e", 2.0, "request", huge, args.clone())], size);
        let expected = [("request", 5.0, 9.0), ("queue", 5.0, 1.0), ("respond", 7.0, 0.5)];
        assert_eq!(slices(&events), expected.map(|(name, ts, dur)| (name.to_owned(), 1, ts, dur)));
        let request = events.iter().find(|event| event["name"] == "request").unwrap();
        assert_eq!(request["args"], json!({ "id": 7 }), "numbers are numbers, helper arguments are gone");
        assert_eq!(request["pid"], std::process::id());
    }
}

#[test]
fn a_stage_too_short_to_be_seen_is_a_number() {
    let args = json!({ "t0_ns": "5000", "dur_ns": "900000", "stages": "queue:0+1001 respond:2000+9000" });
    let events = trace(&[raw("b", 1.0, "request", 7, args.clone()), raw("e", 2.0, "request", 7, args)], 64);
    let expected = [("request", 5.0, 900.0), ("respond", 7.0, 9.0)];
    assert_eq!(slices(&events), expected.map(|(name, ts, dur)| (name.to_owned(), 1, ts, dur)));
    let request = events.iter().find(|event| event["name"] == "request").unwrap();
    assert_eq!(request["args"], json!({ "queue_us": 1.001 }));
}

#[test]
fn a_counter_that_stays_is_not_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.json");
    let mut file = TraceFile::create(&path, &Clock::start()).unwrap();
    let series = |value: f64| Map::from_iter([("go".to_owned(), value.into())]);
    file.counter(1.0, "memory (bytes)", series(7.0));
    for (at_us, value) in [(2.0, 1.5), (9.0, 1.5), (20.0, 1.0)] {
        file.counter(at_us, "CPU (cores)", series(value));
    }
    file.end().unwrap();
    let events: Vec<Value> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let points = |track: &str| -> Vec<_> {
        let points = events.iter().filter(|event| event["name"] == track);
        points.map(|event| (event["ts"].as_f64().unwrap(), event["args"]["go"].clone())).collect()
    };
    assert_eq!(points("CPU (cores)"), [(2.0, json!(1.5)), (20.0, json!(1.0))]);
    assert_eq!(points("memory (bytes)"), [(1.0, json!(7.0)), (20.0, json!(7.0))], "each track goes on to the end");
}

#[test]
fn a_request_is_drawn_from_its_times() {
    let times =
        Times { body_ns: 1100, local_ns: 1500, decided_ns: 1500, answered_ns: 2000, ..Times::begun(1000, 1100) };
    let answer = Answer {
        id: 7,
        kind: RequestKind::Get,
        action: None,
        output: None,
        bytes: Some(3),
        outcome: Outcome::HitLocal { is_foreign: true },
        error: None,
        times,
    };
    assert!(answer.was_at_once());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.json");
    let mut file = TraceFile::create(&path, &Clock::start()).unwrap();
    file.request(&answer);
    file.end().unwrap();
    let events: Vec<Value> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let expected = [("request", 1.0, 1.0), ("queue", 1.0, 0.1), ("local.lookup", 1.1, 0.4), ("respond", 1.5, 0.5)];
    assert_eq!(slices(&events), expected.map(|(name, ts, dur)| (name.to_owned(), 1, ts, dur)));
    let request = events.iter().find(|event| event["name"] == "request").unwrap();
    assert_eq!(request["args"], json!({ "id": 7, "kind": "get", "bytes": 3, "outcome": "hit local" }));
}

#[test]
fn spans_that_overlap_get_rows_of_their_own_and_children_stay_with_their_root() {
    let none = json!({});
    let events = trace(
        &[
            raw("b", 0.0, "request", 1, none.clone()),
            raw("b", 1.0, "remote.get_meta", 1, none.clone()),
            raw("b", 2.0, "request", 2, json!({ "t0_ns": "1002000", "dur_ns": "500" })),
            raw("e", 2.5, "request", 2, json!({ "t0_ns": "1002000", "dur_ns": "500" })),
            raw("e", 3.0, "remote.get_meta", 1, none.clone()),
            raw("e", 4.0, "request", 1, none.clone()),
            raw("b", 5.0, "request", 3, none.clone()),
            raw("e", 6.0, "request", 3, none.clone()),
            raw("b", 5.0, "upload", 4, none.clone()),
            raw("e", 6.0, "upload", 4, none),
        ],
        64,
    );
    let upload = RowKind::Upload.first() as u64;
    let expected = [
        ("request", 1, 1002.0, 0.5),
        ("request", 2, 1000.0, 4.0),
        ("remote.get_meta", 2, 1001.0, 2.0),
        ("request", 1, 1005.0, 1.0),
        ("upload", upload, 1005.0, 1.0),
    ];
    assert_eq!(slices(&events), expected.map(|(name, row, ts, dur)| (name.to_owned(), row, ts, dur)));
}

#[test]
fn what_the_end_cut_off_is_marked() {
    let events = trace(&[raw("b", 0.0, "upload", 1, json!({ "bytes": "7" }))], 64);
    let upload = events.iter().find(|event| event["name"] == "upload").unwrap();
    assert_eq!(upload["args"], json!({ "bytes": 7, "unfinished": true }));
}
