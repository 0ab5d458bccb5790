//! Reads a pack while it comes in: first its directory, then frame by frame.

use std::cell::RefCell;
use std::io;

use bytes::{Bytes, BytesMut};

use crate::cache::pack::format::layout::{Directory, Frame, PackError};

/// Takes the bytes of a pack in pieces and gives its frames.
#[derive(Default)]
pub struct PackDecoder {
    /// Bytes that have come and were not given out.
    buffer: BytesMut,
    next_frame: usize,
    has_directory: bool,
}

impl PackDecoder {
    /// Takes the next piece.
    pub fn feed(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The directory, as soon as it is there; once.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn directory(&mut self) -> Result<Option<Directory>, PackError> {
        if self.has_directory {
            return Ok(None);
        }
        let directory = Directory::decode(&self.buffer)?;
        if let Some(directory) = &directory {
            let _ = self.buffer.split_to(directory.encoded_bytes());
            self.has_directory = true;
        }
        Ok(directory)
    }

    /// The next frame of `directory` that is there as a whole: its number and its bytes.
    pub fn frame(&mut self, directory: &Directory) -> Option<(usize, Bytes)> {
        let number = self.next_frame;
        let length = directory.frames.get(number)?.packed_bytes;
        if self.buffer.len() < length {
            return None;
        }
        self.next_frame += 1;
        Some((number, self.buffer.split_to(length).freeze()))
    }
}

thread_local! {
    /// zstd's tables and a buffer: making them anew costs more than a small frame.
    static CONTEXT: RefCell<Option<(zstd::bulk::Decompressor<'static>, Vec<u8>)>> = const { RefCell::new(None) };
}

/// A larger buffer is not kept.
const KEPT_BYTES: usize = 4 << 20;

/// Decompresses a frame, if it is compressed, and hands its content to `take`.
///
/// # Errors
/// When it is damaged.
pub fn decompress<T>(frame: &Frame, packed: &[u8], take: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
    if packed.len() == frame.plain_bytes {
        return Ok(take(packed));
    }
    CONTEXT.with_borrow_mut(|context| {
        let (mut decompressor, mut plain) = match context.take() {
            Some(context) => context,
            None => (zstd::bulk::Decompressor::new()?, Vec::new()),
        };
        plain.clear();
        plain.reserve(frame.plain_bytes);
        let length = decompressor.decompress_to_buffer(packed, &mut plain)?;
        if length != frame.plain_bytes {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let taken = take(&plain);
        if plain.capacity() <= KEPT_BYTES {
            *context = Some((decompressor, plain));
        }
        Ok(taken)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::local::index::entry::Entry;
    use crate::cache::pack::format::builder::PackBuilder;
    use crate::protocol::{ActionId, OutputId};
    use proptest::prelude::*;

    fn content(n: u8, length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * usize::from(n) / 7) as u8).collect()
    }

    fn entry(n: u8, length: usize) -> Entry {
        Entry { output: OutputId::new([n; 32]), size_bytes: length as u64, time_ns: i64::from(n) }
    }

    fn pack(sizes: &[usize], level: Option<i32>) -> Vec<u8> {
        let mut builder = PackBuilder::new(level).unwrap();
        for (n, length) in sizes.iter().enumerate() {
            let n = n as u8;
            builder.add(ActionId::new([n; 32]), &entry(n, *length), || Ok(content(n, *length))).unwrap();
        }
        let (bytes, actions) = builder.finish().unwrap();
        assert_eq!(actions.len(), sizes.len());
        bytes
    }

    /// The contents of all objects by output, read in pieces of `size`.
    fn read(pack: &[u8], size: usize) -> Vec<(OutputId, Vec<u8>)> {
        let (mut decoder, mut directory, mut found) = (PackDecoder::default(), None, Vec::new());
        for piece in pack.chunks(size) {
            decoder.feed(piece);
            directory = decoder.directory().unwrap().or(directory);
            let Some(directory) = &directory else { continue };
            while let Some((number, packed)) = decoder.frame(directory) {
                let frame = &directory.frames[number];
                decompress(frame, &packed, |plain| {
                    let objects = directory.objects_of(frame, plain);
                    found.extend(objects.map(|(_, object, it)| (object.output, it.to_vec())));
                })
                .unwrap();
            }
        }
        found
    }

    #[test]
    fn what_two_actions_share_is_packed_once_and_what_is_empty_not_at_all() {
        let mut builder = PackBuilder::new(Some(1)).unwrap();
        for n in [1, 2] {
            builder.add(ActionId::new([n; 32]), &entry(7, 5), || Ok(content(7, 5))).unwrap();
        }
        builder.add(ActionId::new([3; 32]), &entry(9, 0), || panic!("an empty body has no content")).unwrap();
        let (bytes, _) = builder.finish().unwrap();
        let directory = Directory::decode(&bytes).unwrap().unwrap();
        assert_eq!((directory.objects.len(), directory.entries.len()), (1, 3));
        let objects: Vec<_> = directory.entries.iter().map(|entry| entry.object).collect();
        assert_eq!(objects, [Some(0), Some(0), None]);
    }

    #[test]
    fn a_content_of_another_size_is_left_out() {
        let mut builder = PackBuilder::new(Some(1)).unwrap();
        assert!(builder.add(ActionId::new([1; 32]), &entry(1, 9), || Ok(content(1, 5))).is_err());
        let (bytes, actions) = builder.finish().unwrap();
        assert_eq!((Directory::decode(&bytes).unwrap().unwrap(), actions), (Directory::default(), vec![]));
    }

    #[test]
    fn a_damaged_frame_is_an_error_and_no_panic() {
        let bytes = pack(&[3000], Some(3));
        let directory = Directory::decode(&bytes).unwrap().unwrap();
        let packed = &bytes[directory.encoded_bytes()..];
        for damaged in [&packed[..packed.len() / 2], b"", b"no frame"] {
            assert!(decompress(&directory.frames[0], damaged, |_| ()).is_err());
        }
    }

    proptest! {
        #[test]
        fn a_pack_comes_back_in_pieces_of_any_size(
            sizes in prop::collection::vec(prop_oneof![1..300_usize, 60_000..200_000_usize], 1..12),
            piece in 1..100_000_usize,
            level in prop_oneof![Just(None), Just(Some(3))],
        ) {
            let found = read(&pack(&sizes, level), piece);
            let expected: Vec<_> = sizes.iter().enumerate().map(|(n, length)| {
                (OutputId::new([n as u8; 32]), content(n as u8, *length))
            }).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
