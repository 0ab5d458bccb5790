//! The strategy `pack` over an S3 server on loopback, request by request.

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use common::S3;
use common::backend::Backend;
use gocacheprog::cache::remote::s3_client::client::S3Client;
use gocacheprog::s3_server::{LinkSettings, Operation};
use serde_json::Value;

/// Bytes that no compression makes smaller: five of them fill a pack.
const BIG: usize = 1 << 20;

struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn start(&self, s3: &S3, arguments: &[&str]) -> Backend {
        let session = self.session();
        let _ = std::fs::remove_dir_all(&session);
        std::fs::create_dir(&session).unwrap();
        let mut variables = s3.variables();
        variables.push(("CACHEPROG_STRATEGY", "pack".to_owned()));
        let fixed = ["--session", session.to_str().unwrap()];
        Backend::start_with(self.folder.path(), &[&fixed, arguments].concat(), variables)
    }

    fn session(&self) -> std::path::PathBuf {
        self.folder.path().join("session")
    }

    fn read_session(&self) -> Value {
        common::read_session(&self.session())
    }

    fn store(&self) -> std::path::PathBuf {
        self.folder.path().join(".cache")
    }

    fn unsent(&self) -> usize {
        let files = std::fs::read_dir(self.store()).unwrap().flatten();
        let files = files.filter(|file| file.file_name().to_string_lossy().starts_with("unsent-"));
        files.map(|file| std::fs::read_to_string(file.path()).unwrap().lines().count()).sum()
    }
}

/// Different for each number.
fn body(n: u8, bytes: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(n.into());
    (0..bytes).map(|_| random.u8(..)).collect()
}

fn keys(s3: &S3, prefix: &str) -> BTreeSet<String> {
    let (client, mut keys) = (S3Client::connect(&s3.config()), BTreeSet::new());
    s3.block_on(client.list(prefix, |page| keys.extend(page.into_iter().map(|object| object.key)))).unwrap();
    keys
}

/// A session that puts `count` bodies of that size.
fn fill(s3: &S3, machine: &Machine, arguments: &[&str], count: u8, bytes: usize) {
    let mut backend = machine.start(s3, arguments);
    for n in 1..=count {
        assert!(backend.put(n.into(), n, &body(n, bytes))["DiskPath"].is_string());
    }
    backend.close(i64::from(count) + 1);
    let (code, _, stderr) = backend.end();
    assert_eq!((code, stderr.as_str()), (Some(0), "CacheProg used.\n"));
}

