//! Tests of trimming in a real folder.

use std::time::SystemTime;

use ring::digest::{SHA256, digest};

use super::*;
use crate::cache::local::folder::lease::Lease;
use crate::cache::local::folder::names::TEMPORARY_FOLDER;
use crate::cache::local::verify::verify;
use crate::cache::{Entry, LocalStore, Origin};
use crate::platform::clock::now_s;
use crate::protocol::ActionId;

const DAY_S: i64 = 24 * 3600;
const LIMITS: Limits = Limits { max_age_s: Some(5 * DAY_S), max_bytes: None };

fn action(n: u8) -> ActionId {
    ActionId::new([n; 32])
}

fn output(content: &[u8]) -> OutputId {
    OutputId::new(digest(&SHA256, content).as_ref().try_into().unwrap())
}

/// Puts a body that came in so many days ago; returns its path.
fn put(folder: &Path, n: u8, content: &[u8], days: u64) -> PathBuf {
    let store = LocalStore::open(folder);
    let output = output(content);
    let mut body = store.begin();
    body.write(content);
    let path = store.keep_body(body, &output, content.len() as u64).unwrap();
    store.keep_entry(action(n), Entry { output, size_bytes: content.len() as u64, time_ns: 0 }, Origin::PutHere);
    date_back(&path, days);
    path
}

fn date_back(path: &Path, days: u64) {
    let time = SystemTime::now() - Duration::from_secs(days * DAY_S as u64);
    std::fs::File::open(path).unwrap().set_modified(time).unwrap();
}

fn trim(folder: &Path, limits: Limits) -> Trimmed {
    Trimming::now(folder, limits).run().unwrap()
}

fn actions(folder: &Path) -> Vec<u8> {
    let mut found: Vec<_> = Index::open(folder).iter().map(|(action, _)| action.as_bytes()[0]).collect();
    found.sort_unstable();
    found
}

#[test]
fn what_was_not_used_for_days_leaves_with_its_body() {
    let folder = tempfile::tempdir().unwrap();
    let old = put(folder.path(), 1, b"old", 7);
    let used = put(folder.path(), 2, b"used", 7);
    let young = put(folder.path(), 3, b"young", 4);
    let store = LocalStore::open(folder.path());
    store.get(&action(2)).unwrap();
    store.note_uses();
    drop(store);
    let trimmed = trim(folder.path(), LIMITS);
    let expected = Trimmed { entries: 1, bodies: 1, bytes: 3, bodies_left: 2, bytes_left: 9, is_cut_short: false };
    assert_eq!(trimmed, expected);
    assert!(!old.exists() && used.exists() && young.exists());
    assert_eq!(actions(folder.path()), [2, 3]);
    assert!(verify(folder.path()).unwrap().missing.is_empty());
    assert_eq!(trim(folder.path(), LIMITS).bodies, 0);
}

#[test]
fn too_much_is_cut_down_to_nine_tenths_least_recently_used_first() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (1..=4).map(|n| put(folder.path(), n, &[n; 100], u64::from(n))).collect();
    trim(folder.path(), Limits { max_age_s: None, max_bytes: Some(330) });
    assert_eq!(paths.iter().map(|path| path.exists()).collect::<Vec<_>>(), [true, true, false, false]);
    assert_eq!(actions(folder.path()), [1, 2]);
}

#[test]
fn nothing_of_the_last_day_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), 1, b"body", 0);
    let handed_out = put(folder.path(), 2, b"handed out", 9);
    let store = LocalStore::open(folder.path());
    store.get(&action(2)).unwrap();
    store.renew_uses();
    let limits = Limits { max_age_s: Some(0), max_bytes: Some(1) };
    assert_eq!(trim(folder.path(), limits).bodies, 0, "beside the session");
    drop(store);
    assert_eq!(trim(folder.path(), limits).bodies, 0);
    assert!(path.exists() && handed_out.exists());
}

#[test]
fn a_session_of_an_older_version_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), 1, b"body", 9);
    let older = Lease::share(&folder.path().join(CHANGES_LOCK)).unwrap();
    let impatient = Trimming { patience: Duration::ZERO, ..Trimming::now(folder.path(), LIMITS) };
    assert!(matches!(impatient.run(), Err(TrimError::InUse(_))));
    assert!(path.exists());
    drop(older);
    assert_eq!(trim(folder.path(), LIMITS).bodies, 1);
}

