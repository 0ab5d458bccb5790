//! The local index: which output an action gave. In memory, behind an append-only log that several sessions share.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::cache::local::index::entry::{Entry, Origin};
use crate::cache::local::index::hasher::ById;
use crate::cache::local::index::known::{Known, compact};
use crate::cache::local::index::log::Log;
use crate::cache::local::index::record::{Record, encode_entry, encode_use};
use crate::platform::clock::now_s;
use crate::protocol::{ActionId, OutputId};

type Entries = HashMap<ActionId, Known, ById>;

/// The entries in memory and the log they are appended to.
pub struct Index {
    entries: Entries,
    log: Log,
    /// Outputs that were replaced in this session: go may have been given it.
    replaced: Vec<OutputId>,
}

impl Index {
    /// Loads the log in `folder`; a missing one is made. Damaged records are skipped: they cost hits, not
    /// correctness. A log that cannot be written or read makes an index that remembers for this session only.
    pub fn open(folder: &Path) -> Self {
        Self::load(Log::open(folder))
    }

    /// Loads the log of a store that is only read: nothing is made.
    pub fn open_to_read(folder: &Path) -> Self {
        Self::load(Log::open_to_read(folder))
    }

    fn load(log: Log) -> Self {
        let entries = Entries::with_capacity_and_hasher(log.most_entries(), ById::default());
        let mut index = Self { entries, log, replaced: Vec::new() };
        if index.read_new().is_err() {
            index.log.close();
        }
        index
    }

    /// The entry of an action, to be handed out. Looks once at what other sessions have appended before it says no.
    pub fn get(&mut self, action: &ActionId) -> Option<(Entry, Origin)> {
        if let Some(known) = self.entries.get_mut(action) {
            return Some(known.hand_out());
        }
        self.catch_up().ok()?;
        self.entries.get_mut(action).map(Known::hand_out)
    }

    /// True if the log shows that the entry was used in the day before `now_s`. Then trimming keeps it for another day at
    /// least.
    pub fn is_noted(&self, action: &ActionId, now_s: i64) -> bool {
        self.entries.get(action).is_some_and(|known| known.is_noted(now_s))
    }

    /// Goes on with the log that has its name now, where trimming or the user has replaced the one that was read. What is no
    /// longer in it is forgotten, but for what this session brought.
    ///
    /// # Errors
    /// When a log cannot be read.
    pub fn follow(&mut self) -> io::Result<()> {
        if !self.log.is_replaced()? {
            return Ok(());
        }
        self.log.reopen()?;
        let entries = Entries::with_capacity_and_hasher(self.log.most_entries(), ById::default());
        let before = std::mem::replace(&mut self.entries, entries);
        let read = self.read_new();
        for (action, known) in before {
            // What could not be read may well be in the log.
            self.carry_over(action, known, read.is_err());
        }
        read.map(drop)
    }

    /// Follows the log and reads what other sessions have appended.
    ///
    /// # Errors
    /// As [`Index::follow`].
    pub fn catch_up(&mut self) -> io::Result<()> {
        self.follow()?;
        self.read_new().map(drop)
    }

    /// Takes over what this session knew of an action before it changed to another log. `is_all`: also what it knew from
    /// the old log only.
    fn carry_over(&mut self, action: ActionId, known: Known, is_all: bool) {
        match self.entries.entry(action) {
            Vacant(place) => {
                if is_all || known.origin != Origin::Stored {
                    place.insert(known);
                }
            }
            Occupied(mut place) => {
                let now = place.get_mut();
                now.is_handed_out |= known.is_handed_out;
                if now.entry == known.entry {
                    now.origin = known.origin;
                } else if known.is_handed_out && now.entry.output != known.entry.output {
                    self.replaced.push(known.entry.output);
                }
            }
        }
    }

    /// The entry of an action as far as it is known here; it is not handed out.
    pub fn peek(&self, action: &ActionId) -> Option<(Entry, Origin)> {
        self.entries.get(action).map(|known| (known.entry, known.origin))
    }

    /// Remembers an entry for this session only; the last one of an action wins.
    pub fn insert_for_session(&mut self, action: ActionId, entry: Entry, origin: Origin) {
        let old = self.entries.insert(action, Known::arrived(entry, origin, now_s()));
        self.replaced.extend(old.map(|old| old.entry.output).filter(|output| *output != entry.output));
    }

    /// Remembers an entry for good. Its body has to have its final name by now.
    ///
    /// # Errors
    /// When the log cannot be written; the entry is remembered for this session all the same.
    pub fn insert(&mut self, action: ActionId, entry: Entry, origin: Origin) -> io::Result<()> {
        // First: what is known of the action now may be in another log.
        let followed = self.follow();
        self.insert_for_session(action, entry, origin);
        followed.and_then(|()| self.log.append(&encode_entry(&action, &entry)))
    }

