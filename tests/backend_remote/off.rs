//! A remote that is down costs one session a little, and later ones nothing.

use std::sync::atomic::Ordering;

use crate::common::{S3, wait_until};
use crate::machine::{Fake, Machine, assert_hits, assert_misses, at, body, changed, deaf, lines};

#[test]
fn a_black_hole_is_asked_by_one_session_and_by_no_later_one() {
    let (silent, (deaf, _open)) = (Fake::silent(), deaf());
    for endpoint in [silent.endpoint.as_str(), deaf.as_str()] {
        let (machine, variables) = (Machine::new(), at(endpoint));
        let (answers, said) = machine.run(&variables, &[], &[1, 2], &[1, 2, 3]);
        assert_misses(&answers);
        let line = &lines(&said)[..];
        assert!(line.len() == 1 && line[0].starts_with("cacheprog: S3 is off for this build: "), "{said}");
        assert!(said.contains("no answer") && said.contains("; 3 outputs will be uploaded by a later one"), "{said}");
        assert!(!said.contains("the-secret") && !said.contains("the-id"), "{said}");
        let session = machine.session();
        assert!(session["remote_off"].as_str().unwrap().contains("no answer"), "{session}");
        assert_eq!((&session["remote_off_remembered"], machine.unsent()), (&false.into(), 3));

        let (asked, strategies) = (silent.connections(), ["pack", "async", "workshop"]);
        for (n, strategy) in (10..).zip(strategies) {
            let (answers, said) = machine.run(&variables, &["--strategy", strategy], &[n], &[n]);
            assert_misses(&answers);
            let is_said = ["(found ", " ago, tried again in ", "no answer", "; 1 output will be uploaded"];
            assert!(lines(&said).len() == 1 && is_said.iter().all(|text| said.contains(text)), "{said}");
            let session = machine.session();
            assert_eq!(session["remote_off_remembered"], true, "{session}");
            assert_eq!((&session["remote_requests"], silent.connections()), (&0.into(), asked), "{session}");
        }
        assert_eq!(machine.unsent(), 6);
    }
}

#[test]
fn an_upload_is_not_waited_for_where_no_remote_answers() {
    let silent = Fake::silent();
    for strategy in ["pack", "async", "workshop"] {
        let machine = Machine::new();
        let (_, said) = machine.run(&at(&silent.endpoint), &["--strategy", strategy], &[], &[1, 2]);
        assert!(lines(&said).len() == 1 && said.contains("S3 is off for this build"), "{strategy}: {said}");
        assert_eq!((machine.session()["uploads_left"].as_u64(), machine.unsent()), (Some(2), 2), "{strategy}");
    }
    assert_eq!(silent.connections(), 6, "a listing, and an object, each");
}

#[test]
fn what_fails_at_once_is_remembered_too() {
    let s3 = S3::start();
    let tls = s3.server.endpoint().replace("http://", "https://");
    for (name, value, reason) in [
        ("S3_ENDPOINT", "http://127.0.0.1:1", "refused"),
        ("S3_ENDPOINT", "http://no-such-host.invalid:9000", "cannot be reached"),
        ("S3_ENDPOINT", tls.as_str(), "write http://"),
        ("S3_ACCESS_KEY_ID", "nobody", "InvalidAccessKeyId"),
        ("S3_SECRET_ACCESS_KEY", "wrong-secret", "SignatureDoesNotMatch"),
        ("S3_BUCKET_NAME", "nowhere", "no bucket"),
    ] {
        let (machine, variables) = (Machine::new(), changed(&s3, name, value));
        let (_, said) = machine.run(&variables, &[], &[1], &[1]);
        assert!(lines(&said).len() == 1 && said.contains("S3 is off") && said.contains(reason), "{value}: {said}");
        let mark = s3.server.mark();
        let (answers, said) = machine.run(&variables, &[], &[2], &[2]);
        assert_misses(&answers);
        assert!(lines(&said).len() == 1 && said.contains("found") && said.contains(reason), "{value}: {said}");
        assert!(!said.contains("wrong-secret") && !said.contains(&s3.credentials.secret_access_key), "{said}");
        assert_eq!(s3.server.mark(), mark, "{value}: no request");
    }
}

