//! What a session could not upload is remembered beside the local store, for the next one that uploads to the same remote.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use xxhash_rust::xxh3::xxh3_64;

use crate::cache::store_folder;
use crate::protocol::ActionId;

/// More are not remembered: a remote that is away for weeks must not cost every build more.
const MOST: usize = 100_000;

/// How an entry goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In a pack that a manifest tells of.
    Packs,
    /// As the workshop's two objects.
    Plain,
}

/// Actions that are to go out, and the file that keeps those that did not.
pub struct Unsent {
    path: PathBuf,
    /// What is out in each way that an entry has to go out in.
    sent_in: Mutex<Vec<(Way, HashSet<ActionId>)>>,
    waiting: Mutex<HashSet<ActionId>>,
    /// What went out, as far as the file may still name it.
    sent: Mutex<HashSet<ActionId>>,
}

impl Unsent {
    /// For the remote of that name; its file is in `folder`.
    pub fn new(folder: &Path, remote: &str, ways: Vec<Way>) -> Self {
        let path = folder.join(format!("unsent-{:016x}", xxh3_64(remote.as_bytes())));
        let sent_in = Mutex::new(ways.into_iter().map(|way| (way, HashSet::new())).collect());
        Self { path, sent_in, waiting: Mutex::default(), sent: Mutex::default() }
    }

    /// What earlier sessions could not send.
    pub fn left_before(&self) -> Vec<ActionId> {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        text.lines().filter_map(ActionId::from_wire).collect()
    }

    /// Notes that an entry is to go out.
    pub fn waits(&self, action: ActionId) {
        self.waiting.lock().expect("nobody panics with it").insert(action);
    }

    /// Notes that entries are out in one way. With two ways they are out after the second.
    pub fn sent_in(&self, way: Way, actions: &[ActionId]) {
        let mut sent_in = self.sent_in.lock().expect("nobody panics with it");
        for (_, sent) in sent_in.iter_mut().filter(|(other, _)| *other == way) {
            sent.extend(actions);
        }
        let is_out = |action: &&ActionId| sent_in.iter().all(|(_, sent)| sent.contains(*action));
        let out: Vec<ActionId> = actions.iter().filter(is_out).copied().collect();
        drop(sent_in);
        self.sent(&out);
    }

    /// Notes that entries are out, or that nobody can send them.
    pub fn sent(&self, actions: &[ActionId]) {
        let mut waiting = self.waiting.lock().expect("nobody panics with it");
        let mut sent = self.sent.lock().expect("nobody panics with it");
        for action in actions {
            waiting.remove(action);
            sent.insert(*action);
        }
    }

    /// Brings the file up to date with what is out and what is not. Without it entries are compiled again, no more.
    pub fn write(&self) {
        // Two sessions that end together must not each forget what the other has left.
        let folder = self.path.parent().and_then(|folder| File::open(folder).ok());
        let _alone = folder.filter(|folder| folder.lock().is_ok());
        let before = self.left_before();
        let waiting = self.waiting.lock().expect("nobody panics with it");
        if before.is_empty() && waiting.is_empty() {
            return;
        }
        let sent = self.sent.lock().expect("nobody panics with it");
        let kept = before.into_iter().filter(|action| !sent.contains(action) && !waiting.contains(action));
        let all: Vec<ActionId> = waiting.iter().copied().chain(kept).take(MOST).collect();
        let _ = if all.is_empty() { std::fs::remove_file(&self.path) } else { replace(&self.path, &all) };
    }
}

/// By rename: another session may read it.
fn replace(path: &Path, actions: &[ActionId]) -> std::io::Result<()> {
    let store = path.parent().unwrap_or(Path::new("."));
    store_folder::make(store)?;
    let temporary = store_folder::temporary_path(store, "unsent-");
    let lines: String = actions.iter().map(|action| action.to_wire() + "\n").collect();
    let written = std::fs::write(&temporary, lines).and_then(|()| std::fs::rename(&temporary, path));
    written.inspect_err(|_| {
        let _ = std::fs::remove_file(&temporary);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(n: u8) -> ActionId {
        ActionId::new([n; 32])
    }

    fn left(unsent: &Unsent) -> HashSet<ActionId> {
        unsent.left_before().into_iter().collect()
    }

    #[test]
    fn what_did_not_go_out_is_known_to_the_next_session_until_it_is_out() {
        let folder = tempfile::tempdir().unwrap();
        let first = Unsent::new(folder.path(), "one", vec![Way::Packs]);
        (1..=3).for_each(|n| first.waits(action(n)));
        first.sent(&[action(2)]);
        first.write();
        let second = Unsent::new(folder.path(), "one", vec![Way::Packs]);
        assert_eq!(left(&second), HashSet::from([action(1), action(3)]));
        assert!(left(&Unsent::new(folder.path(), "another", vec![Way::Packs])).is_empty());
        second.waits(action(4));
        second.sent(&[action(1)]);
        second.write();
        assert_eq!(left(&second), HashSet::from([action(3), action(4)]));
        let third = Unsent::new(folder.path(), "one", vec![Way::Packs]);
        third.sent(&[action(3), action(4)]);
        third.write();
        assert!(!third.path.exists(), "nothing is left of it");
        let temporary = folder.path().join(store_folder::TEMPORARY_FOLDER);
        assert_eq!(std::fs::read_dir(temporary).unwrap().count(), 0);
    }

    #[test]
    fn sessions_that_end_together_forget_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let sessions: Vec<Unsent> = (0..8).map(|_| Unsent::new(folder.path(), "one", vec![Way::Packs])).collect();
        (0..8).for_each(|n| sessions[n as usize].waits(action(n)));
        std::thread::scope(|scope| sessions.iter().for_each(|session| drop(scope.spawn(|| session.write()))));
        assert_eq!(left(&Unsent::new(folder.path(), "one", vec![Way::Packs])).len(), 8);
    }

    #[test]
    fn a_file_of_other_content_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let unsent = Unsent::new(folder.path(), "one", vec![Way::Packs]);
        std::fs::write(&unsent.path, b"no action\n\xff\xfe").unwrap();
        assert!(left(&unsent).is_empty());
    }

    #[test]
    fn with_two_ways_an_entry_is_out_after_the_second() {
        let folder = tempfile::tempdir().unwrap();
        let unsent = Unsent::new(folder.path(), "one", vec![Way::Packs, Way::Plain]);
        (1..=3).for_each(|n| unsent.waits(action(n)));
        unsent.sent_in(Way::Packs, &[action(1), action(2)]);
        unsent.sent_in(Way::Plain, &[action(2), action(3)]);
        unsent.write();
        assert_eq!(left(&unsent), HashSet::from([action(1), action(3)]));
    }
}
