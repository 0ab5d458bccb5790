use super::*;
use crate::execute::backend::session::tests::quiet;
use crate::results::time_breakdown::tests::{answer, log};
use gocacheprog::protocol::{ActionId, OutputId};
use gocacheprog::telemetry::ProgramSeen;

const MS: u64 = 1_000_000;
const START: u64 = 1_000_000_000_000;

/// A request that the program has from `from` to `to`, milliseconds.
fn open(kind: &str, from_ms: u64, to_ms: u64) -> (u64, Line) {
    let (from, to) = (from_ms * MS, to_ms * MS);
    let (at, Line::Answer(mut answer)) = answer(kind, from, [from, from, to, to, to]) else { panic!() };
    answer.outcome = if kind == "get" { Outcome::Hit { is_foreign: true } } else { Outcome::Stored };
    (at, Line::Answer(answer))
}

/// An S3 request from `from` to `to` milliseconds, whose answer begins a millisecond before its end.
fn exchange(op: Operation, key: &str, from_ms: u64, to_ms: u64) -> Record {
    let at = |ms: u64| START + ms * MS;
    Record {
        t_unix_ns: at(from_ms),
        first_byte_unix_ns: Some(at(to_ms - 1)),
        last_byte_unix_ns: Some(at(to_ms)),
        op,
        key: key.to_owned(),
        status: Some(200),
        bytes_out: 10,
        bytes_in: 5,
        ..Record::default()
    }
}

fn joined(lines: Vec<(u64, Line)>, records: &[Record]) -> (LoggedSession, SessionSummary, Vec<SpanSum>) {
    let mut log = LoggedSession { start_unix_ns: START, ..log(lines) };
    let mut session = quiet();
    session.counts.hits_unknown = 9;
    session.seen = Some(Box::new(ProgramSeen {
        close_ns: Some(100 * MS),
        stdout_end_ns: Some(150 * MS),
        ..ProgramSeen::default()
    }));
    let Joined { spans, requests } = join(&mut log, &mut session, records);
    assert_eq!(requests.len(), records.len());
    (log, session, spans)
}

fn sum(spans: &[SpanSum], path: &str) -> (u64, u64) {
    spans.iter().find(|span| span.path == path).map_or((0, 0), |span| (span.count, span.wall_ns / MS))
}

#[test]
fn three_requests_in_a_row_are_the_gets_own() {
    let records = [
        exchange(Operation::Head, "x", 12, 32),
        exchange(Operation::Get, "x", 33, 53),
        exchange(Operation::Get, "y", 54, 74),
    ];
    let (log, session, spans) = joined(vec![open("get", 10, 80)], &records);
    let Line::Answer(answer) = &log.lines[0].1 else { panic!() };
    assert_eq!((answer.times.local_ns, answer.times.decided_ns), (12 * MS, 80 * MS));
    assert_eq!(sum(&spans, "request;get;remote.stat_meta"), (1, 20));
    assert_eq!(sum(&spans, "request;get;remote.get_data;first_byte"), (2, 38));
    assert_eq!(sum(&spans, "request;get;remote.get_data"), (2, 2));
    assert_eq!(sum(&spans, "request;get;verify"), (1, 6));
    assert_eq!((session.counts.hits_remote, session.counts.hits_unknown), (1, 8));
    assert_eq!((session.remote_requests, session.most_downloads, session.bytes_down), (3, Some(1), 20));
}

#[test]
fn a_get_that_waits_for_the_download_of_another_waits_for_the_remote() {
    let records = [exchange(Operation::Get, "x", 12, 32), exchange(Operation::Get, "y", 33, 53)];
    let (log, _, _) = joined(vec![open("get", 10, 32), open("get", 11, 60)], &records);
    let Line::Answer(second) = &log.lines[1].1 else { panic!() };
    assert_eq!(second.times.local_ns, 11 * MS);
}

#[test]
fn a_new_connection_is_a_part_of_its_request() {
    let mut record = exchange(Operation::Get, "x", 12, 32);
    (record.first_on_connection, record.connect_delay_us) = (true, 2000);
    let (log, _, spans) = joined(vec![open("get", 5, 80)], &[record]);
    assert_eq!(sum(&spans, "request;get;remote.get_data;connect"), (1, 2));
    assert_eq!(sum(&spans, "request;get;remote.get_data;first_byte"), (1, 19));
    assert_eq!(log.lines.len(), 1);
}

#[test]
fn an_upload_belongs_to_its_put_only_if_it_ends_within_it() {
    let records = [
        exchange(Operation::Put, "a", 12, 30),
        exchange(Operation::Put, "b", 35, 60),
        exchange(Operation::Put, "c", 90, 120),
        exchange(Operation::Put, "d", 110, 130),
    ];
    let (_, session, spans) = joined(vec![open("put", 10, 40), open("get", 11, 20)], &records);
    assert_eq!(sum(&spans, "request;put;remote.put_data;first_byte"), (1, 17));
    assert_eq!(sum(&spans, "upload;remote.put_data;first_byte").0, 3);
    assert_eq!(session.counts.hits_local, 1);
    // From 100, when go closed, to 130.
    assert_eq!((session.close_sending_ns, session.uploads_done), (Some(30 * MS), 4));
}

#[test]
fn a_key_that_names_a_request_decides_and_time_does_not() {
    let id = |letter: &str| format!("{}=", letter.repeat(43));
    let named = |mut line: (u64, Line), letter: &str| {
        if let Line::Answer(answer) = &mut line.1 {
            answer.action = ActionId::from_wire(&id(letter));
            answer.output = OutputId::from_wire(&id(letter));
        }
        line
    };
    let lines = vec![named(open("get", 10, 80), "A"), named(open("get", 20, 70), "E")];
    let records = [
        exchange(Operation::Get, &id("E"), 22, 60),
        exchange(Operation::Get, &id("E"), 75, 79),
        exchange(Operation::Get, &id("A"), 40, 60),
        exchange(Operation::List, "", 30, 50),
    ];
    let (log, _, spans) = joined(lines, &records);
    let begin = |at: usize| {
        let Line::Answer(answer) = &log.lines[at].1 else { panic!() };
        answer.times.local_ns / MS
    };
    assert_eq!((begin(0), begin(1)), (30, 22));
    assert_eq!(sum(&spans, "prefetch;remote.get_data;first_byte").0, 1, "of a get that was answered before");
}