fn assert_hit(answer: &Value, expected: &[u8]) {
    let path = answer["DiskPath"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert!(std::fs::read(path).unwrap() == expected, "{answer}");
}

#[test]
fn a_session_of_few_questions_does_not_fetch_the_world() {
    let s3 = S3::start();
    fill(&s3, &Machine::new(), &[], 100, BIG);
    let packs = keys(&s3, "packs-v1/").len();
    assert!(packs >= 20, "{packs}");
    let other = Machine::new();
    let mut backend = other.start(&s3, &[]);
    for n in 1..=5 {
        assert_hit(&backend.get(n.into(), n), &body(n, BIG));
    }
    backend.end();
    let fetched =
        s3.server.log_since(0).iter().filter(|r| r.op == Operation::Get && r.key.starts_with("packs")).count();
    assert!(fetched <= packs / 2, "{fetched} of {packs}");
}

#[test]
fn plain_objects_are_written_beside_packs_where_that_is_asked_for() {
    let s3 = S3::start();
    fill(&s3, &Machine::new(), &["--plain"], 3, 5000);
    assert_eq!((keys(&s3, "packs-v1/").len(), keys(&s3, "manifests-v1/").len(), keys(&s3, "").len()), (1, 1, 8));
    let reader = Machine::new();
    let mut backend = reader.start(&s3, &["--strategy", "async"]);
    assert_hit(&backend.get(1, 2), &body(2, 5000));
    backend.end();
}

#[test]
fn a_detached_session_lets_go_go_on_and_its_uploads_come_out() {
    let s3 = S3::start();
    let machine = Machine::new();
    s3.server.set_link(LinkSettings { first_byte: Duration::from_millis(500), ..LinkSettings::NONE });
    let mut backend = machine.start(&s3, &["--detach"]);
    backend.put(1, 1, &body(1, 5000));
    backend.close(2);
    assert_eq!(keys_by_log(&s3, "manifests"), 0, "go may go on before the manifest is out");
    let (code, ..) = backend.end();
    assert_eq!(code, Some(0));
    assert_eq!((keys(&s3, "packs-v1/").len(), keys(&s3, "manifests-v1/").len()), (1, 1));
    let session = machine.read_session();
    assert_eq!((&session["uploads_done"], &session["uploads_left"]), (&Value::from(1), &Value::from(0)), "{session}");
}

fn keys_by_log(s3: &S3, prefix: &str) -> usize {
    let log = s3.server.log_since(0);
    log.iter().filter(|r| r.op == Operation::Put && r.key.starts_with(prefix) && r.status == Some(200)).count()
}

#[test]
fn what_could_not_be_sent_is_sent_by_the_next_session_that_puts_something() {
    let s3 = S3::start();
    let machine = Machine::new();
    // Nobody may write: the link answers after the session's patience is over.
    s3.server.set_link(LinkSettings { first_byte: Duration::from_secs(20), ..LinkSettings::NONE });
    let mut backend = machine.start(&s3, &["--drain-deadline", "0.1"]);
    for n in 1..=3 {
        backend.put(n.into(), n, &body(n, 5000));
    }
    let (code, _, stderr) = backend.end();
    assert!(code == Some(0) && stderr.contains("3 entries are not in the remote yet"), "{stderr}");
    assert_eq!(machine.unsent(), 3);

    s3.server.set_link(LinkSettings::NONE);
    let mark = s3.server.mark();
    let mut reading = machine.start(&s3, &[]);
    assert_hit(&reading.get(1, 1), &body(1, 5000));
    reading.end();
    assert_eq!((machine.unsent(), s3.server.mark()), (3, mark), "who only reads asks the remote for nothing");

    let mut backend = machine.start(&s3, &[]);
    backend.put(1, 9, &body(9, 5000));
    backend.close(2);
    backend.end();
    assert_eq!(machine.unsent(), 0);
    let other = Machine::new();
    let mut backend = other.start(&s3, &[]);
    for n in [1, 2, 3, 9] {
        assert_hit(&backend.get(n.into(), n), &body(n, 5000));
    }
    backend.end();
}

#[test]
fn small_packs_of_many_sessions_become_few() {
    let s3 = S3::start();
    let machine = Machine::new();
    for n in 1..=20 {
        let mut backend = machine.start(&s3, &[]);
        // The first get reads the manifests: who has not seen them merges none.
        backend.get(1, 200);
        backend.put(2, n, &body(n, 3000));
        backend.close(3);
        backend.end();
    }
    assert!(keys(&s3, "manifests-v1/").len() <= 8);
    let mark = s3.server.mark();
    let other = Machine::new();
    let mut backend = other.start(&s3, &[]);
    for n in 1..=20 {
        assert_hit(&backend.get(n.into(), n), &body(n, 3000));
    }
    backend.end();
    let gets =
        s3.server.log_since(mark).iter().filter(|r| r.op == Operation::Get && r.key.starts_with("packs")).count();
    assert!(gets <= 10, "{gets} packs for 20 entries of 20 sessions");
    assert_eq!(other.read_session()["misses"], 0);
}

#[test]
fn a_remote_too_slow_to_wait_for_is_given_up_and_misses_come_at_once() {
    let s3 = S3::start();
    fill(&s3, &Machine::new(), &[], 10, BIG);
    s3.server.set_link(LinkSettings { bandwidth_bytes_per_s: Some(20_000), ..LinkSettings::NONE });
    let machine = Machine::new();
    let mut backend = machine.start(&s3, &[]);
    for n in 1..=10 {
        assert_eq!(backend.get(n.into(), n)["Miss"], true);
    }
    let (code, _, stderr) = backend.end();
    assert_eq!(code, Some(0));
    assert!(stderr.contains("S3 is off for this build"), "{stderr}");
    assert_eq!(machine.read_session()["misses"], 10);
}

#[test]
fn a_store_that_takes_nothing_makes_misses_and_no_errors() {
    let s3 = S3::start();
    fill(&s3, &Machine::new(), &[], 3, 100_000);
    let machine = Machine::new();
    // Files in the places of the store and of the temporary folder: no body can be written there.
    std::fs::write(machine.store(), "").unwrap();
    let mut variables = s3.variables();
    variables.push(("TMPDIR", machine.store().to_str().unwrap().to_owned()));
    let mut backend = Backend::start_with(machine.folder.path(), &["--no-records"], variables);
    for n in 1..=3 {
        assert_eq!(backend.get(n.into(), n)["Miss"], true);
    }
    let (code, _, stderr) = backend.end();
    assert_eq!(code, Some(0));
    assert_eq!(stderr.matches("nothing more is fetched by this build").count(), 1, "{stderr}");
}

#[test]
fn the_place_of_a_store_that_cannot_be_written_takes_what_is_fetched_and_put() {
    let s3 = S3::start();
    fill(&s3, &Machine::new(), &[], 3, 100_000);
    let machine = Machine::new();
    std::fs::write(machine.store(), "").unwrap();
    let mut backend = machine.start(&s3, &[]);
    for n in 1..=3 {
        assert_eq!(backend.get(n.into(), n)["Size"], 100_000);
    }
    assert!(Path::new(backend.put(4, 4, b"body")["DiskPath"].as_str().unwrap()).exists());
    let (code, _, stderr) = backend.end();
    assert_eq!(code, Some(0));
    assert_eq!(stderr.matches("cannot write to").count(), 1, "{stderr}");
}

#[test]
fn packs_that_are_out_are_told_of_though_others_are_stuck() {
    let s3 = S3::start();
    let machine = Machine::new();
    let mut backend = machine.start(&s3, &["--drain-deadline", "6"]);
    let count = 40;
    for n in 1..=count {
        // From here on nothing that is sent gets an answer.
        if n == 30 {
            common::wait_until("some packs", || keys_by_log(&s3, "packs-v1/") >= 5);
            s3.server.set_faults(vec!["silence".parse().unwrap()], 0);
        }
        if n == 36 {
            common::wait_until("a request that is stuck", || s3.server.stats("").in_flight > 0);
            s3.server.set_faults(Vec::new(), 0);
        }
        backend.put(n.into(), n, &body(n, BIG));
    }
    backend.close(100);
    let (_, _, stderr) = backend.end();
    assert!(stderr.contains("entries are not in the remote yet"), "{stderr}");
    assert_eq!(keys(&s3, "manifests-v1/").len(), 1);
    let session = machine.read_session();
    let [done, left] = ["uploads_done", "uploads_left"].map(|name| session[name].as_u64().unwrap());
    assert!(done >= 20 && left > 0 && done + left == u64::from(count), "{session}");
    let reader = Machine::new();
    let mut backend = reader.start(&s3, &[]);
    assert_hit(&backend.get(1, 1), &body(1, BIG));
    backend.end();
}

#[test]
fn a_session_whose_packs_are_all_out_tells_of_them() {
    let s3 = S3::start();
    let machine = Machine::new();
    let mut backend = machine.start(&s3, &[]);
    for n in 1..=4 {
        backend.put(n.into(), n, &body(n, BIG));
    }
    common::wait_until("the pack that they fill", || keys_by_log(&s3, "packs-v1/") == 1);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(keys_by_log(&s3, "manifests-v1/"), 0, "nothing tells of it yet");
    backend.close(5);
    backend.end();
    assert_eq!(keys_by_log(&s3, "manifests-v1/"), 1);
    assert_eq!(machine.read_session()["uploads_done"], 4);
}

#[test]
fn an_empty_output_that_the_packs_have_is_not_sent_again() {
    let s3 = S3::start();
    let machine = Machine::new();
    let mut backend = machine.start(&s3, &[]);
    backend.put(1, 1, b"");
    backend.put(2, 2, b"body");
    backend.close(3);
    backend.end();
    let other = Machine::new();
    let mut backend = other.start(&s3, &[]);
    assert_hit(&backend.get(1, 2), b"body");
    let sent = |s3: &S3| s3.server.log_since(0).iter().filter(|r| r.op == Operation::Put).count();
    let before = sent(&s3);
    backend.put(2, 1, b"");
    backend.close(3);
    backend.end();
    assert_eq!(sent(&s3), before, "as go does after each link");
}

#[test]
fn what_the_workshops_strategy_could_not_send_goes_out_with_the_next_session() {
    let s3 = S3::start();
    let machine = Machine::new();
    s3.server.set_faults(vec!["slow-down".parse().unwrap()], 0);
    let workshop = ["--strategy", "workshop"];
    let mut backend = machine.start(&s3, &workshop);
    backend.put(1, 1, b"first");
    backend.close(2);
    backend.end();
    s3.server.set_faults(Vec::new(), 0);
    let mut backend = machine.start(&s3, &workshop);
    backend.put(1, 2, b"second");
    backend.close(2);
    backend.end();
    assert_eq!(keys(&s3, "").len(), 4, "two objects each");
}

#[test]
fn a_key_that_may_not_delete_merges_nothing() {
    let s3 = S3::start();
    s3.server.set_faults(vec!["no-delete".parse().unwrap()], 0);
    let machine = Machine::new();
    for n in 1..=12 {
        let mut backend = machine.start(&s3, &[]);
        backend.get(1, 200);
        backend.put(2, n, &body(n, 3000));
        backend.close(3);
        backend.end();
    }
    assert_eq!(keys(&s3, "manifests-v1/").len(), 12, "each session's own, and no more");
    assert_eq!(keys(&s3, "packs-v1/").len(), 12);
}

#[test]
fn a_burst_of_refusals_at_the_start_does_not_cost_the_hits() {
    let s3 = S3::start();
    fill(&s3, &Machine::new(), &[], 3, 5000);
    s3.server.set_faults(vec!["slow-down".parse().unwrap()], 0);
    let mark = s3.server.mark();
    let machine = Machine::new();
    let mut backend = machine.start(&s3, &[]);
    let question = std::thread::spawn(move || (backend.get(1, 1), backend));
    common::wait_until("three refusals", || s3.server.mark() >= mark + 3);
    s3.server.set_faults(Vec::new(), 0);
    let (answer, mut backend) = question.join().unwrap();
    assert_hit(&answer, &body(1, 5000));
    for n in 2..=3 {
        assert_hit(&backend.get(n.into(), n), &body(n, 5000));
    }
    backend.end();
}

#[test]
fn what_earlier_sessions_left_waits_for_a_remote_that_takes_something() {
    let s3 = S3::start();
    s3.server.set_faults(vec!["read-only".parse().unwrap()], 0);
    let machine = Machine::new();
    for (n, unsent) in [(1, 1), (2, 2), (3, 3)] {
        let mark = s3.server.mark();
        let mut backend = machine.start(&s3, &[]);
        backend.put(1, n, &body(n, 5000));
        backend.close(2);
        let (_, _, stderr) = backend.end();
        assert!(stderr.contains("nothing more is uploaded by this build"), "{stderr}");
        let puts = s3.server.log_since(mark).iter().filter(|record| record.op == Operation::Put).count();
        assert_eq!((puts, machine.unsent()), (1, unsent), "its own pack, once");
    }
    s3.server.set_faults(Vec::new(), 0);
    let mut backend = machine.start(&s3, &[]);
    backend.put(1, 4, &body(4, 5000));
    backend.close(2);
    let (_, _, stderr) = backend.end();
    assert_eq!((machine.unsent(), stderr.as_str()), (0, "CacheProg used.\n"));
}

#[test]
fn an_end_in_the_middle_of_sending_what_gathered_waits_for_its_manifest() {
    let s3 = S3::start();
    s3.server.set_link(LinkSettings { first_byte: Duration::from_secs(2), ..LinkSettings::NONE });
    let machine = Machine::new();
    let mut backend = machine.start(&s3, &[]);
    for n in 1..=3 {
        backend.put(n.into(), n, &body(n, 5000));
    }
    // Nothing more comes: after a while it goes out without an end. The first request is the listing, which may still be open.
    common::wait_until("a pack on its way", || s3.server.mark() > 1 && s3.server.stats("").in_flight > 0);
    backend.close(4);
    let (_, _, stderr) = backend.end();
    assert_eq!(stderr, "CacheProg used.\n");
    assert_eq!((keys(&s3, "manifests-v1/").len(), machine.unsent()), (1, 0));
}

#[test]
fn a_large_output_is_written_plainly_too_where_that_is_asked_for() {
    let s3 = S3::start();
    let large = vec![7; 65 << 20];
    let machine = Machine::new();
    let mut backend = machine.start(&s3, &["--plain"]);
    backend.put(1, 1, &large);
    backend.close(2);
    let (_, _, stderr) = backend.end();
    assert_eq!(stderr, "CacheProg used.\n");
    assert_eq!((keys(&s3, "packs-v1/").len(), keys(&s3, "").len(), machine.unsent()), (1, 4, 0));
}