#[test]
fn new_settings_are_tried_at_once_and_what_was_put_meanwhile_is_sent() {
    let (s3, machine) = (S3::start(), Machine::new());
    let wrong = changed(&s3, "S3_SECRET_ACCESS_KEY", "wrong-secret");
    machine.run(&wrong, &[], &[1], &[1]);
    let (answers, said) = machine.run(&s3.variables(), &[], &[2], &[2]);
    assert_misses(&answers);
    assert_eq!((said.as_str(), machine.unsent()), ("", 0));
    let other = Machine::new();
    assert_hits(&other.run(&s3.variables(), &[], &[1, 2], &[]).0, &[1, 2]);
}

#[test]
fn one_of_many_sessions_tries_a_remote_that_is_off() {
    let (silent, machine) = (Fake::silent(), Machine::new());
    let variables = at(&silent.endpoint);
    machine.run(&variables, &[], &[1], &[]);
    let asked = silent.connections();
    machine.age_state(60);
    let mut backends: Vec<_> = (0..8).map(|_| machine.start(&variables, &[])).collect();
    for (n, backend) in (1..).zip(&mut backends) {
        assert_misses(&[backend.get(1, n)]);
    }
    for backend in backends {
        let (code, _, said) = backend.end();
        assert!(code == Some(0) && lines(&said).len() == 1 && said.contains("found"), "{said}");
    }
    assert_eq!(silent.connections(), asked + 1);
    assert_eq!(machine.state()["wait_s"], 60, "it was in vain");
}

#[test]
fn a_remote_that_works_again_is_used_from_then_on() {
    let (s3, machine) = (S3::start(), Machine::new());
    Machine::new().run(&s3.variables(), &[], &[], &[1, 2, 3]);
    s3.server.set_faults(vec!["silence".parse().unwrap()], 0);
    machine.run(&s3.variables(), &[], &[1], &[11]);
    s3.server.set_faults(Vec::new(), 0);
    assert_misses(&machine.run(&s3.variables(), &[], &[1], &[]).0);
    machine.age_state(60);
    let mut backend = machine.start(&s3.variables(), &[]);
    assert_misses(&[backend.get(1, 1)]);
    wait_until("the probe", || machine.state()["is_on"] == true);
    // The file is there a moment before the session knows.
    wait_until("a hit", || backend.get(2, 2)["DiskPath"].is_string());
    backend.put(3, 12, &body(12));
    backend.close(4);
    let (_, _, said) = backend.end();
    assert!(lines(&said).len() == 1 && said.contains("S3 was off for a part of this build"), "{said}");
    assert_eq!((machine.unsent(), &machine.session()["remote_off_remembered"]), (0, &true.into()));
    let (answers, said) = machine.run(&s3.variables(), &[], &[3], &[]);
    assert_hits(&answers, &[3]);
    assert_eq!(said, "");
    assert_hits(&Machine::new().run(&s3.variables(), &[], &[11, 12], &[]).0, &[11, 12]);
}

#[test]
fn a_remote_that_comes_and_goes_is_left_alone_for_longer_each_time() {
    let (s3, machine) = (S3::start(), Machine::new());
    for wait_s in [30, 60, 120] {
        s3.server.set_faults(vec!["silence".parse().unwrap()], 0);
        machine.run(&s3.variables(), &[], &[1], &[]);
        assert_eq!(machine.state()["wait_s"], wait_s);
        s3.server.set_faults(Vec::new(), 0);
        machine.age_state(wait_s);
        machine.run(&s3.variables(), &[], &[2], &[]);
        wait_until("the probe", || machine.state()["is_on"] == true);
    }
}

