//! Tests of the index and its log.

use super::*;
use crate::cache::local::folder::names::INDEX_FILE;
use crate::cache::local::folder::store_folder;
use crate::cache::local::index::entry::USE_EVERY_S;
use crate::cache::local::index::record::{ENTRY_BYTES, USE_BYTES};
use proptest::prelude::*;
use std::fs::OpenOptions;

fn action(n: u8) -> ActionId {
    ActionId::new([n; 32])
}

fn entry(n: u8) -> Entry {
    Entry { output: OutputId::new([n; 32]), size_bytes: n.into(), time_ns: -i64::from(n) }
}

#[test]
fn entries_survive_and_the_last_wins() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Index::open(folder.path());
    index.insert(action(1), entry(1), Origin::PutHere).unwrap();
    index.insert(action(1), entry(2), Origin::PutHere).unwrap();
    assert_eq!(index.get(&action(1)), Some((entry(2), Origin::PutHere)));
    let mut again = Index::open(folder.path());
    assert_eq!(again.get(&action(1)), Some((entry(2), Origin::Stored)));
    assert_eq!(again.get(&action(9)), None);
}

#[test]
fn what_is_put_after_the_store_was_removed_is_found_by_the_next_build() {
    let folder = tempfile::tempdir().unwrap();
    store_folder::make(folder.path()).unwrap();
    let mut index = Index::open(folder.path());
    index.insert(action(1), entry(1), Origin::PutHere).unwrap();
    std::fs::remove_file(folder.path().join(INDEX_FILE)).unwrap();
    index.insert(action(2), entry(2), Origin::PutHere).unwrap();
    let mut next = Index::open(folder.path());
    assert_eq!(next.get(&action(1)), None);
    assert_eq!(next.get(&action(2)), Some((entry(2), Origin::Stored)));
}

#[test]
fn a_folder_that_has_become_another_programs_gets_no_index() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("store");
    store_folder::make(&folder).unwrap();
    let mut index = Index::open(&folder);
    index.insert(action(1), entry(1), Origin::PutHere).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("other.json"), "{}").unwrap();
    assert_eq!(index.get(&action(2)), None);
    assert!(index.insert(action(3), entry(3), Origin::PutHere).is_err());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn a_second_helper_sees_what_the_first_put_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Index::open(folder.path());
    let mut second = Index::open(folder.path());
    assert_eq!(second.get(&action(1)), None);
    first.insert(action(1), entry(1), Origin::PutHere).unwrap();
    assert_eq!(second.get(&action(1)), Some((entry(1), Origin::Stored)));
    assert_eq!(first.get(&action(2)), None);
    assert_eq!(first.get(&action(1)), Some((entry(1), Origin::PutHere)), "its own record keeps its origin");
}

#[test]
fn what_is_fetched_ahead_does_not_replace_what_another_helper_put() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (Index::open(folder.path()), Index::open(folder.path()));
    first.insert(action(1), entry(1), Origin::PutHere).unwrap();
    second.insert_all([(action(1), entry(2)), (action(3), entry(3))].into_iter(), Origin::Fetched, true).unwrap();
    assert_eq!(second.get(&action(1)), Some((entry(1), Origin::Stored)));
    assert_eq!(second.get(&action(3)), Some((entry(3), Origin::Fetched)));
    assert_eq!(Index::open(folder.path()).get(&action(1)), Some((entry(1), Origin::Stored)));
}

#[test]
fn a_put_that_was_replaced_keeps_its_origin_when_it_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Index::open(folder.path());
    let entry = |time_ns| Entry { time_ns, ..entry(1) };
    index.insert(action(1), entry(1), Origin::PutHere).unwrap();
    index.insert(action(1), entry(2), Origin::PutHere).unwrap();
    assert_eq!(index.get(&action(7)), None);
    assert_eq!(index.get(&action(1)), Some((entry(2), Origin::PutHere)));
}

#[test]
fn a_record_on_its_way_is_read_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Index::open(folder.path());
    let record = encode_entry(&action(3), &entry(3));
    let mut log = OpenOptions::new().append(true).open(folder.path().join(INDEX_FILE)).unwrap();
    log.write_all(&record[..50]).unwrap();
    assert_eq!(index.get(&action(3)), None);
    log.write_all(&record[50..]).unwrap();
    assert_eq!(index.get(&action(3)), Some((entry(3), Origin::Stored)));
}

const NOW_S: i64 = 1_800_000_000;

