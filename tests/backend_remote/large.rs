//! Outputs that are too large for a pack reach the remote too.

use std::time::Duration;

use gocacheprog::s3_server::{LinkSettings, Operation, Record};

use crate::common::S3;
use crate::machine::{Fake, Machine, NOTHING_LISTED, at, path_of};

const LARGE: usize = 65 << 20;

fn large(n: u8) -> Vec<u8> {
    let mut body = vec![n; LARGE + usize::from(n)];
    // So that a piece in another place would be noticed.
    body.chunks_mut(1000).zip(0_u64..).for_each(|(chunk, at)| chunk[0] = at as u8);
    body
}

fn put_keys(s3: &S3) -> Vec<String> {
    let log = s3.server.log_since(0);
    log.into_iter().filter(|record| record.op == Operation::Put).map(|record| record.key).collect()
}

#[test]
fn another_machine_hits_on_large_outputs_and_no_session_holds_them_in_memory() {
    let s3 = S3::start();
    let writer = Machine::new();
    // A profile reads all symbols of the program, which takes more memory than anything here.
    let arguments = ["--cpu-profile", "off"];
    let mut backend = writer.start(&s3.variables(), &arguments);
    backend.put(1, 1, &large(1));
    backend.put(2, 2, &large(2));
    backend.put(3, 3, b"a small one");
    backend.close(4);
    let (_, _, said) = backend.end();
    assert_eq!((said.as_str(), writer.unsent()), ("", 0));
    assert_eq!(writer.session()["uploads_left"], 0);
    let keys = put_keys(&s3);
    assert_eq!(keys.iter().filter(|key| key.starts_with("packs-v1/")).count(), 3, "{keys:?}");

    let reader = Machine::new();
    let mut backend = reader.start(&s3.variables(), &arguments);
    let small = backend.get(3, 3);
    assert_eq!(std::fs::read(path_of(&small)).unwrap(), b"a small one");
    let fetched = |s3: &S3| s3.server.log_since(0).iter().map(|record| record.bytes_out).sum::<u64>();
    assert!(fetched(&s3) < LARGE as u64, "what is large is not fetched ahead");
    for n in [1, 2] {
        let answer = backend.get(n.into(), n);
        assert!(std::fs::read(path_of(&answer)).unwrap() == large(n), "{answer}");
    }
    backend.close(4);
    backend.end();
    let (wrote, read) = (writer.session(), reader.session());
    assert_eq!((&read["misses"], &read["hits_remote"]), (&0.into(), &3.into()), "{read}");
    for (name, session) in [("writer", wrote), ("reader", read)] {
        let peak = session["peak_rss_bytes"].as_u64().unwrap();
        assert!(peak < LARGE as u64, "{name}: {peak} bytes of memory for bodies of {LARGE}");
    }
}

#[test]
fn a_large_output_goes_out_plainly_where_plain_objects_do() {
    let s3 = S3::start();
    let machine = Machine::new();
    let mut backend = machine.start(&s3.variables(), &["--strategy", "async"]);
    backend.put(1, 1, &large(1));
    backend.close(2);
    backend.end();
    assert_eq!((put_keys(&s3).len(), machine.unsent()), (2, 0));
    let reader = Machine::new();
    let mut backend = reader.start(&s3.variables(), &[]);
    let answer = backend.get(1, 1);
    assert!(std::fs::read(path_of(&answer)).unwrap() == large(1), "{answer}");
    backend.end();
}

#[test]
fn one_that_comes_too_slowly_is_given_up_and_the_rest_still_comes() {
    let s3 = S3::start();
    let writer = Machine::new();
    let mut backend = writer.start(&s3.variables(), &[]);
    for n in [1, 2] {
        backend.put(n.into(), n, &large(n));
    }
    backend.put(3, 3, b"a small one");
    backend.close(4);
    backend.end();
    s3.server.set_link(LinkSettings { bandwidth_bytes_per_s: Some(1 << 20), ..LinkSettings::NONE });
    let reader = Machine::new();
    let mut backend = reader.start(&s3.variables(), &[]);
    // The small one lies among the packs too, and may be fetched ahead meanwhile.
    let log = s3.server.log_since(0);
    let is_large = |record: &&Record| record.op == Operation::Put && record.bytes_in > LARGE as u64;
    let large_keys: Vec<_> = log.iter().filter(is_large).map(|record| record.key.clone()).collect();
    assert_eq!(large_keys.len(), 2, "{log:?}");
    let large_gets = || {
        let log = s3.server.log_since(0);
        log.iter().filter(|record| record.op == Operation::Get && large_keys.contains(&record.key)).count()
    };
    assert_eq!(backend.get(1, 1)["Miss"], true);
    assert_eq!(backend.get(2, 2)["Miss"], true);
    let asked = large_gets();
    assert_eq!(std::fs::read(path_of(&backend.get(3, 3))).unwrap(), b"a small one");
    backend.close(4);
    let (_, _, said) = backend.end();
    assert!(said.is_empty() && asked <= 1, "{asked} large outputs were asked for; {said}");
    let left: Vec<_> = std::fs::read_dir(reader.store().join("tmp")).unwrap().collect();
    assert!(left.is_empty() && reader.files("remote-").is_empty(), "{left:?}");
}

#[test]
fn one_that_is_up_and_in_no_manifest_is_sent_again() {
    let fake = Fake::answering(|request| match () {
        () if request.contains("list-type=2") => ("200 OK", NOTHING_LISTED),
        () if request.starts_with("PUT") && request.contains("manifests-v1/") => ("500 Internal Server Error", ""),
        () if request.starts_with("PUT") => ("200 OK", ""),
        () => ("404 Not Found", ""),
    });
    let machine = Machine::new();
    let mut backend = machine.start(&at(&fake.endpoint), &[]);
    backend.put(1, 1, &large(1));
    backend.close(2);
    backend.end();
    assert_eq!(machine.unsent(), 1);
}

#[test]
fn one_that_the_end_cuts_off_is_not_begun_again_by_each_later_session() {
    let s3 = S3::start();
    let machine = Machine::new();
    s3.server.set_link(LinkSettings { bandwidth_bytes_per_s: Some(1 << 20), ..LinkSettings::NONE });
    let mut backend = machine.start(&s3.variables(), &["--drain-deadline", "2"]);
    backend.get(1, 9);
    backend.put(2, 1, &large(1));
    std::thread::sleep(Duration::from_millis(500));
    backend.close(3);
    let (_, _, said) = backend.end();
    assert!(said.contains("1 entry is not in the remote yet"), "{said}");
    assert_eq!((machine.session()["uploads_left"].as_u64(), machine.unsent()), (Some(1), 0));
}