#[test]
fn a_damaged_state_is_none() {
    let (s3, machine) = (S3::start(), Machine::new());
    s3.server.set_faults(vec!["drop".parse().unwrap()], 0);
    machine.run(&s3.variables(), &[], &[1], &[]);
    s3.server.set_faults(Vec::new(), 0);
    let file = &machine.files("remote-")[0];
    for damage in [&b""[..], b"\xff", b"{}", b"[1, 2]", &[0; 4096]] {
        std::fs::write(file, damage).unwrap();
        let (_, said) = machine.run(&s3.variables(), &[], &[1], &[]);
        assert_eq!((said.as_str(), &machine.session()["remote_off"]), ("", &serde_json::Value::Null));
    }
}

#[test]
fn a_session_that_needs_nothing_of_the_remote_does_not_touch_it() {
    let (silent, machine) = (Fake::silent(), Machine::new());
    machine.run(&Vec::new(), &[], &[], &[1]);
    let before = machine.files("");
    for strategy in ["pack", "async", "workshop"] {
        for gets in [&[][..], &[1]] {
            let (answers, said) = machine.run(&at(&silent.endpoint), &["--strategy", strategy], gets, &[]);
            assert_hits(&answers, gets);
            assert_eq!(said, "");
        }
    }
    assert_eq!((silent.connections(), machine.files("")), (0, before));
    let empty = Machine::new();
    let (code, _, said) = empty.start(&at(&silent.endpoint), &[]).end();
    assert_eq!((code, said.as_str(), silent.connections()), (Some(0), "", 0), "as `go list` without a question");
}

#[test]
fn rounds_of_a_benchmark_start_without_that_memory() {
    let machine = Machine::new();
    let variables = at("http://127.0.0.1:1");
    let session = machine.store().with_file_name("session");
    std::fs::create_dir(&session).unwrap();
    let (_, said) = machine.run(&variables, &["--session", session.to_str().unwrap()], &[1], &[1]);
    assert!(said.contains("refused") && machine.files("remote-").is_empty(), "{said}");
}

#[test]
fn a_remote_that_goes_away_while_uploads_wait_does_not_hold_the_end_of_the_build() {
    let (s3, machine) = (S3::start(), Machine::new());
    let mut backend = machine.start(&s3.variables(), &["--strategy", "async"]);
    assert_misses(&[backend.get(1, 1)]);
    wait_until("the listing", || s3.server.stats("").in_flight == 0 && s3.server.mark() >= 2);
    s3.server.set_faults(vec!["silence".parse().unwrap()], 0);
    backend.put(2, 2, &body(2));
    backend.close(3);
    let (code, _, said) = backend.end();
    assert!(code == Some(0) && said.contains("S3 is off for this build"), "{said}");
    assert_eq!(machine.state()["is_on"], false);
}

#[test]
fn a_listing_that_fails_is_not_asked_for_at_each_get() {
    let lists = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = lists.clone();
    let fake = Fake::answering(move |request| match request.contains("list-type=2") {
        true => {
            counted.fetch_add(1, Ordering::Relaxed);
            ("500 Internal Server Error", "")
        }
        false => ("404 Not Found", ""),
    });
    let gets: Vec<u8> = (1..60).collect();
    for (strategy, most) in [("async", 1), ("pack", 9)] {
        let machine = Machine::new();
        let before = lists.load(Ordering::Relaxed);
        let (answers, said) = machine.run(&at(&fake.endpoint), &["--strategy", strategy], &gets, &[]);
        assert_misses(&answers);
        let asked = lists.load(Ordering::Relaxed) - before;
        assert!((1..=most).contains(&asked), "{strategy}: {asked} lists; {said}");
        if strategy == "pack" {
            assert!(lines(&said).len() == 1 && said.contains("nothing was fetched from S3 by this build"), "{said}");
        }
    }
}
