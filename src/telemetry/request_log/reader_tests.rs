//! Tests of the request log: what was written is read back, and what is not of the format is named.

use proptest::prelude::*;

use super::*;
use crate::protocol::OutputId;
use crate::telemetry::model::clock::Clock;
use crate::telemetry::model::kind::RequestKind;
use crate::telemetry::request_log::writer::{RequestLines, RequestLog};

const FIRST: &str = "# cacheprog request log, version 2, start_unix_ns=17 pid=4 go=-\n";

fn request() -> impl Strategy<Value = Request> {
    let id = || any::<[u8; 32]>();
    let command = prop_oneof![
        id().prop_map(|action| Command::Get { action: ActionId::new(action) }),
        (id(), id(), any::<u64>()).prop_map(|(action, output, body_bytes)| {
            Command::Put { action: ActionId::new(action), output: OutputId::new(output), body_bytes }
        }),
        Just(Command::Close),
        (any::<String>(), any::<u64>()).prop_map(|(name, body_bytes)| Command::Unknown { name, body_bytes }),
    ];
    (any::<i64>(), command).prop_map(|(id, command)| Request { id, command })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        any::<bool>().prop_map(|is_foreign| Outcome::HitLocal { is_foreign }),
        Just(Outcome::HitRemote),
        any::<bool>().prop_map(|is_foreign| Outcome::Hit { is_foreign }),
        Just(Outcome::Miss),
        Just(Outcome::Stored),
        Just(Outcome::Closed),
        Just(Outcome::Error),
    ]
}

/// An answer to a request, with times after each other.
fn answer(to: Request) -> impl Strategy<Value = Answer> {
    let parts = (outcome(), any::<Option<([u8; 32], u64)>>(), any::<Option<String>>(), any::<[u32; 6]>());
    parts.prop_map(move |(outcome, output, error, took)| {
        let (kind, action) = match &to.command {
            Command::Get { action } => (RequestKind::Get, Some(*action)),
            Command::Put { action, .. } => (RequestKind::Put, Some(*action)),
            Command::Close => (RequestKind::Close, None),
            Command::Unknown { .. } => (RequestKind::Unknown, None),
        };
        let mut at_ns = 0;
        let [arrived_ns, started_ns, body_ns, local_ns, decided_ns, answered_ns] = took.map(|ns| {
            at_ns += u64::from(ns);
            at_ns
        });
        let times = Times { arrived_ns, started_ns, body_ns, local_ns, decided_ns, answered_ns, ..Times::default() };
        let (output, bytes) = output.map(|(output, bytes)| (OutputId::new(output), bytes)).unzip();
        Answer { id: to.id, kind, action, output, bytes, outcome, error, times }
    })
}

fn exchange() -> impl Strategy<Value = [(u64, Line); 2]> {
    let answered = request().prop_flat_map(|request| (Just(request.clone()), answer(request)));
    answered.prop_map(|(request, answer)| {
        let (came_ns, left_ns) = (answer.times.arrived_ns, answer.times.answered_ns);
        [(came_ns, Line::Request(request)), (left_ns, Line::Answer(answer))]
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read_back(exchanges in prop::collection::vec(exchange(), 0..8)) {
        let mut lines = Vec::new();
        for (number, mut exchange) in exchanges.into_iter().enumerate() {
            // Numbers are unique in a session.
            for (_, line) in &mut exchange {
                match line {
                    Line::Request(request) => request.id = number as i64,
                    Line::Answer(answer) => answer.id = number as i64,
                }
            }
            lines.extend(exchange);
        }
        let text = RequestLines(lines.clone()).format();
        prop_assert_eq!(text.lines().count(), lines.len());
        prop_assert!(text.lines().all(|line| line.len() < 600 || line.contains("name=") || line.contains("err=")));
        let read = read_request_log(&format!("{FIRST}{text}")).unwrap();
        prop_assert_eq!(read.lines, lines);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*") {
        let _ = read_request_log(&text);
        let _ = read_request_log(&format!("{FIRST}{text}"));
    }

    #[test]
    fn a_cut_line_is_named_by_its_number(exchange in exchange(), share in 0.0..1.0) {
        let text = RequestLines(exchange.to_vec()).format();
        let last = text.lines().last().unwrap();
        let keep = (last.len() as f64 * share) as usize;
        let cut = text.len() - 1 - last.len() + keep;
        prop_assume!(text.is_char_boundary(cut) && keep > 0);
        match read_request_log(&format!("{FIRST}{}", &text[..cut])) {
            Err(error) => prop_assert_eq!(error.number, 3),
            // A cut that leaves a whole line: before an `err` that comes last, say, or within a number.
            Ok(read) => prop_assert_eq!(read.lines.len(), 2),
        }
    }
}

#[test]
fn the_written_file_has_a_header_that_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("request.txt");
    let clock = Clock::start();
    let mut log = RequestLog::create(&path, &clock).unwrap();
    let mut lines = RequestLines::default();
    lines.request(5, Request { id: 1, command: Command::Close });
    log.write(&lines);
    let read = read_request_log(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!((read.start_unix_ns, read.pid), (clock.start_unix_ns(), std::process::id()));
    assert_eq!(read.lines, [(5, Line::Request(Request { id: 1, command: Command::Close }))]);
}

#[test]
fn each_mistake_is_named() {
    let of = |line: &str| read_request_log(&format!("{FIRST}{line}\n")).unwrap_err().to_string();
    assert_eq!(of("000000.00 -> 1 close"), "line 2: \"000000.00\" is no time");
    assert_eq!(of("18446744073.709551615 -> 1 close"), "line 2: \"18446744073.709551615\" is no time");
    assert_eq!(of("000000.000000001 -> x close"), "line 2: \"x\" is no request's number");
    assert_eq!(of("000000.000000001 == 1 close"), "line 2: \"==\" is neither -> nor <-");
    assert_eq!(of("000000.000000001 -> 1 get action=AA"), "line 2: action=AA is not 32 bytes of base64");
    assert_eq!(of("000000.000000001 <- 1 get hit took_ns=0"), "line 2: a hit without a source");
    let wrong = "000000.000000009 <- 1 close closed took_ns=9 queue_ns=0 body_ns=0 local_ns=0 remote_ns=0 respond_ns=1";
    assert_eq!(of(wrong), "line 2: the stages do not add up to took_ns=9");
    let kept = "000000.000000001 <- 1 close closed took_ns=1 queue_ns=0 body_ns=0 local_ns=0 remote_ns=0 respond_ns=1 kept_ns=2";
    assert_eq!(of(kept), "line 2: kept_ns=2 is longer than the session");
    assert_eq!(read_request_log("").unwrap_err().number, 1);
}
