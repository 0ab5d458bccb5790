//! The entries and bodies that leave the store, without those that sessions take back meanwhile.

use std::collections::{HashMap, HashSet};
use std::io;

use crate::cache::local::index::entry::Entry;
use crate::cache::local::index::log::Log;
use crate::cache::local::index::record::{Record, encode_entry, encode_use};
use crate::protocol::{ActionId, OutputId};

/// Entries and bodies that are about to leave.
#[derive(Debug, Default)]
pub struct Leaving {
    entries: HashMap<ActionId, Entry>,
    bodies: HashSet<OutputId>,
    new_records: Vec<u8>,
}

impl Leaving {
    /// Lets an entry leave.
    pub fn add_entry(&mut self, action: ActionId, entry: Entry) {
        self.entries.insert(action, entry);
    }

    /// Lets a body leave.
    pub fn add_body(&mut self, output: OutputId) {
        self.bodies.insert(output);
    }

    /// The actions of the entries.
    pub fn actions(&self) -> impl Iterator<Item = &ActionId> {
        self.entries.keys()
    }

    /// How many entries leave.
    pub fn count_entries(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The bodies, in no order.
    pub fn bodies(&self) -> Vec<OutputId> {
        self.bodies.iter().copied().collect()
    }

    /// True if a body leaves.
    pub fn has_body(&self, output: &OutputId) -> bool {
        self.bodies.contains(output)
    }

    /// The records with which a log without the entries that leave has all that sessions have appended since.
    pub fn new_records(&self) -> &[u8] {
        &self.new_records
    }

    /// Reads what sessions have appended to `log`, and takes back what they put or used.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn take_back_new(&mut self, log: &mut Log) -> io::Result<()> {
        log.read_new(|record| match record {
            Record::Entry(action, entry) => {
                self.entries.remove(&action);
                self.bodies.remove(&entry.output);
                self.new_records.extend_from_slice(&encode_entry(&action, &entry));
            }
            Record::Use(action, used_s) => {
                if let Some(entry) = self.entries.remove(&action) {
                    self.bodies.remove(&entry.output);
                    self.new_records.extend_from_slice(&encode_entry(&action, &entry));
                }
                self.new_records.extend_from_slice(&encode_use(&action, used_s));
            }
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::local::index::entry::Origin;
    use crate::cache::local::index::memory::Index;

    fn action(n: u8) -> ActionId {
        ActionId::new([n; 32])
    }

    fn entry(n: u8) -> Entry {
        Entry { output: OutputId::new([n; 32]), size_bytes: 1, time_ns: 0 }
    }

    #[test]
    fn what_is_put_or_used_meanwhile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut session = Index::open(folder.path());
        (1..=4).for_each(|n| session.insert(action(n), entry(n), Origin::PutHere).unwrap());
        let mut trimmer = Index::open(folder.path());
        let mut leaving = Leaving::default();
        for n in 1..=5 {
            leaving.add_entry(action(n), entry(n));
            leaving.add_body(entry(n).output);
            trimmer.forget(&action(n));
        }
        // One is used, one is put with another output, one output comes under another action.
        session.append(&encode_use(&action(1), 7));
        leaving.take_back_new(trimmer.log()).unwrap();
        session.insert(action(2), entry(9), Origin::PutHere).unwrap();
        session.append(&encode_use(&action(2), 8));
        session.insert(action(8), entry(3), Origin::PutHere).unwrap();
        leaving.take_back_new(trimmer.log()).unwrap();
        let mut left: Vec<u8> = leaving.actions().map(|action| action.as_bytes()[0]).collect();
        left.sort_unstable();
        assert_eq!(left, [3, 4, 5]);
        assert_eq!([1, 2, 3, 4].map(|n| leaving.has_body(&entry(n).output)), [false, true, false, true]);
        let other = tempfile::tempdir().unwrap();
        Index::open(other.path()).append(leaving.new_records());
        let mut next = Index::open(other.path());
        let found = [1, 2, 3, 8].map(|n| next.get(&action(n)).map(|(entry, _)| entry));
        assert_eq!(found, [Some(entry(1)), Some(entry(9)), None, Some(entry(3))]);
    }

    impl Index {
        fn append(&mut self, records: &[u8]) {
            self.log().append(records).unwrap();
        }
    }
}