    /// Remembers entries that are not known yet, for good if `is_lasting`, by one write.
    ///
    /// # Errors
    /// As [`Index::insert`].
    pub fn insert_all(
        &mut self,
        entries: impl Iterator<Item = (ActionId, Entry)>,
        origin: Origin,
        is_lasting: bool,
    ) -> io::Result<()> {
        // What another session has put meanwhile is newer. A log that cannot be read shows when it is written.
        let followed = self.catch_up();
        let mut records = Vec::new();
        let now_s = now_s();
        for (action, entry) in entries {
            if let Vacant(place) = self.entries.entry(action) {
                place.insert(Known::arrived(entry, origin, now_s));
                records.extend_from_slice(&encode_entry(&action, &entry));
            }
        }
        if is_lasting && !records.is_empty() { followed.and_then(|()| self.log.append(&records)) } else { Ok(()) }
    }

    /// Writes down what this session handed out and of which no use is known in the day before `now_s`, by one write.
    ///
    /// # Errors
    /// When the log cannot be written; then [`Index::unnoted`] are the same as before.
    pub fn note_uses(&mut self, now_s: i64) -> io::Result<()> {
        if self.unnoted(now_s).next().is_none() {
            return Ok(());
        }
        self.follow()?;
        let actions: Vec<ActionId> = self.unnoted(now_s).map(|(action, _)| *action).collect();
        let records: Vec<u8> = actions.iter().flat_map(|action| encode_use(action, now_s)).collect();
        self.log.append(&records)?;
        actions.iter().for_each(|action| self.set_used(action, now_s));
        Ok(())
    }

    /// The entries that this session gave to go, and of which the log shows no use in the day before `now_s`.
    pub fn unnoted(&self, now_s: i64) -> impl Iterator<Item = (&ActionId, &Entry)> {
        let unnoted = self.entries.iter().filter(move |(_, known)| known.was_given() && !known.is_noted(now_s));
        unnoted.map(|(action, known)| (action, &known.entry))
    }

    /// The outputs that others have replaced since this session began; go may have been given them.
    pub fn replaced(&self) -> &[OutputId] {
        &self.replaced
    }

    /// Bytes of the log that had to be skipped.
    pub fn damaged_bytes(&self) -> u64 {
        self.log.damaged_bytes()
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&ActionId, &Entry)> {
        self.entries.iter().map(|(action, known)| (action, &known.entry))
    }

    /// All entries, each with its last use, Unix seconds; `None`: none since it came into the store, as far as is known.
    pub fn iter_used(&self) -> impl Iterator<Item = (&ActionId, &Entry, Option<i64>)> {
        self.entries.iter().map(|(action, known)| (action, &known.entry, known.used_s()))
    }

    /// Notes a use in memory only.
    pub fn set_used(&mut self, action: &ActionId, used_s: i64) {
        if let Some(known) = self.entries.get_mut(action) {
            known.used_s = compact(used_s);
        }
    }

    /// Forgets an entry, in memory only.
    pub fn forget(&mut self, action: &ActionId) {
        self.entries.remove(action);
    }

    /// Writes all that is known as a new log.
    ///
    /// # Errors
    /// When the file cannot be made or written.
    pub fn write_to(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(File::create_new(path)?);
        for (action, known) in &self.entries {
            file.write_all(&encode_entry(action, &known.entry))?;
            if let Some(used_s) = known.used_s() {
                file.write_all(&encode_use(action, used_s))?;
            }
        }
        file.into_inner()?.sync_data()
    }

    /// The log that it was loaded from.
    pub fn log(&mut self) -> &mut Log {
        &mut self.log
    }

    fn read_new(&mut self) -> io::Result<bool> {
        let (entries, replaced) = (&mut self.entries, &mut self.replaced);
        self.log.read_new(|record| match record {
            Record::Entry(action, entry) => learn(entries, replaced, action, entry),
            Record::Use(action, used_s) => {
                if let Some(known) = entries.get_mut(&action) {
                    known.used_s = compact(used_s);
                }
            }
        })
    }
}

/// Takes over an entry from the log.
fn learn(entries: &mut Entries, replaced: &mut Vec<OutputId>, action: ActionId, entry: Entry) {
    let known =
        entries.entry(action).or_insert(Known { entry, origin: Origin::Stored, is_handed_out: false, used_s: None });
    match known.origin {
        // Our own record, read back: its origin is known better here.
        _ if known.origin != Origin::Stored && known.entry == entry => {}
        // One that we have replaced since.
        Origin::PutHere if entry.time_ns < known.entry.time_ns => {}
        _ => {
            if known.is_handed_out && known.entry.output != entry.output {
                replaced.push(known.entry.output);
            }
            // It came into the store anew, and what is known of the old one's uses says nothing.
            *known = Known { entry, origin: Origin::Stored, is_handed_out: known.is_handed_out, used_s: None };
        }
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
