//! The bytes of a pack: a directory of entries and objects, then the objects' contents in zstd frames, in the order in
//! which they are expected to be asked for.
//!
//! Little endian. Header: `GCPK`, version, number of frames, of objects, of entries (`u32` each), and the XXH3 (64 bits) of
//! the directory. Directory: a frame is its compressed bytes, its plain bytes and its number of objects (`u32` each); an
//! object is its output (32 bytes), its size (`u32`) and the XXH3 (128 bits) of its content; an entry is its action (32
//! bytes), the number of its object (`u32`, all ones for the empty body) and when it was put (`i64`, Unix nanoseconds).
//! Objects lie in their frames one after the other; a frame of as many bytes in the pack as out of it is not compressed.

use std::ops::Range;

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::cache::local::index::entry::Entry;
use crate::cache::pack::format::fields::Fields;
use crate::protocol::{ActionId, OutputId};

/// The version that this program writes, and the only one that it reads. A pack of another version is left alone.
pub const VERSION: u32 = 1;
/// The first bytes of a pack.
pub const MAGIC: [u8; 4] = *b"GCPK";
const HEADER_BYTES: usize = 28;
const FRAME_BYTES: usize = 12;
const OBJECT_BYTES: usize = 52;
const ENTRY_BYTES: usize = 44;
/// Stands for the empty body in the place of an object's number.
const EMPTY: u32 = u32::MAX;
/// Largest directory that is read: damage must not cost memory.
const MAX_DIRECTORY_BYTES: usize = 64 << 20;

/// Why the bytes of a pack are not used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// It is none, or one of another version.
    #[error("not a pack of version {VERSION}")]
    Version,
    /// Damage.
    #[error("a damaged pack: {0}")]
    Damaged(&'static str),
}

/// A zstd frame of one or more objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Bytes in the pack.
    pub packed_bytes: usize,
    /// Bytes of its objects.
    pub plain_bytes: usize,
    /// Which objects of the directory it holds.
    pub objects: Range<usize>,
}

/// One content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub output: OutputId,
    pub size_bytes: usize,
    pub checksum: u128,
}

/// The directory of a pack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    pub frames: Vec<Frame>,
    pub objects: Vec<Object>,
    /// Actions with the number of their object; `None` for the empty body.
    pub entries: Vec<PackedEntry>,
}

/// An action with its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedEntry {
    pub action: ActionId,
    /// Number of its object; `None` for the empty body.
    pub object: Option<usize>,
    /// When it was put, Unix nanoseconds.
    pub time_ns: i64,
}

impl Directory {
    /// Bytes of header and directory together.
    pub fn encoded_bytes(&self) -> usize {
        HEADER_BYTES + directory_bytes(self.frames.len(), self.objects.len(), self.entries.len())
    }

    /// Header and directory: what a pack begins with.
    pub fn encode(&self) -> Vec<u8> {
        let mut directory = Vec::with_capacity(self.encoded_bytes());
        for frame in &self.frames {
            for number in [frame.packed_bytes, frame.plain_bytes, frame.objects.len()] {
                directory.extend_from_slice(&as_u32(number).to_le_bytes());
            }
        }
        for object in &self.objects {
            directory.extend_from_slice(object.output.as_bytes());
            directory.extend_from_slice(&as_u32(object.size_bytes).to_le_bytes());
            directory.extend_from_slice(&object.checksum.to_le_bytes());
        }
        for entry in &self.entries {
            directory.extend_from_slice(entry.action.as_bytes());
            directory.extend_from_slice(&entry.object.map_or(EMPTY, as_u32).to_le_bytes());
            directory.extend_from_slice(&entry.time_ns.to_le_bytes());
        }
        let mut bytes = MAGIC.to_vec();
        for number in [VERSION, as_u32(self.frames.len()), as_u32(self.objects.len()), as_u32(self.entries.len())] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&xxh3_64(&directory).to_le_bytes());
        bytes.extend_from_slice(&directory);
        bytes
    }

    /// Reads header and directory from the begin of a pack; `None` while there are too few bytes.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, PackError> {
        let Some((header, rest)) = bytes.split_at_checked(HEADER_BYTES) else { return Ok(None) };
        let mut header = Fields(header);
        if header.take() != Some(MAGIC) || header.u32() != Some(VERSION) {
            return Err(PackError::Version);
        }
        let counts = numbers(&mut header).unwrap_or_default();
        let checksum = header.take().map(u64::from_le_bytes);
        let [frames, objects, entries] = counts;
        let length = directory_bytes(frames, objects, entries);
        if length > MAX_DIRECTORY_BYTES {
            return Err(PackError::Damaged("a directory of an impossible size"));
        }
        let Some(directory) = rest.get(..length) else { return Ok(None) };
        if Some(xxh3_64(directory)) != checksum {
            return Err(PackError::Damaged("its directory"));
        }
        let directory = Self::parse(directory, counts).ok_or(PackError::Damaged("its directory"))?;
        directory.check().then_some(Some(directory)).ok_or(PackError::Damaged("a directory that contradicts itself"))
    }

    fn parse(bytes: &[u8], [frames, objects, entries]: [usize; 3]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let mut first = 0;
        let frame = |_| {
            let [packed_bytes, plain_bytes, count] = numbers(&mut fields)?;
            let objects = first..first + count;
            first = objects.end;
            Some(Frame { packed_bytes, plain_bytes, objects })
        };
        let frames = (0..frames).map(frame).collect::<Option<_>>()?;
        let object = |_| {
            let (output, [size_bytes]) = (OutputId::new(fields.take()?), numbers(&mut fields)?);
            Some(Object { output, size_bytes, checksum: u128::from_le_bytes(fields.take()?) })
        };
        let objects = (0..objects).map(object).collect::<Option<_>>()?;
        let entry = |_| {
            let (action, number) = (ActionId::new(fields.take()?), fields.u32()?);
            let object = (number != EMPTY).then_some(number as usize);
            Some(PackedEntry { action, object, time_ns: fields.i64()? })
        };
        let entries = (0..entries).map(entry).collect::<Option<_>>()?;
        Some(Self { frames, objects, entries })
    }

    /// True if all numbers lie within what there is.
    fn check(&self) -> bool {
        let in_frames: usize = self.frames.iter().map(|frame| frame.objects.len()).sum();
        let sizes_agree = |frame: &Frame| {
            self.objects.get(frame.objects.clone()).is_some_and(|objects| {
                objects.iter().map(|object| object.size_bytes).sum::<usize>() == frame.plain_bytes
            })
        };
        in_frames == self.objects.len()
            && self.frames.iter().all(sizes_agree)
            && self.entries.iter().all(|entry| entry.object.is_none_or(|object| object < self.objects.len()))
    }

    /// An entry in the form of the index.
    pub fn entry(&self, entry: &PackedEntry, empty: OutputId) -> Entry {
        let object = entry.object.map(|object| &self.objects[object]);
        let (output, size_bytes) = object.map_or((empty, 0), |object| (object.output, object.size_bytes as u64));
        Entry { output, size_bytes, time_ns: entry.time_ns }
    }

    /// Takes the plain bytes of a frame apart and checks each object: those that are as they were, with their numbers
    /// and contents.
    pub fn objects_of<'a>(
        &'a self,
        frame: &Frame,
        plain: &'a [u8],
    ) -> impl Iterator<Item = (usize, &'a Object, &'a [u8])> {
        let mut rest = plain;
        frame.objects.clone().filter_map(move |number| {
            let object = &self.objects[number];
            let (content, others) = rest.split_at_checked(object.size_bytes)?;
            rest = others;
            (xxh3_128(content) == object.checksum).then_some((number, object, content))
        })
    }
}

