//! The bounded local store, through the real binary: what leaves, what stays, and who keeps it.

mod common;

use common::backend::{Backend, output_of};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

const DAYS: Duration = Duration::from_secs(24 * 3600);

/// A store in which one session has put what is asked for: the action is the first byte of its body.
struct Store(tempfile::TempDir);

impl Store {
    fn with(bodies: &[&[u8]]) -> Self {
        let store = Self(tempfile::tempdir().unwrap());
        let mut backend = store.session(&[]);
        for (id, body) in (1..).zip(bodies) {
            backend.put(id, body[0], body);
        }
        backend.end();
        store
    }

    fn session(&self, flags: &[&str]) -> Backend {
        Backend::start(self.0.path(), &[&["--quiet", "--no-records"], flags].concat())
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join(".cache")
    }

    fn body(&self, content: &[u8]) -> PathBuf {
        self.folder().join(output_of(content).replace('/', "-") + "-d")
    }

    /// Lets a body have come in so many days ago.
    fn date_back(&self, content: &[u8], days: u32) {
        date_back(&self.body(content), days);
    }

    /// The next end of a session trims.
    fn make_due(&self) {
        std::fs::write(self.folder().join("trim.txt"), "0").unwrap();
    }

    fn is_due(&self) -> bool {
        std::fs::read_to_string(self.folder().join("trim.txt")).unwrap() == "0"
    }

    fn index_bytes(&self) -> u64 {
        std::fs::metadata(self.folder().join("index")).unwrap().len()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        command(self.0.path(), arguments).output().unwrap()
    }

