//! Entries that a session could not upload are remembered beside the local store, for the next one that uploads to the same remote.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use xxhash_rust::xxh3::xxh3_64;

use crate::cache::local::folder::small_file::{alone, replace};
use crate::protocol::ActionId;

/// More are not remembered: a remote that is away for weeks must not cost every build more.
const MOST: usize = 100_000;

/// How an entry goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In a pack that a manifest has published.
    Packs,
    /// As the workshop's two objects.
    Plain,
}

/// Entries that are to go out, and the file that keeps those that did not.
pub struct Unsent {
    folder: PathBuf,
    name: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: HashMap<ActionId, Outstanding>,
    /// Entries among them.
    left: u64,
    /// Entries that went out, as far as the file may still name it.
    sent: HashSet<ActionId>,
    /// Entries that later sessions do not send again: they would be cut off each time.
    too_slow: HashSet<ActionId>,
}

/// How often an action has still to go out in each way. It is put again where its output has changed.
#[derive(Clone, Copy, Default)]
struct Outstanding {
    packs: u64,
    plain: u64,
}

impl Unsent {
    /// For the remote of that name; its file is in `folder`.
    pub fn new(folder: &Path, remote: &str) -> Self {
        let name = format!("unsent-{:016x}", xxh3_64(remote.as_bytes()));
        Self { folder: folder.to_owned(), name, state: Mutex::default() }
    }

    /// The entries that earlier sessions could not send.
    pub fn left_before(&self) -> Vec<ActionId> {
        let text = std::fs::read_to_string(self.folder.join(&self.name)).unwrap_or_default();
        text.lines().filter_map(ActionId::from_wire).collect()
    }

    /// Notes that an entry is to go out in these ways.
    pub fn waits(&self, action: ActionId, ways: &[Way]) {
        self.state().change(action, |outstanding| ways.iter().for_each(|way| *outstanding.of(*way) += 1));
    }

    /// Notes that entries are out in one way. With two ways they are out after the second.
    pub fn sent_in(&self, way: Way, actions: &[ActionId]) {
        let mut state = self.state();
        for action in actions {
            state.change(*action, |outstanding| {
                let count = outstanding.of(way);
                *count = count.saturating_sub(1);
            });
        }
    }

    /// Notes that entries cannot be sent. Returns how many of their puts had not gone out: none for an entry that has been noted
    /// before, as it is where it cannot be sent in two ways.
    pub fn gone(&self, actions: &[ActionId]) -> u64 {
        let mut state = self.state();
        let mut puts = 0;
        for action in actions {
            state.change(*action, |outstanding| {
                puts += outstanding.packs.max(outstanding.plain);
                *outstanding = Outstanding::default();
            });
            state.sent.insert(*action);
        }
        puts
    }

    /// Notes that an entry that was to go out in packs goes out plainly.
    pub fn turns_plain(&self, action: ActionId) {
        self.state().change(action, |outstanding| {
            outstanding.plain = outstanding.plain.max(outstanding.packs);
            outstanding.packs = 0;
        });
    }

    /// Notes that the upload of a large output begins, or has failed: one that the end of a session cuts off is not begun
    /// again by each later one.
    pub fn may_be_cut_off(&self, action: ActionId, may_be: bool) {
        let mut state = self.state();
        if may_be {
            state.too_slow.insert(action);
        } else {
            state.too_slow.remove(&action);
        }
    }

    /// Entries that are not out.
    pub fn left(&self) -> u64 {
        self.state().left
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }

    /// Brings the file up to date with what is out and what is not. Without it entries are compiled again, no more.
    pub fn write(&self) {
        let State { waiting, sent, too_slow, .. } = &*self.state();
        if waiting.is_empty() && sent.is_empty() {
            return;
        }
        // Two sessions that end together must not each forget what the other has left.
        let _alone = alone(&self.folder);
        let before = self.left_before();
        let kept = before.iter().filter(|action| !sent.contains(*action) && !waiting.contains_key(*action));
        let all = waiting.keys().filter(|action| !too_slow.contains(*action)).chain(kept).take(MOST);
        let lines: String = all.map(|action| action.to_wire() + "\n").collect();
        let _ = match (lines.is_empty(), before.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => std::fs::remove_file(self.folder.join(&self.name)),
            (false, _) => replace(&self.folder, &self.name, lines.as_bytes()),
        };
    }
}

impl State {
    fn change(&mut self, action: ActionId, change: impl FnOnce(&mut Outstanding)) {
        let outstanding = self.waiting.entry(action).or_default();
        let before = outstanding.entries();
        change(outstanding);
        let now = outstanding.entries();
        self.left = self.left + now - before;
        if now == 0 {
            self.waiting.remove(&action);
            self.sent.insert(action);
        } else {
            self.sent.remove(&action);
        }
    }
}

impl Outstanding {
    fn of(&mut self, way: Way) -> &mut u64 {
        match way {
            Way::Packs => &mut self.packs,
            Way::Plain => &mut self.plain,
        }
    }

