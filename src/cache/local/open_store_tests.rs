//! Sessions beside a trimming that removes all that it may.

use super::*;
use crate::cache::LocalStore;
use crate::cache::local::folder::names::CHANGES_LOCK;
use ring::digest::{SHA256, digest};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Removes all that was not used in the last days.
const LIMITS: Limits = Limits { max_age_s: Some(0), max_bytes: None };

fn action(n: u32) -> ActionId {
    ActionId::new(std::array::from_fn(|i| n.to_le_bytes()[i % 4]))
}

fn entry(n: u32) -> Entry {
    let output = OutputId::new(digest(&SHA256, &n.to_le_bytes()).as_ref().try_into().unwrap());
    Entry { output, size_bytes: 4, time_ns: 0 }
}

fn put(store: &LocalStore, n: u32) -> PathBuf {
    let mut body = store.begin();
    body.write(&n.to_le_bytes());
    let path = store.keep_body(body, &entry(n).output, 4).unwrap();
    store.keep_entry(action(n), entry(n), Origin::PutHere);
    path
}

/// Bodies that a session was given, and must find until its day is over.
#[derive(Default)]
struct Given {
    paths: Vec<PathBuf>,
    actions: Vec<u32>,
}

impl Given {
    fn add(&mut self, n: u32, path: PathBuf) {
        self.paths.push(path);
        self.actions.push(n);
    }

    fn assert_there(&self) {
        let gone: Vec<_> = self.paths.iter().filter(|path| !path.exists()).collect();
        assert!(gone.is_empty(), "{gone:?}");
    }
}

/// Adds entries that were put long ago, and not used since.
fn add_old_ones(folder: &Path, count: &AtomicU32, until: Instant) {
    let store = LocalStore::open(folder);
    while Instant::now() < until {
        let n = count.load(Ordering::SeqCst);
        let path = put(&store, n);
        File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        count.store(n + 1, Ordering::SeqCst);
        sleep(Duration::from_micros(300));
    }
}

/// Works as sessions do, one after the other.
fn work(folder: &Path, seed: u64, count: &AtomicU32, until: Instant) -> Given {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut given = Given::default();
    while Instant::now() < until {
        let store = LocalStore::open(folder);
        for _ in 0..random.usize(1..200) {
            let newest = count.load(Ordering::SeqCst);
            let n = random.u32(newest.saturating_sub(300)..newest.max(1));
            match store.get(&action(n)) {
                Some((_, _, path)) => given.add(n, path),
                None if random.bool() => given.add(n, put(&store, n)),
                None => {}
            }
            // The output of something old comes under another action.
            let other = random.u32(newest.saturating_sub(300)..newest.max(1));
            if store.reuse_body(&entry(other).output, 4) {
                let n = other | 1 << 31;
                store.keep_entry(action(n), entry(other), Origin::Fetched);
                given.add(n, store.path_of(&entry(other).output));
            }
            if random.u8(0..10) == 0 {
                store.renew_uses();
                given.assert_there();
            }
            sleep(Duration::from_micros(random.u64(0..1000)));
        }
        store.note_uses();
    }
    given
}

#[test]
fn beside_trimming_no_path_vanishes_and_no_put_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    LocalStore::open(folder);
    let (count, until) = (&AtomicU32::new(0), Instant::now() + Duration::from_millis(1500));
    let mut trimmed = 0;
    let given: Vec<Given> = std::thread::scope(|scope| {
        scope.spawn(move || add_old_ones(folder, count, until));
        let sessions: Vec<_> = (0..3).map(|seed| scope.spawn(move || work(folder, seed, count, until))).collect();
        while Instant::now() < until {
            let patience = Duration::from_millis(100);
            let trimming = Trimming { patience, ..Trimming::now(folder, LIMITS) };
            trimmed += trimming.run().map_or(0, |trimmed| trimmed.bodies);
        }
        sessions.into_iter().map(|session| session.join().unwrap()).collect()
    });
    assert!(trimmed > 0, "it removes what is old");
    let next = LocalStore::open(folder);
    for given in given {
        given.assert_there();
        for n in given.actions {
            let (_, _, path) = next.get(&action(n)).unwrap_or_else(|| panic!("{n} is lost"));
            assert!(whole_file(&path, 4).is_some(), "{n}");
        }
    }
}

#[test]
fn a_session_that_lives_for_days_notes_its_uses_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(&LocalStore::open(folder.path()), 1);
    let store = OpenStore::open(folder.path().to_owned());
    store.get(&action(1)).unwrap();
    store.renew_uses();
    let noted = || std::fs::metadata(folder.path().join(INDEX_FILE)).unwrap().len();
    let once = noted();
    store.renew_uses();
    assert_eq!(noted(), once);
    // Two days pass.
    let mut state = store.state();
    state.index.set_used(&action(1), now_s() - 2 * 24 * 3600);
    state.renewed_s -= RENEW_EVERY_S;
    drop(state);
    store.renew_uses();
    assert_eq!(noted(), once + 48);
    File::open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(Trimming::now(folder.path(), LIMITS).run().unwrap().bodies, 0);
}

#[test]
fn a_use_that_the_index_does_not_take_is_seen_by_the_time_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(&LocalStore::open(folder.path()), 1);
    File::open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let store = OpenStore::open(folder.path().to_owned());
    store.get(&action(1)).unwrap();
    // As a full disk does.
    store.state().index.log().forbid_writing();
    store.renew_uses();
    assert_eq!(Trimming::now(folder.path(), LIMITS).run().unwrap().bodies, 0);
    assert!(path.exists());
}

#[test]
fn while_a_stopped_trimming_keeps_the_lock_old_entries_are_misses_and_puts_work() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path());
    put(&store, 1);
    drop(store);
    let store = LocalStore::open(folder.path());
    let stopped = Lease::alone(&folder.path().join(CHANGES_LOCK), Duration::ZERO).unwrap();
    assert!(store.get(&action(1)).is_none());
    assert!(put(&store, 2).exists() && store.get(&action(2)).is_some());
    drop(stopped);
    assert!(store.get(&action(1)).is_some());
}
