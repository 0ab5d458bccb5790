//! Tests of the local store.

use super::*;
use ring::digest::{SHA256, digest};

fn put(store: &LocalStore, action: ActionId, content: &[u8]) -> (Entry, PathBuf) {
    let output = OutputId::new(digest(&SHA256, content).as_ref().try_into().unwrap());
    let mut body = store.begin();
    body.write(content);
    let path = store.keep_body(body, &output, content.len() as u64).unwrap();
    let entry = Entry { output, size_bytes: content.len() as u64, time_ns: 5 };
    store.keep_entry(action, entry, Origin::PutHere);
    (entry, path)
}

#[test]
fn a_put_is_a_hit_in_this_session_and_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let action = ActionId::new([1; 32]);
    let store = LocalStore::open(folder.path());
    let (entry, path) = put(&store, action, b"body");
    assert!(path.is_absolute());
    assert_eq!(store.get(&action), Some((entry, Origin::PutHere, path.clone())));
    assert_eq!(LocalStore::open(folder.path()).get(&action), Some((entry, Origin::Stored, path)));
}

#[test]
fn a_damaged_body_heals_with_the_next_put() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path());
    let (entry, path) = put(&store, ActionId::new([1; 32]), b"body");
    std::fs::write(&path, b"bo").unwrap();
    assert!(!store.has_body(&entry.output, 4));
    put(&store, ActionId::new([2; 32]), b"body");
    assert!(store.has_body(&entry.output, 4));
    assert_eq!(std::fs::read(path).unwrap(), b"body");
}

#[test]
fn what_was_checked_replaces_a_file_that_a_crash_left() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path());
    for content in [b"small".to_vec(), vec![7; 2 * SMALL_BYTES]] {
        let output = OutputId::new(digest(&SHA256, &content).as_ref().try_into().unwrap());
        std::fs::write(store.path_of(&output), "").unwrap();
        store.keep_checked(&content, &output).unwrap();
        assert_eq!(std::fs::read(store.path_of(&output)).unwrap(), content);
        store.keep_checked(&content, &output).unwrap();
    }
    assert_eq!(std::fs::read_dir(folder.path().join(TEMPORARY_FOLDER)).unwrap().count(), 0);
}

#[test]
fn the_empty_body_is_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path());
    let empty = OutputId::new(digest(&SHA256, b"").as_ref().try_into().unwrap());
    let first = store.keep_empty_body(&empty).unwrap();
    assert_eq!(store.keep_empty_body(&empty).unwrap(), first);
    std::fs::remove_file(&first).unwrap();
    assert!(store.keep_empty_body(&empty).unwrap().exists(), "it heals");
}

#[test]
fn a_store_that_cannot_be_written_keeps_bodies_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "").unwrap();
    let store = LocalStore::open(&blocked);
    let action = ActionId::new([1; 32]);
    let (entry, path) = put(&store, action, b"body");
    assert_eq!(std::fs::read(&path).unwrap(), b"body");
    assert_eq!(store.get(&action), Some((entry, Origin::PutHere, path)));
    std::fs::remove_dir_all(&store.fallback).unwrap();
}

#[test]
fn the_store_is_hidden_from_git_and_the_users_own_file_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    LocalStore::open(folder.path());
    let path = folder.path().join(".gitignore");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "*\n");
    std::fs::write(&path, "mine").unwrap();
    LocalStore::open(folder.path());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}
