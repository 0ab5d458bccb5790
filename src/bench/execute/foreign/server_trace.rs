//! Draws the S3 server's log in the trace of a round: a process of its own with a row for each connection.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::execute::go::go_view::own_trace::metadata;
use crate::results::run::write_whole;
use gocacheprog::s3_server::Record;

/// The end of a trace.
const END: &str = "\n]\n";
/// The most letters of a key in the name of a slice.
const LETTERS: usize = 24;

/// Adds the requests to the trace file of a session that started at `start_unix_ns`. `requests`: the number of the request of go
/// that each is for. `server` is the process of the S3 server.
///
/// # Errors
/// When the file cannot be read or written, or does not end as a trace does; it is as it was then.
pub fn add(path: &Path, start_unix_ns: u64, server: u32, records: &[Record], requests: &[Option<i64>]) -> Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let whole = text.trim_end().strip_suffix(']').map(str::trim_end);
    let mut added = whole.with_context(|| format!("{} has no end", path.display()))?.to_owned();
    for event in events(start_unix_ns, server, records, requests) {
        let separator = if added.ends_with('[') { "\n" } else { ",\n" };
        added += &format!("{separator}{event}");
    }
    added += END;
    write_whole(path, |file| Ok(file.write_all(added.as_bytes())?))
}

fn events(start_unix_ns: u64, server: u32, records: &[Record], requests: &[Option<i64>]) -> Vec<Value> {
    if records.is_empty() {
        return Vec::new();
    }
    let since_us = |unix_ns: u64| unix_ns.saturating_sub(start_unix_ns) as f64 / 1000.0;
    let name = json!({ "name": "S3 server: requests by connection" });
    let mut events = vec![metadata("process_name", server, None, name)];
    let connections: BTreeMap<u64, bool> = records.iter().map(|record| (record.connection, record.tls)).collect();
    for (number, tls) in connections {
        let name = json!({ "name": format!("connection {number}{}", if tls { " (https)" } else { "" }) });
        events.push(metadata("thread_name", server, usize::try_from(number).ok(), name));
    }
    for (record, request) in records.iter().zip(requests) {
        let Some(last_ns) = record.last_byte_unix_ns else { continue };
        let slice = |name: &str, from_ns: u64, to_ns: u64, args: Value| {
            let (from_us, to_us) = (since_us(from_ns), since_us(to_ns));
            json!({ "name": name, "cat": "s3", "ph": "X", "pid": server, "tid": record.connection, "ts": from_us,
                    "dur": to_us - from_us, "args": args })
        };
        if record.connect_delay_us > 0 {
            let from_ns = record.t_unix_ns.saturating_sub(record.connect_delay_us * 1000);
            events.push(slice(
                "new connection",
                from_ns,
                record.t_unix_ns,
                json!({ "round trips": record.connect_round_trips }),
            ));
        }
        let args = json!({ "key": record.key, "status": record.status, "bytes in": record.bytes_in, "bytes out": record.bytes_out,
                           "request of go": request });
        events.push(slice(&title(record), record.t_unix_ns, last_ns, args));
        if let Some(first_ns) = record.first_byte_unix_ns {
            events.push(slice("first byte", record.t_unix_ns, first_ns, json!({})));
        }
    }
    events
}

/// `GET 3f0a…-d`.
fn title(record: &Record) -> String {
    let key: String = record.key.chars().take(LETTERS).collect();
    let more = if key.len() < record.key.len() { "…" } else { "" };
    format!("{} {key}{more}", record.method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_slices_in_the_row_of_their_connection() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.json");
        std::fs::write(&path, "[\n{\"ph\":\"M\"}\n]\n").unwrap();
        let record = Record {
            t_unix_ns: 5_000_000,
            first_byte_unix_ns: Some(25_000_000),
            last_byte_unix_ns: Some(26_000_000),
            method: "GET".to_owned(),
            key: "0123456789abcdef0123456789abcdef".to_owned(),
            status: Some(200),
            connection: 3,
            connect_delay_us: 1000,
            ..Record::default()
        };
        add(&path, 1_000_000, 7, &[record, Record::default()], &[Some(12), None]).unwrap();
        let trace: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let found = trace.iter().find(|event| event["name"] == "GET 0123456789abcdef01234567…").unwrap();
        assert_eq!((&found["tid"], &found["ts"], &found["dur"]), (&json!(3), &json!(4000.0), &json!(21_000.0)));
        assert_eq!(found["args"]["request of go"], 12);
        let connection = trace.iter().find(|event| event["name"] == "new connection").unwrap();
        assert_eq!((&connection["ts"], &connection["dur"]), (&json!(3000.0), &json!(1000.0)));
        std::fs::write(&path, "[\n{").unwrap();
        assert!(add(&path, 0, 7, &[Record::default()], &[None]).is_err());
    }
}