fn used_s(index: &Index, wanted: u8) -> Option<i64> {
    index.iter_used().find(|(found, ..)| **found == action(wanted)).unwrap().2
}

fn log_bytes(folder: &Path) -> usize {
    std::fs::metadata(folder.join(INDEX_FILE)).unwrap().len() as usize
}

#[test]
fn a_use_is_written_down_once_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Index::open(folder.path());
    first.insert(action(1), entry(1), Origin::PutHere).unwrap();
    first.insert(action(2), entry(2), Origin::PutHere).unwrap();
    assert_eq!(used_s(&Index::open(folder.path()), 1), None, "it came in, and that is all");
    for (now_s, expected) in [
        (NOW_S, USE_BYTES),
        (NOW_S + USE_EVERY_S - 1, USE_BYTES),
        (NOW_S + USE_EVERY_S, 2 * USE_BYTES),
        (NOW_S, 3 * USE_BYTES),
    ] {
        let mut next = Index::open(folder.path());
        next.get(&action(1)).unwrap();
        next.note_uses(now_s).unwrap();
        assert_eq!(log_bytes(folder.path()) - 2 * ENTRY_BYTES, expected, "{now_s}");
    }
    let last = Index::open(folder.path());
    assert_eq!((used_s(&last, 1), used_s(&last, 2)), (Some(NOW_S), None), "the last record wins: clocks jump");
}

#[test]
fn what_this_session_put_needs_no_record_of_its_use() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Index::open(folder.path());
    index.insert(action(1), entry(1), Origin::PutHere).unwrap();
    index.get(&action(1)).unwrap();
    index.get(&action(9));
    index.note_uses(now_s()).unwrap();
    assert_eq!(log_bytes(folder.path()), ENTRY_BYTES);
    index.note_uses(now_s() + USE_EVERY_S).unwrap();
    assert_eq!(log_bytes(folder.path()), ENTRY_BYTES + USE_BYTES, "but for a session that lives longer than a day");
}

#[test]
fn what_was_put_in_the_last_day_needs_no_record_of_its_use() {
    let folder = tempfile::tempdir().unwrap();
    let put = |n, put_s: i64| {
        let entry = Entry { time_ns: put_s * 1_000_000_000, ..entry(n) };
        Index::open(folder.path()).insert(action(n), entry, Origin::PutHere).unwrap();
    };
    put(1, NOW_S);
    put(2, NOW_S - USE_EVERY_S + 1);
    put(3, NOW_S - USE_EVERY_S);
    put(4, NOW_S + 1);
    let mut index = Index::open(folder.path());
    (1..=4).for_each(|n| assert!(index.get(&action(n)).is_some()));
    let noted = [1, 2, 3, 4].map(|n| index.is_noted(&action(n), NOW_S));
    assert_eq!(noted, [true, true, false, false], "a time to come says nothing");
    index.note_uses(NOW_S).unwrap();
    assert_eq!(log_bytes(folder.path()), 4 * ENTRY_BYTES + 2 * USE_BYTES);
}

/// What trimming does to the log.
fn replace_log(folder: &Path, change: impl FnOnce(&mut Index)) {
    let mut index = Index::open(folder);
    change(&mut index);
    index.write_to(&folder.join("new")).unwrap();
    std::fs::rename(folder.join("new"), folder.join(INDEX_FILE)).unwrap();
}

#[test]
fn a_session_goes_on_with_the_log_that_trimming_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Index::open(folder.path());
    (1..=3).for_each(|n| first.insert(action(n), entry(n), Origin::PutHere).unwrap());
    let mut session = Index::open(folder.path());
    (1..=3).for_each(|n| assert!(session.get(&action(n)).is_some()));
    session.insert(action(4), entry(4), Origin::PutHere).unwrap();
    replace_log(folder.path(), |index| index.forget(&action(1)));
    session.insert(action(5), entry(5), Origin::PutHere).unwrap();
    assert_eq!(session.get(&action(1)), None, "it is gone");
    assert_eq!(session.get(&action(2)), Some((entry(2), Origin::Stored)));
    assert_eq!(session.get(&action(4)), Some((entry(4), Origin::PutHere)));
    session.note_uses(NOW_S).unwrap();
    let mut next = Index::open(folder.path());
    assert_eq!([1, 2, 3, 4, 5].map(|n| next.get(&action(n)).is_some()), [false, true, true, true, true]);
    assert_eq!((used_s(&next, 2), used_s(&next, 3)), (Some(NOW_S), Some(NOW_S)), "it still knows what it handed out");
    replace_log(folder.path(), |_| ());
    first.insert(action(6), entry(6), Origin::PutHere).unwrap();
    assert!(session.get(&action(6)).is_some(), "a miss looks at the new log");
}