fn directory_bytes(frames: usize, objects: usize, entries: usize) -> usize {
    frames * FRAME_BYTES + objects * OBJECT_BYTES + entries * ENTRY_BYTES
}

/// The next numbers.
fn numbers<const N: usize>(fields: &mut Fields<'_>) -> Option<[usize; N]> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        *number = fields.u32()? as usize;
    }
    Some(numbers)
}

/// A number of the format; the builder keeps packs far below what does not fit.
fn as_u32(number: usize) -> u32 {
    u32::try_from(number).expect("packs are kept small")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn directory() -> Directory {
        let object =
            |n: u8| Object { output: OutputId::new([n; 32]), size_bytes: n.into(), checksum: u128::from(n) << 70 };
        let entry = |n: u8, object| PackedEntry { action: ActionId::new([n; 32]), object, time_ns: -i64::from(n) };
        Directory {
            frames: vec![
                Frame { packed_bytes: 5, plain_bytes: 3, objects: 0..2 },
                Frame { packed_bytes: 9, plain_bytes: 3, objects: 2..3 },
            ],
            objects: vec![object(1), object(2), object(3)],
            entries: vec![entry(7, Some(2)), entry(8, None), entry(9, Some(0))],
        }
    }

    #[test]
    fn a_directory_comes_back_from_any_longer_begin_and_waits_for_its_end() {
        let mut bytes = directory().encode();
        assert_eq!(bytes.len(), directory().encoded_bytes());
        for length in 0..bytes.len() {
            assert_eq!(Directory::decode(&bytes[..length]), Ok(None));
        }
        bytes.extend_from_slice(b"frames");
        assert_eq!(Directory::decode(&bytes), Ok(Some(directory())));
    }

    #[test]
    fn a_pack_of_a_later_version_is_told_apart_from_damage() {
        let mut bytes = directory().encode();
        bytes[4] = 2;
        assert_eq!(Directory::decode(&bytes), Err(PackError::Version));
    }

    #[test]
    fn a_directory_that_contradicts_itself_is_refused() {
        let mut wrong = directory();
        wrong.entries[0].object = Some(3);
        assert_eq!(Directory::decode(&wrong.encode()), Err(PackError::Damaged("a directory that contradicts itself")));
        let mut wrong = directory();
        wrong.objects[0].size_bytes = 4;
        assert_eq!(Directory::decode(&wrong.encode()), Err(PackError::Damaged("a directory that contradicts itself")));
    }

    #[test]
    fn damaged_content_is_left_out_and_the_rest_is_there() {
        let contents: [&[u8]; 3] = [b"one", b"two", b"three"];
        let object = |(n, content): (usize, &&[u8])| Object {
            output: OutputId::new([n as u8; 32]),
            size_bytes: content.len(),
            checksum: xxh3_128(content),
        };
        let objects: Vec<_> = contents.iter().enumerate().map(object).collect();
        let frame = Frame { packed_bytes: 0, plain_bytes: 11, objects: 0..3 };
        let directory = Directory { frames: vec![frame.clone()], objects, entries: Vec::new() };
        let good: Vec<_> = directory.objects_of(&frame, b"onetwOthree").map(|(.., content)| content).collect();
        assert_eq!(good, [b"one".as_slice(), b"three"]);
        assert_eq!(directory.objects_of(&frame, b"onetw").count(), 1, "what is cut off is left out");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..300) {
            let _ = Directory::decode(&bytes);
            let mut damaged = directory().encode();
            let at = at % damaged.len();
            damaged[at] ^= bytes.first().copied().unwrap_or(1) | 1;
            prop_assert!(Directory::decode(&damaged) != Ok(Some(directory())));
        }
    }
}
