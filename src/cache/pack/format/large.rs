//! A large output: a separate object among the packs, streamed on its way out and on its way in.
//!
//! Little endian. `GCPK`, version 2, the action and the output (32 bytes each), the size (`u64`), when it was put (`i64`, Unix
//! nanoseconds), the XXH3 (64 bits) of all that, and then the output unchanged. Manifests have it as a pack of one entry; a
//! program that knows only version 1 leaves it alone.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use xxhash_rust::xxh3::xxh3_64;

use crate::cache::local::body_file::{BodyFile, CommitError};
use crate::cache::local::index::entry::{Entry, Origin};
use crate::cache::local::store::LocalStore;
use crate::cache::pack::format::fields::Fields;
use crate::cache::pack::format::layout::MAGIC;
use crate::protocol::{ActionId, OutputId};

const VERSION: u32 = 2;
/// Bytes in front of the output.
pub const HEAD_BYTES: usize = 96;
const CHECKED_BYTES: usize = HEAD_BYTES - 8;

/// The bytes in front of a large output.
pub fn head(action: &ActionId, entry: &Entry) -> Bytes {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(action.as_bytes());
    bytes.extend_from_slice(entry.output.as_bytes());
    bytes.extend_from_slice(&entry.size_bytes.to_le_bytes());
    bytes.extend_from_slice(&entry.time_ns.to_le_bytes());
    bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
    bytes.into()
}

/// `None` when it is of another version, or damaged.
fn read_head(bytes: &[u8]) -> Option<(ActionId, Entry)> {
    let (checked, checksum) = bytes.split_at_checked(CHECKED_BYTES)?;
    let mut fields = Fields(checked);
    if fields.take() != Some(MAGIC) || fields.u32() != Some(VERSION) || checksum != xxh3_64(checked).to_le_bytes() {
        return None;
    }
    let (action, output) = (ActionId::new(fields.take()?), OutputId::new(fields.take()?));
    let (size_bytes, time_ns) = (u64::from_le_bytes(fields.take()?), fields.i64()?);
    Some((action, Entry { output, size_bytes, time_ns }))
}

/// The result of taking an object in.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is in the local store.
    Kept,
    /// It is of another form.
    Other,
    /// It is not as it was written.
    Damaged,
    /// The local store does not take it.
    NoRoom(String),
}

/// Takes a large output in piece by piece, straight into a file.
pub struct LargeReader {
    local: Arc<LocalStore>,
    head: BytesMut,
    body: Option<(ActionId, Entry, BodyFile)>,
}

impl LargeReader {
    /// Nothing has come yet.
    pub fn new(local: Arc<LocalStore>) -> Self {
        Self { local, head: BytesMut::new(), body: None }
    }

    /// Takes the next piece; `false` when the object is none of this form, or longer than it says.
    pub fn take(&mut self, mut piece: Bytes) -> bool {
        if self.body.is_none() {
            let missing = HEAD_BYTES - self.head.len();
            self.head.extend_from_slice(&piece.split_to(missing.min(piece.len())));
            if self.head.len() < HEAD_BYTES {
                return true;
            }
            let Some((action, entry)) = read_head(&self.head) else { return false };
            self.body = Some((action, entry, self.local.begin_fetched()));
        }
        let Some((_, entry, body)) = &mut self.body else { return false };
        body.write(&piece);
        body.written_bytes() <= entry.size_bytes
    }

    /// Checks the output and keeps it.
    pub fn finish(self) -> Taken {
        let Some((action, entry, body)) = self.body else { return Taken::Other };
        match self.local.keep_body(body, &entry.output, entry.size_bytes) {
            Ok(_) => {}
            Err(error @ CommitError::Disk { .. }) => return Taken::NoRoom(error.to_string()),
            Err(CommitError::WrongContent { .. }) => return Taken::Damaged,
        }
        self.local.keep_entry(action, entry, Origin::Fetched);
        Taken::Kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::digest::{SHA256, digest};

    const CONTENT: &[u8] = b"a large output";

    fn object() -> (ActionId, Entry, Vec<u8>) {
        let output = OutputId::new(digest(&SHA256, CONTENT).as_ref().try_into().unwrap());
        let entry = Entry { output, size_bytes: CONTENT.len() as u64, time_ns: -7 };
        let action = ActionId::new([3; 32]);
        (action, entry, [&head(&action, &entry), CONTENT].concat())
    }

    /// Reads an object in pieces; whether it was kept.
    fn read(bytes: &[u8], piece_bytes: usize) -> (bool, LocalStore) {
        let folder = tempfile::tempdir().unwrap();
        let mut reader = LargeReader::new(Arc::new(LocalStore::open(folder.path())));
        let is_taken = bytes.chunks(piece_bytes).all(|piece| reader.take(Bytes::copy_from_slice(piece)));
        let local = reader.local.clone();
        let taken = reader.finish();
        (is_taken && taken == Taken::Kept, Arc::into_inner(local).unwrap())
    }

    #[test]
    fn it_comes_back_in_pieces_of_any_size() {
        let (action, entry, bytes) = object();
        assert_eq!(bytes.len(), HEAD_BYTES + CONTENT.len());
        for piece_bytes in 1..=bytes.len() {
            let (is_kept, local) = read(&bytes, piece_bytes);
            assert!(is_kept, "{piece_bytes}");
            assert_eq!(local.get(&action).map(|(found, ..)| found), Some(entry));
        }
    }

    #[test]
    fn what_is_damaged_cut_or_too_long_is_not_kept() {
        let (action, _, bytes) = object();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            let (is_kept, local) = read(&damaged, 20);
            assert!(!is_kept && local.get(&action).is_none(), "byte {at}");
            assert!(!read(&bytes[..at], 20).0, "{at} bytes");
        }
        let long = [bytes.as_slice(), b"!"].concat();
        assert!(!read(&long, 20).0);
    }

    #[test]
    fn a_reader_of_packs_leaves_it_alone() {
        let (_, _, bytes) = object();
        let mut decoder = crate::cache::pack::format::decoder::PackDecoder::default();
        decoder.feed(&bytes);
        assert!(matches!(decoder.directory(), Err(crate::cache::pack::format::layout::PackError::Version)));
    }
}