#[test]
fn a_hit_of_something_old_keeps_trimming_away_until_its_use_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), 1, b"body", 9);
    let store = LocalStore::open(folder.path());
    let impatient = Trimming { patience: Duration::ZERO, ..Trimming::now(folder.path(), LIMITS) };
    store.get(&action(1)).unwrap();
    assert!(matches!(impatient.run(), Err(TrimError::InUse(_))));
    store.renew_uses();
    assert_eq!(impatient.run().unwrap().bodies, 0);
    assert!(path.exists());
}

#[test]
fn what_was_trimmed_beside_a_session_is_a_miss_for_it_and_can_be_put_again() {
    let folder = tempfile::tempdir().unwrap();
    for n in 1..=3 {
        put(folder.path(), n, &[n], 9);
    }
    let store = LocalStore::open(folder.path());
    store.get(&action(3)).unwrap();
    store.renew_uses();
    assert_eq!(trim(folder.path(), LIMITS).bodies, 2);
    assert!(store.get(&action(1)).is_none() && store.get(&action(3)).is_some());
    let mut body = store.begin();
    body.write(&[1]);
    store.keep_body(body, &output(&[1]), 1).unwrap();
    store.keep_entry(action(1), Entry { output: output(&[1]), size_bytes: 1, time_ns: 0 }, Origin::PutHere);
    assert_eq!(actions(folder.path()), [1, 3]);
    assert!(verify(folder.path()).unwrap().missing.is_empty());
}

#[test]
fn what_another_session_replaces_stays_for_the_one_that_handed_it_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), 1, b"handed out", 9);
    let store = LocalStore::open(folder.path());
    store.get(&action(1)).unwrap();
    store.renew_uses();
    put(folder.path(), 1, b"another", 0);
    assert_eq!(trim(folder.path(), LIMITS).bodies, 0);
    assert!(path.exists());
}

#[test]
fn a_put_of_the_last_day_stays_whatever_the_times_of_its_file_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), 1, b"body", 900);
    let entry = Entry { output: output(b"body"), size_bytes: 4, time_ns: (now_s() - DAY_S) * 1_000_000_000 };
    LocalStore::open(folder.path()).keep_entry(action(1), entry, Origin::PutHere);
    assert_eq!(trim(folder.path(), LIMITS).bodies, 0);
    assert!(path.exists());
}

#[test]
fn nothing_that_is_not_ours_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    put(folder.path(), 1, b"body", 0);
    let theirs = [folder.path().join("photo.jpg"), folder.path().join("tmp/other.db"), elsewhere.path().join("body")];
    for path in &theirs {
        std::fs::write(path, "mine").unwrap();
        date_back(path, 100);
    }
    let link = folder.path().join(data_file_name(&output(b"a link")));
    std::os::unix::fs::symlink(&theirs[2], &link).unwrap();
    let named = folder.path().join(data_file_name(&output(b"a folder")));
    std::fs::create_dir(&named).unwrap();
    assert_eq!(trim(folder.path(), Limits { max_age_s: Some(0), max_bytes: Some(1) }).bodies, 0);
    LocalStore::open(folder.path()).remove_stale();
    assert!(theirs.iter().all(|path| path.exists()) && link.is_symlink() && named.is_dir());
}

#[test]
fn an_entry_of_a_shared_body_leaves_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), 1, b"", 8);
    assert_eq!(
        trim(folder.path(), Limits { max_age_s: None, ..LIMITS }).entries,
        0,
        "from now on it has a time of its own"
    );
    let path = put(folder.path(), 2, b"", 0);
    assert_eq!(trim(folder.path(), LIMITS).entries, 1);
    assert!(path.exists());
    assert_eq!(actions(folder.path()), [2]);
}

#[test]
fn a_body_that_is_put_again_counts_as_new() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), 1, b"", 9);
    let store = LocalStore::open(folder.path());
    store.keep_empty_body(&output(b"")).unwrap();
    drop(store);
    assert_eq!(trim(folder.path(), LIMITS).bodies, 0);
    assert!(path.exists());
}