#[test]
fn an_entry_that_is_put_again_has_not_been_used_yet() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Index::open(folder.path());
    index.insert(action(1), entry(1), Origin::Stored).unwrap();
    index.get(&action(1)).unwrap();
    index.note_uses(1000).unwrap();
    index.insert(action(1), entry(2), Origin::PutHere).unwrap();
    assert_eq!(index.replaced(), [entry(1).output]);
    assert_eq!(used_s(&Index::open(folder.path()), 1), None);
}

#[test]
fn what_another_helper_replaces_is_told_where_it_was_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = Index::open(folder.path());
    other.insert(action(1), entry(1), Origin::PutHere).unwrap();
    other.insert(action(2), entry(2), Origin::PutHere).unwrap();
    let mut index = Index::open(folder.path());
    index.get(&action(1)).unwrap();
    other.insert(action(1), entry(3), Origin::PutHere).unwrap();
    other.insert(action(2), entry(4), Origin::PutHere).unwrap();
    index.get(&action(9));
    assert_eq!(index.replaced(), [entry(1).output]);
}

#[test]
fn a_new_log_has_each_entry_once_with_its_last_use() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Index::open(folder.path());
    for n in [1, 1, 2, 3] {
        index.insert(action(n), entry(n), Origin::PutHere).unwrap();
    }
    index.set_used(&action(2), NOW_S);
    index.forget(&action(3));
    let other = tempfile::tempdir().unwrap();
    index.write_to(&other.path().join(INDEX_FILE)).unwrap();
    assert_eq!(log_bytes(other.path()), 2 * (ENTRY_BYTES + USE_BYTES));
    let mut again = Index::open(other.path());
    assert_eq!(used_s(&again, 2), Some(NOW_S));
    assert_eq!(again.get(&action(1)).map(|found| found.0), Some(entry(1)));
    assert!(again.get(&action(3)).is_none());
}

#[test]
fn a_log_longer_than_one_read_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let id = |n: u16| ActionId::new(std::array::from_fn(|i| n.to_le_bytes()[i % 2]));
    let mut index = Index::open(folder.path());
    index.insert_all((0..20_000).map(|n| (id(n), entry(n as u8))), Origin::Fetched, true).unwrap();
    index.append_torn();
    index.insert(action(200), entry(200), Origin::PutHere).unwrap();
    let mut again = Index::open(folder.path());
    assert_eq!(again.iter().count(), 20_001);
    assert!((0..20_000).all(|n| again.get(&id(n)).is_some_and(|found| found.0 == entry(n as u8))));
}

impl Index {
    fn append_torn(&mut self) {
        self.log.append(&encode_entry(&action(7), &entry(7))[..50]).unwrap();
    }
}

proptest! {
    #[test]
    fn damage_costs_only_the_records_it_hits(at in 0..ENTRY_BYTES * 3, cut in any::<bool>(), byte in any::<u8>()) {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes: Vec<u8> = (0..3).flat_map(|n| encode_entry(&action(n), &entry(n))).collect();
        let hit = at / ENTRY_BYTES;
        if cut { bytes.remove(at); } else { bytes[at] ^= byte | 1; }
        std::fs::write(folder.path().join(INDEX_FILE), bytes).unwrap();
        let mut index = Index::open(folder.path());
        for n in (0..3).filter(|n| *n != hit) {
            prop_assert_eq!(index.get(&action(n as u8)).map(|f| f.0), Some(entry(n as u8)));
        }
        prop_assert_eq!(index.get(&action(hit as u8)), None);
    }

    #[test]
    fn damaged_uses_cost_no_entries(at in 0..USE_BYTES, cut in any::<bool>(), byte in any::<u8>()) {
        let folder = tempfile::tempdir().unwrap();
        let mut uses = encode_use(&action(1), NOW_S).to_vec();
        if cut { uses.remove(at); } else { uses[at] ^= byte | 1; }
        let bytes = [&encode_entry(&action(1), &entry(1))[..], &uses, &encode_entry(&action(2), &entry(2))].concat();
        std::fs::write(folder.path().join(INDEX_FILE), bytes).unwrap();
        let mut index = Index::open(folder.path());
        prop_assert_eq!(used_s(&index, 1), None);
        prop_assert!((1..=2).all(|n| index.get(&action(n)).is_some()));
    }
}
