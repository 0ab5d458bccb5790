//! A remote that does a part of its work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gocacheprog::s3_server::LinkSettings;

use crate::common::backend::wire;
use crate::common::{S3, wait_until};
use crate::machine::{Fake, Machine, NOTHING_LISTED, assert_hits, assert_misses, at, lines};

const MISSING: (&str, &str) = ("404 Not Found", "");
const STRATEGIES: [&str; 3] = ["pack", "async", "workshop"];

/// Whether a request asks for the bucket, as the strategy `workshop` does once.
fn is_bucket(request: &str) -> bool {
    ["HEAD /cache ", "HEAD /cache/ "].iter().any(|begin| request.starts_with(begin))
}

#[test]
fn an_upload_that_is_refused_for_its_size_stops_no_other_and_is_not_sent_again() {
    for strategy in STRATEGIES {
        let puts = Arc::new(AtomicU64::new(0));
        let counted = puts.clone();
        let fake = Fake::answering(move |request| {
            if request.starts_with("PUT") {
                counted.fetch_add(1, Ordering::Relaxed);
                return ("413 Payload Too Large", "");
            }
            if request.contains("list-type=2") { ("200 OK", NOTHING_LISTED) } else { MISSING }
        });
        let machine = Machine::new();
        let (_, said) = machine.run(&at(&fake.endpoint), &["--strategy", strategy], &[], &[1, 2, 3]);
        assert!(lines(&said).len() == 1 && said.contains("too large for the remote"), "{strategy}: {said}");
        let sent = puts.load(Ordering::Relaxed);
        assert_eq!((sent, machine.unsent()), (if strategy == "pack" { 1 } else { 3 }, 0), "{strategy}");
        machine.run(&at(&fake.endpoint), &["--strategy", strategy], &[], &[4]);
        assert_eq!(puts.load(Ordering::Relaxed), sent + 1, "{strategy}");
    }
}

#[test]
fn some_objects_that_are_denied_are_misses_and_turn_nothing_off() {
    let asked = Arc::new(AtomicU64::new(0));
    let fake = Fake::answering(move |request| match () {
        () if request.contains("list-type=2") => ("200 OK", NOTHING_LISTED),
        () if is_bucket(request) => ("200 OK", ""),
        () if asked.fetch_add(1, Ordering::Relaxed) < 6 => ("403 Forbidden", ""),
        () => MISSING,
    });
    let (machine, gets) = (Machine::new(), (1..=20).collect::<Vec<u8>>());
    let (answers, said) = machine.run(&at(&fake.endpoint), &["--strategy", "workshop"], &gets, &[]);
    assert_misses(&answers);
    assert_eq!((said.as_str(), machine.files("remote-").len()), ("", 0));
}

#[test]
fn a_remote_that_lists_slowly_is_not_off() {
    let fake = Fake::answering(|request| {
        if request.contains("list-type=2") {
            std::thread::sleep(Duration::from_millis(3500));
            return ("200 OK", NOTHING_LISTED);
        }
        if request.starts_with("PUT") || is_bucket(request) { ("200 OK", "") } else { MISSING }
    });
    for strategy in STRATEGIES {
        for gets in [&[][..], &[1]] {
            let machine = Machine::new();
            let (answers, said) = machine.run(&at(&fake.endpoint), &["--strategy", strategy], gets, &[2]);
            assert_misses(&answers);
            assert_eq!((said.as_str(), machine.unsent()), ("", 0), "{strategy}");
        }
    }
}

#[test]
fn uploads_that_get_no_answer_are_given_up_and_not_waited_for_again() {
    let puts = Arc::new(AtomicU64::new(0));
    let counted = puts.clone();
    let fake = Fake::answering(move |request| {
        if request.starts_with("PUT") {
            counted.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_secs(60));
        }
        if request.contains("list-type=2") { ("200 OK", NOTHING_LISTED) } else { MISSING }
    });
    let machine = Machine::new();
    let (_, said) = machine.run(&at(&fake.endpoint), &["--drain-deadline", "60"], &[1], &[1]);
    let expected = ["nothing more is uploaded by this build: ", "no answer for", "(PUT)", "; not uploaded: 1 output"];
    assert!(lines(&said).len() == 1 && expected.iter().all(|text| said.contains(text)), "{said}");
    let sent = puts.load(Ordering::Relaxed);
    let (_, said) = machine.run(&at(&fake.endpoint), &["--drain-deadline", "60"], &[2], &[2]);
    let expected = ["nothing more is uploaded by this build (found ", "tried again in ", "(PUT)"];
    assert!(lines(&said).len() == 1 && expected.iter().all(|text| said.contains(text)), "{said}");
    assert_eq!((puts.load(Ordering::Relaxed), machine.unsent()), (sent, 2));
}

#[test]
fn packs_are_read_in_a_session_that_found_the_remote_off_and_back_again() {
    let s3 = S3::start();
    Machine::new().run(&s3.variables(), &[], &[], &[1]);
    s3.server.set_faults(vec!["drop".parse().unwrap()], 0);
    let machine = Machine::new();
    let mut backend = machine.start(&s3.variables(), &[]);
    assert_misses(&[backend.get(1, 1)]);
    assert_eq!(machine.state()["is_on"], false);
    s3.server.set_faults(Vec::new(), 0);
    let mut answer = serde_json::Value::Null;
    wait_until("a hit", || {
        answer = backend.get(2, 1);
        answer["DiskPath"].is_string()
    });
    assert_hits(&[answer], &[1]);
    backend.close(3);
    backend.end();
}

#[test]
fn what_the_end_of_a_session_cuts_off_leaves_no_file() {
    let s3 = S3::start();
    let (writer, reader) = (Machine::new(), Machine::new());
    let arguments = ["--strategy", "async", "--drain-deadline", "1"];
    let mut backend = writer.start(&s3.variables(), &["--strategy", "async"]);
    backend.put(1, 1, &vec![1; 4 << 20]);
    backend.close(2);
    backend.end();
    s3.server.set_link(LinkSettings { bandwidth_bytes_per_s: Some(256 << 10), ..LinkSettings::NONE });
    let mut backend = reader.start(&s3.variables(), &arguments);
    backend.send(&format!("{{\"ID\":1,\"Command\":\"get\",\"ActionID\":\"{}\"}}\n\n", wire(1)));
    let files = || std::fs::read_dir(reader.store().join("tmp")).into_iter().flatten().count();
    wait_until("a part of the body", || files() > 0);
    backend.close(2);
    backend.end();
    assert_eq!(files(), 0);
}
