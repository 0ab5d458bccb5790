//! Tests of trimming in a real folder.

use std::time::SystemTime;

use ring::digest::{SHA256, digest};

use super::*;
use crate::cache::clock::now_s;
use crate::cache::{Entry, LocalStore, Origin, verify};

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
    let old = put(folder.path(), 1, b"old", 6);
    let used = put(folder.path(), 2, b"used", 6);
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
    let limits = Limits { max_age_s: Some(0), max_bytes: Some(1) };
    let trimming = Trimming { handed_out: &[action(2)], ..Trimming::now(folder.path(), limits) };
    assert_eq!(trimming.run().unwrap().bodies, 0);
    assert!(path.exists() && handed_out.exists());
}

#[test]
fn a_session_that_lives_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), 1, b"body", 9);
    let store = LocalStore::open(folder.path());
    assert!(matches!(Trimming::now(folder.path(), LIMITS).run(), Err(TrimError::InUse(_))));
    assert!(path.exists());
    drop(store);
    assert_eq!(trim(folder.path(), LIMITS).bodies, 1);
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
fn a_store_that_was_used_since_it_was_read_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), 1, b"body", 9);
    let trimming = Trimming::now(folder.path(), LIMITS);
    let mut index = Index::open(folder.path());
    index.forget(&action(1));
    put(folder.path(), 2, b"meanwhile", 0);
    assert!(trimming.replace_log(&mut index).unwrap().is_none());
    assert_eq!(actions(folder.path()), [1, 2]);
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
    let mut trimmed = Trimmed::default();
    trimming.remove_bodies(&[output(b"body")], &mut log, &mut trimmed).unwrap();
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
    assert!(error.contains("no local store"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
