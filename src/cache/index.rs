//! The local index: which output an action gave. In memory, behind an append-only log that several helpers share.

use std::collections::HashMap;
use std::collections::hash_map::Entry::Vacant;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::protocol::{ActionId, OutputId};

/// File name of the log below the store's folder.
pub const INDEX_FILE: &str = "index";
/// First bytes of each record; the last one is the version.
const MAGIC: [u8; 4] = *b"gcp1";
/// One record: magic, CRC-32 of the rest, action, output, size, time; integers little endian.
const RECORD_BYTES: usize = 4 + 4 + 32 + 32 + 8 + 8;

/// What is stored for an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// SHA-256 of the body.
    pub output: OutputId,
    /// Bytes of the body.
    pub size_bytes: u64,
    /// When the output was first put, Unix nanoseconds.
    pub time_ns: i64,
}

/// How an entry came into this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was in the local store, or another helper put it there.
    Stored,
    /// This session put it.
    PutHere,
    /// This session fetched it from the remote.
    Fetched,
}

/// The entries in memory and the log they are appended to.
pub struct Index {
    entries: HashMap<ActionId, (Entry, Origin)>,
    log: Option<File>,
    path: PathBuf,
    /// Bytes of the log that have been read.
    read_to: u64,
    /// Whether the log takes new records; a store on a read-only disk still gives hits.
    writable: bool,
    /// Bytes of the log that are no whole record.
    damaged_bytes: u64,
}

impl Index {
    /// Loads the log in `folder`; a missing one is made. Damaged records are skipped: they cost hits, not
    /// correctness. A log that cannot be written or read makes an index that remembers for this session only.
    pub fn open(folder: &Path) -> Self {
        let path = folder.join(INDEX_FILE);
        let (log, writable) = match open_log(&path) {
            Ok(log) => (Some(log), true),
            Err(_) => (File::open(&path).ok(), false),
        };
        let mut index = Self { entries: HashMap::new(), log, path, read_to: 0, writable, damaged_bytes: 0 };
        if index.read_new().is_err() {
            index.log = None;
        }
        index
    }

    /// The entry of an action. Looks once at what other helpers have appended before it says no.
    pub fn get(&mut self, action: &ActionId) -> Option<(Entry, Origin)> {
        if let Some(found) = self.entries.get(action) {
            return Some(*found);
        }
        if self.read_new().ok()? { self.entries.get(action).copied() } else { None }
    }

    /// Remembers an entry for this session only; the last one of an action wins.
    pub fn insert_for_session(&mut self, action: ActionId, entry: Entry, origin: Origin) {
        self.entries.insert(action, (entry, origin));
    }

    /// Remembers an entry for good. Its body has to have its final name by now.
    ///
    /// # Errors
    /// When the log cannot be written; the entry is remembered for this session all the same.
    pub fn insert(&mut self, action: ActionId, entry: Entry, origin: Origin) -> io::Result<()> {
        self.insert_for_session(action, entry, origin);
        self.append(&encode(&action, &entry))
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
        let mut records = Vec::new();
        for (action, entry) in entries {
            if let Vacant(place) = self.entries.entry(action) {
                place.insert((entry, origin));
                records.extend_from_slice(&encode(&action, &entry));
            }
        }
        if is_lasting && !records.is_empty() { self.append(&records) } else { Ok(()) }
    }

    fn append(&mut self, records: &[u8]) -> io::Result<()> {
        self.reopen_if_removed()?;
        match &mut self.log {
            Some(log) if self.writable => log.write_all(records),
            _ => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
        }
    }