    fn verify(&self) {
        let verified = self.run(&["verify"]);
        assert!(verified.status.success(), "{verified:?}");
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = common::cacheprog();
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

fn date_back(path: &Path, days: u32) {
    let time = SystemTime::now() - days * DAYS;
    std::fs::File::open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn what_was_not_used_for_days_leaves_and_what_was_stays() {
    let store = Store::with(&[b"1 old", b"2 used", b"3 young"]);
    store.date_back(b"1 old", 9);
    store.date_back(b"2 used", 9);
    store.make_due();
    let mut backend = store.session(&[]);
    assert_eq!(backend.get(1, b'2')["Size"], 6);
    assert_eq!(backend.end(), (Some(0), String::new(), String::new()), "it says nothing");
    assert!(!store.body(b"1 old").exists() && !store.is_due());
    store.verify();
    let mut backend = store.session(&[]);
    assert_eq!(backend.get(1, b'1')["Miss"], true);
    assert_eq!((&backend.get(2, b'2')["Size"], &backend.get(3, b'3')["Size"]), (&6.into(), &7.into()));
    backend.end();
}

#[test]
fn a_store_that_is_too_large_loses_the_least_recently_used() {
    let bodies: Vec<Vec<u8>> = (1..=4).map(|n| vec![n; 1000]).collect();
    let store = Store::with(&bodies.iter().map(Vec::as_slice).collect::<Vec<_>>());
    for body in &bodies[..3] {
        store.date_back(body, 1 + u32::from(body[0]));
    }
    store.make_due();
    store.session(&["--max-size", "3K"]).end();
    let stay: Vec<_> = bodies.iter().map(|body| store.body(body).exists()).collect();
    assert_eq!(stay, [true, false, false, true]);
    store.make_due();
    store.session(&["--max-size", "1", "--max-age", "1"]).end();
    assert!(store.body(&bodies[3]).exists(), "what came in the last day stays in any case");
    store.verify();
}

#[test]
fn limits_can_be_lifted() {
    let store = Store::with(&[b"1 old"]);
    store.date_back(b"1 old", 1000);
    store.make_due();
    store.session(&["--max-size", "0", "--max-age", "0"]).end();
    assert!(store.body(b"1 old").exists() && !store.is_due());
    let refused = store.run(&["--max-size", "10X"]);
    assert!(!refused.status.success() && common::stderr(&refused).contains("or 10G"), "{refused:?}");
}

#[test]
fn nothing_leaves_beside_a_session_that_lives() {
    let store = Store::with(&[b"1 old"]);
    store.date_back(b"1 old", 9);
    store.make_due();
    let mut living = store.session(&[]);
    store.session(&[]).end();
    assert!(store.body(b"1 old").exists() && store.is_due(), "it is tried again");
    let refused = store.run(&["trim"]);
    assert!(!refused.status.success() && common::stderr(&refused).contains("in use by a build"), "{refused:?}");
    assert_eq!(living.get(1, b'1')["Size"], 5);
    living.end();
    assert!(store.body(b"1 old").exists() && !store.is_due(), "it was handed out");
}

#[test]
fn a_killed_session_does_not_keep_the_store() {
    let store = Store::with(&[b"1 old"]);
    store.date_back(b"1 old", 9);
    let mut killed = store.session(&[]);
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    assert!(store.run(&["trim"]).status.success() && !store.body(b"1 old").exists());
}

#[test]
fn uses_are_written_once_a_day() {
    let store = Store::with(&[b"1 body", b"2 body"]);
    let put = store.index_bytes();
    let use_both = || {
        let mut backend = store.session(&[]);
        assert_eq!((&backend.get(1, b'1')["Size"], &backend.get(2, b'2')["Size"]), (&6.into(), &6.into()));
        backend.end();
        store.index_bytes()
    };
    assert_eq!(use_both(), put + 2 * 48);
    assert_eq!(use_both(), put + 2 * 48);
}

#[test]
fn trim_tells_what_it_removed() {
    let store = Store::with(&[b"1 old", b"2 young"]);
    store.date_back(b"1 old", 4);
    let out = |arguments: &[&str]| String::from_utf8(store.run(arguments).stdout).unwrap();
    let line = |removed: &str, left: &str| {
        format!("removed {removed}; {left} stay: what was used in the last two days does in any case\n")
    };
    assert_eq!(out(&["trim"]), line("0 actions and 0 bodies (0 bytes)", "2 bodies (12 bytes)"));
    let one = line("1 actions and 1 bodies (5 bytes)", "1 bodies (7 bytes)");
    assert_eq!(out(&["trim", "--max-age", "1"]), one);
    store.verify();
    let wrong = store.run(&["trim", "--cache-dir", "elsewhere"]);
    assert!(!wrong.status.success() && common::stderr(&wrong).contains("elsewhere is no local store"), "{wrong:?}");
}

#[test]
fn a_kill_in_the_middle_leaves_a_store_that_works() {
    let store = Store(tempfile::tempdir().unwrap());
    let mut backend = store.session(&[]);
    let bodies: Vec<Vec<u8>> = (0..=255).flat_map(|n| (0..8u8).map(move |m| vec![n, m, 1])).collect();
    for (id, body) in (1..).zip(&bodies) {
        backend.put(id, body[0], body);
    }
    backend.end();
    let find = || std::fs::read_dir(store.folder()).unwrap().map(|file| file.unwrap().path());
    let old = || find().filter(|path| path.to_string_lossy().ends_with("-d")).collect::<Vec<_>>();
    assert_eq!(old().len(), bodies.len());
    // At each of these moments something else is half done.
    for sign in ["tmp", "index"] {
        old().iter().for_each(|path| date_back(path, 9));
        let watched = store.folder().join(sign);
        let before = std::fs::metadata(&watched).unwrap().modified().unwrap();
        let mut trim = command(store.0.path(), &["trim"]).stdout(Stdio::null()).spawn().unwrap();
        while trim.try_wait().unwrap().is_none() && std::fs::metadata(&watched).unwrap().modified().unwrap() == before {
        }
        let _ = trim.kill();
        trim.wait().unwrap();
        store.verify();
        let mut backend = store.session(&[]);
        assert_eq!(backend.put(1, 1, b"body")["Size"], 4);
        assert_eq!(backend.get(2, 1)["Size"], 4);
        backend.end();
    }
    let trimmed = store.run(&["trim"]);
    assert!(trimmed.status.success() && old().len() == 1, "{trimmed:?}");
    store.verify();
}

#[test]
fn two_sessions_that_end_together_leave_a_store_that_works() {
    let store = Store::with(&[b"1 old", b"2 used"]);
    for body in [&b"1 old"[..], b"2 used"] {
        store.date_back(body, 9);
    }
    store.make_due();
    let mut sessions = [store.session(&[]), store.session(&[])];
    for (id, session) in (3..).zip(&mut sessions) {
        assert_eq!(session.get(1, b'2')["Size"], 6);
        session.put(2, id, &[id; 100]);
    }
    std::thread::scope(|scope| {
        sessions.into_iter().for_each(|session| {
            scope.spawn(move || assert_eq!(session.end().0, Some(0)));
        });
    });
    let mut backend = store.session(&[]);
    let sizes = [b'2', 3, 4].map(|n| backend.get(n.into(), n)["Size"].clone());
    assert_eq!(sizes, [6, 100, 100]);
    backend.end();
    assert!(store.run(&["trim"]).status.success() && !store.body(b"1 old").exists());
    store.verify();
}