#[test]
fn bodies_without_entries_and_entries_without_bodies_leave() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::remove_file(put(folder.path(), 1, b"gone", 0)).unwrap();
    let replaced = put(folder.path(), 2, b"replaced", 3);
    put(folder.path(), 2, b"new", 3);
    // What is replaced counts as new: that was long ago.
    date_back(&replaced, 3);
    let orphan = folder.path().join(data_file_name(&output(b"young orphan")));
    std::fs::write(&orphan, "young orphan").unwrap();
    std::fs::write(folder.path().join("notes.txt"), "the user's own").unwrap();
    date_back(&folder.path().join("notes.txt"), 100);
    let trimmed = trim(folder.path(), LIMITS);
    assert_eq!((trimmed.entries, trimmed.bodies), (1, 1));
    assert!(!replaced.exists() && orphan.exists() && folder.path().join("notes.txt").exists());
    assert_eq!(actions(folder.path()), [2]);
}

#[test]
fn what_is_replaced_stays_another_day() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), 1, b"handed out", 9);
    let store = LocalStore::open(folder.path());
    store.get(&action(1)).unwrap();
    put(folder.path(), 1, b"put by another helper", 0);
    store.get(&action(9));
    store.note_uses();
    drop(store);
    assert_eq!(trim(folder.path(), LIMITS).bodies, 0);
    assert!(path.exists());
}

#[test]
fn a_clock_that_jumps_back_removes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), 1, b"body", 3);
    let limits = Limits { max_age_s: Some(DAY_S), max_bytes: Some(1) };
    let trimming = Trimming { now_s: 1000, ..Trimming::now(folder.path(), limits) };
    assert_eq!(trimming.run().unwrap().bodies, 0);
    assert_eq!(trim(folder.path(), LIMITS).bodies, 0, "nor is the wrong time kept");
    assert!(path.exists());
}

#[test]
fn what_was_put_since_the_store_was_read_is_in_the_new_log() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), 1, b"body", 9);
    let trimming = Trimming::now(folder.path(), LIMITS);
    let mut index = Index::open(folder.path());
    let mut leaving = Inventory::read(folder.path()).unwrap().apply(&mut index, &LIMITS, now_s());
    put(folder.path(), 2, b"meanwhile", 0);
    assert!(trimming.replace_log(&mut index, &mut leaving).unwrap().is_some());
    assert_eq!(actions(folder.path()), [2]);
    std::fs::remove_file(folder.path().join(INDEX_FILE)).unwrap();
    assert!(trimming.replace_log(&mut index, &mut leaving).unwrap().is_none(), "the user has removed the store");
    assert_eq!(std::fs::read_dir(folder.path().join(TEMPORARY_FOLDER)).unwrap().count(), 0);
}

#[test]
fn a_body_that_is_put_while_others_leave_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), 1, b"body", 9);
    let trimming = Trimming::now(folder.path(), LIMITS);
    let mut log = Log::open(folder.path());
    log.skip_to_end().unwrap();
    put(folder.path(), 2, b"body", 9);
    let (mut leaving, mut trimmed) = (Leaving::default(), Trimmed::default());
    leaving.add_body(output(b"body"));
    trimming.remove_bodies(&mut leaving, &mut log, &mut trimmed).unwrap();
    assert!(path.exists() && trimmed == Trimmed::default());
}

#[test]
fn a_disk_that_takes_no_new_index_loses_the_bodies_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), 1, b"body", 9);
    let temporary = folder.path().join(TEMPORARY_FOLDER);
    std::fs::remove_dir_all(&temporary).unwrap();
    std::fs::write(&temporary, "a file where a folder should be").unwrap();
    assert!(matches!(Trimming::now(folder.path(), LIMITS).run(), Err(TrimError::Disk { .. })));
    assert!(!path.exists());
    std::fs::remove_file(&temporary).unwrap();
    std::fs::create_dir(&temporary).unwrap();
    assert_eq!(trim(folder.path(), LIMITS).entries, 1);
}

#[test]
fn it_is_done_once_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), 1, b"body", 9);
    let trimming = Trimming::now(folder.path(), LIMITS);
    assert!(trimming.run_when_due().unwrap().is_none(), "a store gets its first day");
    let tomorrow = Trimming { now_s: now_s() + DAY_S, ..trimming };
    assert_eq!(tomorrow.run_when_due().unwrap().map(|trimmed| trimmed.bodies), Some(1));
    assert!(tomorrow.run_when_due().unwrap().is_none() && !path.exists());
}

#[test]
fn a_folder_that_is_no_store_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Trimming::now(folder.path(), LIMITS).run().unwrap_err().to_string();
    assert!(error.contains("is not a store of cacheprog"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