    fn entries(self) -> u64 {
        self.packs.max(self.plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::local::folder::names::TEMPORARY_FOLDER;

    fn action(n: u8) -> ActionId {
        ActionId::new([n; 32])
    }

    fn left(unsent: &Unsent) -> HashSet<ActionId> {
        unsent.left_before().into_iter().collect()
    }

    #[test]
    fn what_did_not_go_out_is_known_to_the_next_session_until_it_is_out() {
        let folder = tempfile::tempdir().unwrap();
        let first = Unsent::new(folder.path(), "one");
        (1..=3).for_each(|n| first.waits(action(n), &[Way::Packs]));
        first.sent_in(Way::Packs, &[action(2)]);
        first.write();
        let second = Unsent::new(folder.path(), "one");
        assert_eq!(left(&second), HashSet::from([action(1), action(3)]));
        assert!(left(&Unsent::new(folder.path(), "another")).is_empty());
        second.waits(action(4), &[Way::Packs]);
        second.gone(&[action(1)]);
        second.write();
        assert_eq!(left(&second), HashSet::from([action(3), action(4)]));
        let third = Unsent::new(folder.path(), "one");
        third.sent_in(Way::Packs, &[action(3), action(4)]);
        third.write();
        assert!(!folder.path().join(&third.name).exists(), "nothing is left of it");
        let temporary = folder.path().join(TEMPORARY_FOLDER);
        assert_eq!(std::fs::read_dir(temporary).unwrap().count(), 0);
    }

    #[test]
    fn sessions_that_end_together_forget_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let sessions: Vec<Unsent> = (0..8).map(|_| Unsent::new(folder.path(), "one")).collect();
        (0..8).for_each(|n| sessions[n as usize].waits(action(n), &[Way::Packs]));
        std::thread::scope(|scope| sessions.iter().for_each(|session| drop(scope.spawn(|| session.write()))));
        assert_eq!(left(&Unsent::new(folder.path(), "one")).len(), 8);
    }

    #[test]
    fn a_file_of_other_content_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let unsent = Unsent::new(folder.path(), "one");
        std::fs::write(folder.path().join(&unsent.name), b"no action\n\xff\xfe").unwrap();
        assert!(left(&unsent).is_empty());
    }

    #[test]
    fn with_two_ways_an_entry_is_out_after_the_second() {
        let folder = tempfile::tempdir().unwrap();
        let unsent = Unsent::new(folder.path(), "one");
        (1..=3).for_each(|n| unsent.waits(action(n), &[Way::Packs, Way::Plain]));
        unsent.sent_in(Way::Packs, &[action(1), action(2)]);
        unsent.sent_in(Way::Plain, &[action(2), action(3)]);
        unsent.write();
        assert_eq!(left(&unsent), HashSet::from([action(1), action(3)]));
    }

    #[test]
    fn an_action_that_is_put_twice_is_out_when_both_entries_are() {
        let folder = tempfile::tempdir().unwrap();
        let unsent = Unsent::new(folder.path(), "one");
        (0..2).for_each(|_| unsent.waits(action(1), &[Way::Packs]));
        assert_eq!(unsent.left(), 2);
        unsent.sent_in(Way::Packs, &[action(1)]);
        unsent.turns_plain(action(1));
        assert_eq!(unsent.left(), 1);
        unsent.sent_in(Way::Packs, &[action(1)]);
        assert_eq!(unsent.left(), 1);
        unsent.sent_in(Way::Plain, &[action(1)]);
        assert_eq!(unsent.left(), 0);
    }

    #[test]
    fn an_entry_that_cannot_be_sent_in_either_way_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let unsent = Unsent::new(folder.path(), "one");
        (1..=2).for_each(|n| unsent.waits(action(n), &[Way::Packs, Way::Plain]));
        unsent.waits(action(2), &[Way::Packs, Way::Plain]);
        assert_eq!((unsent.gone(&[action(1)]), unsent.gone(&[action(1)])), (1, 0));
        assert_eq!((unsent.gone(&[action(2)]), unsent.left()), (2, 0), "it was put twice");
    }

    #[test]
    fn what_was_cut_off_is_left_and_not_sent_again_and_what_failed_is() {
        let folder = tempfile::tempdir().unwrap();
        let unsent = Unsent::new(folder.path(), "one");
        (1..=2).for_each(|n| unsent.waits(action(n), &[Way::Packs]));
        (1..=2).for_each(|n| unsent.may_be_cut_off(action(n), true));
        unsent.may_be_cut_off(action(2), false);
        unsent.write();
        assert_eq!((unsent.left(), left(&unsent)), (2, HashSet::from([action(2)])));
    }

    #[test]
    fn a_session_that_sent_nothing_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let unsent = Unsent::new(folder.path(), "one");
        std::fs::write(folder.path().join(&unsent.name), action(1).to_wire() + "\n").unwrap();
        let before = std::fs::metadata(folder.path().join(&unsent.name)).unwrap().modified().unwrap();
        unsent.write();
        assert_eq!(std::fs::metadata(folder.path().join(&unsent.name)).unwrap().modified().unwrap(), before);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
