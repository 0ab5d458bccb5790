//! Tests of the local store.

use super::*;
use crate::cache::local::folder::lease::Lease;
use crate::cache::local::folder::names::CHANGES_LOCK;
use crate::cache::local::folder::names::TEMPORARY_FOLDER;
use ring::digest::{SHA256, digest};
use std::fs::File;
use std::time::{Duration, SystemTime};

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

fn action(n: u8) -> ActionId {
    ActionId::new([n; 32])
}

#[test]
fn the_place_of_a_store_that_cannot_be_written_is_taken_by_one_that_lasts() {
    let folder = tempfile::tempdir().unwrap();
    let (blocked, spare) = (folder.path().join("file"), folder.path().join("spare"));
    std::fs::write(&blocked, "mine").unwrap();
    let store = LocalStore::open_beside(&blocked, Spare::at(&spare));
    let (entry, path) = put(&store, action(1), b"body");
    assert_eq!(store.get(&action(1)), Some((entry, Origin::PutHere, path.clone())));
    assert!(path.starts_with(&spare) && store_folder::is_store(&spare));
    drop(store);
    let next = LocalStore::open_beside(&blocked, Spare::at(&spare));
    assert_eq!(next.get(&action(1)), Some((entry, Origin::Stored, path)));
    assert_eq!(std::fs::read_to_string(blocked).unwrap(), "mine");
}

#[test]
fn a_store_whose_index_cannot_be_written_is_replaced_too() {
    let folder = tempfile::tempdir().unwrap();
    let (wanted, spare) = (folder.path().join("wanted"), folder.path().join("spare"));
    store_folder::make(&wanted).unwrap();
    std::fs::create_dir(wanted.join("index")).unwrap();
    let (entry, path) = put(&LocalStore::open_beside(&wanted, Spare::at(&spare)), action(1), b"body");
    assert!(path.starts_with(&spare));
    let next = LocalStore::open_beside(&wanted, Spare::at(&spare));
    assert_eq!(next.get(&action(1)), Some((entry, Origin::Stored, path)));
}

#[test]
fn a_body_gets_its_name_when_no_trimming_is_about_to_remove_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalStore::open(folder.path());
    let output = OutputId::new(digest(&SHA256, b"body").as_ref().try_into().unwrap());
    let trimming = Lease::alone(&folder.path().join(CHANGES_LOCK), Duration::ZERO).unwrap();
    assert!(trimming.is_some());
    std::thread::scope(|scope| {
        let kept = scope.spawn(|| {
            let mut body = store.begin();
            body.write(b"body");
            store.keep_body(body, &output, 4).unwrap()
        });
        std::thread::sleep(Duration::from_millis(50));
        assert!(!store.path_of(&output).exists(), "it waits");
        drop(trimming);
        assert!(kept.join().unwrap().exists());
    });
    assert!(Lease::alone(&folder.path().join(CHANGES_LOCK), Duration::ZERO).unwrap().is_some(), "the share ended");
}

#[test]
fn a_store_below_gives_hits_and_takes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (below, main) = (folder.path().join("below"), folder.path().join("main"));
    let [(old, old_path), (shared, _)] = {
        let store = LocalStore::open(&below);
        [put(&store, action(1), b"old"), put(&store, action(2), b"shared")]
    };
    let before = std::fs::read(below.join("index")).unwrap();
    store_folder::make(&main).unwrap();
    let store = LocalStore::over(main.clone(), OpenStore::open_to_read(below.clone()), None);
    assert!(store.entries().len() == 2);
    assert_eq!(store.get(&action(1)), Some((old, Origin::Stored, old_path)));
    assert!(store.has_body(&old.output, 3) && !store.reuse_body(&old.output, 3));
    let (again, path) = put(&store, action(3), b"shared");
    assert!(path.starts_with(&main));
    assert_eq!((again.output, store.path_of(&shared.output)), (shared.output, path));
    store.note_uses();
    store.trim_when_due(Limits { max_age_s: Some(0), max_bytes: Some(1) });
    assert_eq!(std::fs::read(below.join("index")).unwrap(), before);
}

#[test]
fn what_a_disk_that_fills_up_does_not_take_is_found_by_the_next_session() {
    let folder = tempfile::tempdir().unwrap();
    let (full, spare) = (folder.path().join("full"), folder.path().join("spare"));
    let store = LocalStore::open_beside(&full, Spare::at(&spare));
    put(&store, action(1), b"first");
    put(&store, action(2), b"replaced");
    assert!(!spare.exists());
    // From here on no body gets its temporary name.
    let temporary = full.join(TEMPORARY_FOLDER);
    std::fs::remove_dir(&temporary).unwrap();
    std::fs::write(&temporary, "").unwrap();
    let (second, path) = put(&store, action(2), b"second");
    assert!(path.starts_with(&spare));
    assert_eq!(store.get(&action(2)), Some((second, Origin::PutHere, path.clone())));
    assert_eq!(store.get(&action(1)).map(|found| found.1), Some(Origin::PutHere));
    drop(store);
    let next = LocalStore::open_beside(&full, Spare::at(&spare));
    assert_eq!(next.get(&action(2)), Some((second, Origin::Stored, path)));
    assert!(next.get(&action(1)).is_some_and(|found| found.2.starts_with(&full)), "from the store that is full");
}

#[test]
fn a_spare_store_of_earlier_sessions_is_trimmed_too() {
    let folder = tempfile::tempdir().unwrap();
    let (main, spare) = (folder.path().join("main"), folder.path().join("spare"));
    let (_, path) = put(&LocalStore::open(&spare), action(1), b"old");
    File::open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    std::fs::write(spare.join("trim.txt"), "1").unwrap();
    LocalStore::open_beside(&main, Spare::at(&spare)).trim_when_due(Limits { max_age_s: Some(0), max_bytes: None });
    assert!(!path.exists());
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

#[test]
fn a_folder_of_the_users_is_not_touched_but_for_a_subfolder() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("tmp")).unwrap();
    let theirs = home.path().join("tmp/other.db");
    std::fs::write(&theirs, "mine").unwrap();
    File::open(&theirs).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let store = LocalStore::open_beside(home.path(), Spare::at(elsewhere.path()));
    put(&store, action(1), b"body");
    store.note_uses();
    store.remove_stale();
    store.trim_when_due(Limits { max_age_s: Some(0), max_bytes: Some(1) });
    assert_eq!(store.folder(), home.path().join("cacheprog"));
    assert!(theirs.exists() && std::fs::read_dir(home.path()).unwrap().count() == 2);
}

#[test]
fn what_another_session_has_put_meanwhile_counts_as_new_when_it_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (LocalStore::open(folder.path()), LocalStore::open(folder.path()));
    let (_, path) = put(&other, action(1), b"theirs");
    File::open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    put(&ours, action(1), b"ours");
    assert!(path.metadata().unwrap().modified().unwrap() > SystemTime::UNIX_EPOCH, "go may have it");
}
