//! The records of the index's log: an entry, or a use of one. Each is recognized by its first bytes and has a checksum.

use crate::cache::local::folder::names::{ENTRY_MAGIC, USE_MAGIC};
use crate::cache::local::index::entry::Entry;
use crate::protocol::{ActionId, OutputId};

/// Magic, CRC-32 of the rest, action, output, size, time; integers little endian.
pub const ENTRY_BYTES: usize = 4 + 4 + 32 + 32 + 8 + 8;
/// Magic, CRC-32 of the rest, action, Unix seconds.
pub const USE_BYTES: usize = 4 + 4 + 32 + 8;

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// The entry of an action.
    Entry(ActionId, Entry),
    /// When the entry of an action was used, Unix seconds. True to a day: see [`crate::cache::local::index::entry::USE_EVERY_S`].
    Use(ActionId, i64),
}

/// The first record of some bytes.
pub enum Decoded {
    /// A whole record of so many bytes.
    Record(Record, usize),
    /// The start of a record that may still be on its way.
    Incomplete,
    /// No record starts here.
    Damaged,
}

/// An entry as it is written.
pub fn encode_entry(action: &ActionId, entry: &Entry) -> [u8; ENTRY_BYTES] {
    let mut record = [0; ENTRY_BYTES];
    record[8..40].copy_from_slice(action.as_bytes());
    record[40..72].copy_from_slice(entry.output.as_bytes());
    record[72..80].copy_from_slice(&entry.size_bytes.to_le_bytes());
    record[80..88].copy_from_slice(&entry.time_ns.to_le_bytes());
    seal(record, ENTRY_MAGIC)
}

/// A use as it is written.
pub fn encode_use(action: &ActionId, used_s: i64) -> [u8; USE_BYTES] {
    let mut record = [0; USE_BYTES];
    record[8..40].copy_from_slice(action.as_bytes());
    record[40..48].copy_from_slice(&used_s.to_le_bytes());
    seal(record, USE_MAGIC)
}

fn seal<const N: usize>(mut record: [u8; N], magic: [u8; 4]) -> [u8; N] {
    record[..4].copy_from_slice(&magic);
    let sum = crc32fast::hash(&record[8..]);
    record[4..8].copy_from_slice(&sum.to_le_bytes());
    record
}

/// Reads the record that `bytes` begin with.
pub fn decode(bytes: &[u8]) -> Decoded {
    let begins_with = |magic: [u8; 4]| bytes.iter().zip(magic).all(|(byte, expected)| *byte == expected);
    if begins_with(ENTRY_MAGIC) {
        return whole::<ENTRY_BYTES>(bytes, entry);
    }
    if begins_with(USE_MAGIC) {
        return whole::<USE_BYTES>(bytes, |record| {
            Record::Use(ActionId::new(field(record, 8)), i64::from_le_bytes(field(record, 40)))
        });
    }
    Decoded::Damaged
}

fn whole<const N: usize>(bytes: &[u8], read: impl FnOnce(&[u8; N]) -> Record) -> Decoded {
    let Some(record) = bytes.first_chunk::<N>() else { return Decoded::Incomplete };
    if crc32fast::hash(&record[8..]) == u32::from_le_bytes(field(record, 4)) {
        Decoded::Record(read(record), N)
    } else {
        Decoded::Damaged
    }
}

fn entry(record: &[u8; ENTRY_BYTES]) -> Record {
    let entry = Entry {
        output: OutputId::new(field(record, 40)),
        size_bytes: u64::from_le_bytes(field(record, 72)),
        time_ns: i64::from_le_bytes(field(record, 80)),
    };
    Record::Entry(ActionId::new(field(record, 8)), entry)
}

fn field<const M: usize, const N: usize>(record: &[u8; N], at: usize) -> [u8; M] {
    std::array::from_fn(|i| record[at + i])
}
