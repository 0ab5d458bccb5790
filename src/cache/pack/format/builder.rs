//! Makes a pack: takes entries in the order in which they are expected to be asked for, and compresses their contents.

use std::collections::HashMap;
use std::io;

use xxhash_rust::xxh3::xxh3_128;

use crate::cache::local::index::entry::Entry;
use crate::cache::pack::format::layout::{Directory, Frame, Object, PackedEntry};
use crate::protocol::{ActionId, OutputId};

/// Small contents share a frame of at least so many plain bytes: alone they compress badly.
const FRAME_BYTES: usize = 128 << 10;

/// Plain bytes from which what has gathered makes a pack: about 1 MiB when it is compressed.
const PACK_BYTES: u64 = 4 << 20;
/// Entries from which it does: many are empty.
const PACK_ENTRIES: usize = 1000;
/// zstd's level in packs. 1 gives a twentieth more bytes, 6 takes twice the time.
pub const LEVEL: i32 = 3;

/// A pack under construction, in memory.
pub struct PackBuilder {
    /// `None`: frames are stored as they are.
    compressor: Option<zstd::bulk::Compressor<'static>>,
    directory: Directory,
    /// Frames that are done, one after the other.
    packed: Vec<u8>,
    /// Contents of the frame that is not full yet.
    plain: Vec<u8>,
    /// Objects in frames that are done.
    objects_done: usize,
    known: HashMap<OutputId, usize>,
}

impl PackBuilder {
    /// An empty pack, with zstd's compression `level`; without one nothing is compressed.
    ///
    /// # Errors
    /// When zstd does not start.
    pub fn new(level: Option<i32>) -> io::Result<Self> {
        Ok(Self {
            compressor: level.map(zstd::bulk::Compressor::new).transpose()?,
            directory: Directory::default(),
            packed: Vec::new(),
            plain: Vec::new(),
            objects_done: 0,
            known: HashMap::new(),
        })
    }

    /// Adds what an action gave. `content` is asked for its content unless the pack has it already.
    ///
    /// # Errors
    /// When there is no content of that size, or zstd fails; the pack is as before.
    pub fn add(
        &mut self,
        action: ActionId,
        entry: &Entry,
        content: impl FnOnce() -> io::Result<Vec<u8>>,
    ) -> io::Result<()> {
        let object = match (entry.size_bytes, self.known.get(&entry.output)) {
            (0, _) => None,
            (_, Some(object)) => Some(*object),
            _ => Some(self.add_object(entry, &content()?)?),
        };
        self.directory.entries.push(PackedEntry { action, object, time_ns: entry.time_ns });
        Ok(())
    }

    fn add_object(&mut self, entry: &Entry, content: &[u8]) -> io::Result<usize> {
        if content.len() as u64 != entry.size_bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the content has another size"));
        }
        if !self.plain.is_empty() && self.plain.len() + content.len() > FRAME_BYTES {
            self.end_frame()?;
        }
        let checksum = xxh3_128(content);
        self.directory.objects.push(Object { output: entry.output, size_bytes: content.len(), checksum });
        let object = self.directory.objects.len() - 1;
        self.known.insert(entry.output, object);
        self.plain.extend_from_slice(content);
        Ok(object)
    }

    fn end_frame(&mut self) -> io::Result<()> {
        if self.plain.is_empty() {
            return Ok(());
        }
        let compressed = self.compressor.as_mut().map(|compressor| compressor.compress(&self.plain)).transpose()?;
        // What does not get smaller is stored as it is.
        let packed = compressed.as_ref().filter(|packed| packed.len() < self.plain.len()).unwrap_or(&self.plain);
        self.packed.extend_from_slice(packed);
        let objects = self.objects_done..self.directory.objects.len();
        self.objects_done = objects.end;
        let frame = Frame { packed_bytes: packed.len(), plain_bytes: self.plain.len(), objects };
        self.directory.frames.push(frame);
        self.plain.clear();
        Ok(())
    }

    /// The pack, and the actions in it by their number.
    ///
    /// # Errors
    /// When zstd fails.
    pub fn finish(mut self) -> io::Result<(Vec<u8>, Vec<ActionId>)> {
        self.end_frame()?;
        let mut bytes = self.directory.encode();
        bytes.append(&mut self.packed);
        Ok((bytes, self.directory.entries.iter().map(|entry| entry.action).collect()))
    }
}

/// True if so much makes a pack.
pub fn is_full(plain_bytes: u64, entries: usize) -> bool {
    plain_bytes >= PACK_BYTES || entries >= PACK_ENTRIES
}