    /// The user may have removed the store in the middle of a session: what is put after that is in a new one.
    fn reopen_if_removed(&mut self) -> io::Result<()> {
        let Some(log) = self.log.as_ref().filter(|_| self.writable) else { return Ok(()) };
        if log.metadata()?.nlink() == 0 {
            self.log = Some(open_log(&self.path)?);
            self.read_to = 0;
        }
        Ok(())
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of the log that had to be skipped.
    pub fn damaged_bytes(&self) -> u64 {
        self.damaged_bytes
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&ActionId, &Entry)> {
        self.entries.iter().map(|(action, (entry, _))| (action, entry))
    }

    /// Reads what was appended since the last call; whether there was anything.
    fn read_new(&mut self) -> io::Result<bool> {
        let Some(log) = &self.log else { return Ok(false) };
        let length = log.metadata()?.len();
        if length <= self.read_to {
            return Ok(false);
        }
        let mut bytes = vec![0; (length - self.read_to) as usize];
        log.read_exact_at(&mut bytes, self.read_to)?;
        let mut rest = &bytes[..];
        while rest.len() >= RECORD_BYTES {
            match decode(rest) {
                Some((action, entry)) => {
                    self.learn(action, entry);
                    rest = &rest[RECORD_BYTES..];
                }
                // A record torn by a crash leaves the ones behind it at any offset.
                None => {
                    rest = &rest[1..];
                    self.damaged_bytes += 1;
                }
            }
        }
        // A record at the end may still be on its way: it is read again when it is whole.
        self.read_to = length - rest.len() as u64;
        Ok(true)
    }

    fn learn(&mut self, action: ActionId, entry: Entry) {
        match self.entries.get(&action) {
            // Our own record, read back: its origin is known better here.
            Some((known, _)) if *known == entry => {}
            // One that we have replaced since.
            Some((known, Origin::PutHere)) if entry.time_ns < known.time_ns => {}
            _ => {
                self.entries.insert(action, (entry, Origin::Stored));
            }
        }
    }
}

fn open_log(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

fn encode(action: &ActionId, entry: &Entry) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    record[..4].copy_from_slice(&MAGIC);
    record[8..40].copy_from_slice(action.as_bytes());
    record[40..72].copy_from_slice(entry.output.as_bytes());
    record[72..80].copy_from_slice(&entry.size_bytes.to_le_bytes());
    record[80..88].copy_from_slice(&entry.time_ns.to_le_bytes());
    let sum = crc32fast::hash(&record[8..]);
    record[4..8].copy_from_slice(&sum.to_le_bytes());
    record
}

fn decode(bytes: &[u8]) -> Option<(ActionId, Entry)> {
    let record = bytes.first_chunk::<RECORD_BYTES>()?;
    let sum = u32::from_le_bytes(field(record, 4));
    if record[..4] != MAGIC || crc32fast::hash(&record[8..]) != sum {
        return None;
    }
    let entry = Entry {
        output: OutputId::new(field(record, 40)),
        size_bytes: u64::from_le_bytes(field(record, 72)),
        time_ns: i64::from_le_bytes(field(record, 80)),
    };
    Some((ActionId::new(field(record, 8)), entry))
}

fn field<const N: usize>(record: &[u8; RECORD_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|i| record[at + i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        let mut index = Index::open(folder.path());
        index.insert(action(1), entry(1), Origin::PutHere).unwrap();
        std::fs::remove_file(folder.path().join(INDEX_FILE)).unwrap();
        index.insert(action(2), entry(2), Origin::PutHere).unwrap();
        let mut next = Index::open(folder.path());
        assert_eq!(next.get(&action(1)), None);
        assert_eq!(next.get(&action(2)), Some((entry(2), Origin::Stored)));
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
        let record = encode(&action(3), &entry(3));
        let mut log = OpenOptions::new().append(true).open(folder.path().join(INDEX_FILE)).unwrap();
        log.write_all(&record[..50]).unwrap();
        assert_eq!(index.get(&action(3)), None);
        log.write_all(&record[50..]).unwrap();
        assert_eq!(index.get(&action(3)), Some((entry(3), Origin::Stored)));
    }

    proptest! {
        #[test]
        fn damage_costs_only_the_records_it_hits(at in 0..RECORD_BYTES * 3, cut in any::<bool>(), byte in any::<u8>()) {
            let folder = tempfile::tempdir().unwrap();
            let mut bytes: Vec<u8> = (0..3).flat_map(|n| encode(&action(n), &entry(n))).collect();
            let hit = at / RECORD_BYTES;
            if cut { bytes.remove(at); } else { bytes[at] ^= byte | 1; }
            std::fs::write(folder.path().join(INDEX_FILE), bytes).unwrap();
            let mut index = Index::open(folder.path());
            for n in (0..3).filter(|n| *n != hit) {
                prop_assert_eq!(index.get(&action(n as u8)).map(|f| f.0), Some(entry(n as u8)));
            }
            prop_assert_eq!(index.get(&action(hit as u8)), None);
        }
    }
}
