//! The file behind the index: records are appended to it by several sessions, and each reads what the others appended.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::cache::local::folder::names::INDEX_FILE;
use crate::cache::local::folder::store_folder::is_store;

use crate::cache::local::index::record::{Decoded, ENTRY_BYTES, Record, decode};

/// Bytes that are read at once: a large log must not be in memory twice.
const PIECE_BYTES: u64 = 1 << 20;

/// An open log, and how far it has been read.
pub struct Log {
    file: Option<File>,
    path: PathBuf,
    /// Bytes that have been read.
    read_to: u64,
    /// Its length when that was done: the start of a record may be behind it.
    seen_bytes: u64,
    /// Why it takes no new records, if it takes none; a store on a read-only disk still gives hits.
    refusal: Option<io::Error>,
    /// Bytes that are no record.
    damaged_bytes: u64,
}

impl Log {
    /// Opens the log in `folder`; a missing one is made. One that cannot be written or read has nothing and takes nothing.
    pub fn open(folder: &Path) -> Self {
        let path = folder.join(INDEX_FILE);
        match open_to_append(&path) {
            Ok(file) => Self::of(Some(file), path, None),
            Err(error) => Self::of(File::open(&path).ok(), path, Some(error)),
        }
    }

    /// Opens the log in `folder` to read it only. One that cannot be read has nothing.
    pub fn open_to_read(folder: &Path) -> Self {
        let path = folder.join(INDEX_FILE);
        Self::of(File::open(&path).ok(), path, Some(io::ErrorKind::ReadOnlyFilesystem.into()))
    }

    fn of(file: Option<File>, path: PathBuf, refusal: Option<io::Error>) -> Self {
        Self { file, path, read_to: 0, seen_bytes: 0, refusal, damaged_bytes: 0 }
    }

    /// The most entries that can be in what has not been read yet.
    pub fn most_entries(&self) -> usize {
        let length = self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |found| found.len());
        (length.saturating_sub(self.read_to) / ENTRY_BYTES as u64) as usize
    }

    /// Bytes that had to be skipped.
    pub fn damaged_bytes(&self) -> u64 {
        self.damaged_bytes
    }

    /// Lets each write fail, as a full disk does.
    #[cfg(test)]
    pub fn forbid_writing(&mut self) {
        self.refusal = Some(io::ErrorKind::StorageFull.into());
    }

    /// Gives up reading and writing.
    pub fn close(&mut self) {
        self.file = None;
    }

    /// Takes all that is there for read.
    ///
    /// # Errors
    /// When the log is not open, or its length is not known.
    pub fn skip_to_end(&mut self) -> io::Result<()> {
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        self.read_to = file.metadata()?.len();
        self.seen_bytes = self.read_to;
        Ok(())
    }

    /// Adds whole records, by one write.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn append(&mut self, records: &[u8]) -> io::Result<()> {
        if let Some(refusal) = &self.refusal {
            return Err(again(refusal));
        }
        self.file.as_mut().ok_or(io::ErrorKind::NotFound)?.write_all(records)
    }

    /// Says if another file has its name by now, or none has: trimming writes a new log, and the user may have removed the
    /// store.
    ///
    /// # Errors
    /// When the log is not open, or the file system does not answer.
    pub fn is_replaced(&self) -> io::Result<bool> {
        let own = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?.metadata()?;
        match std::fs::metadata(&self.path) {
            Ok(named) => Ok((own.dev(), own.ino()) != (named.dev(), named.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Opens the file that has its name now; a missing one is made if this one could be written and the folder is still a
    /// store. Nothing of it is read yet.
    ///
    /// # Errors
    /// When it cannot be opened; then the log stays as it is.
    pub fn reopen(&mut self) -> io::Result<()> {
        let may_make = self.refusal.is_none() && self.path.parent().is_some_and(is_store);
        let file = if may_make { open_to_append(&self.path)? } else { File::open(&self.path)? };
        self.file = Some(file);
        (self.read_to, self.seen_bytes) = (0, 0);
        Ok(())
    }

    /// True if the log still has its name, and nothing was appended since it was read. `false` also when that cannot be
    /// told.
    pub fn is_current(&self) -> bool {
        let Some(Ok(own)) = self.file.as_ref().map(File::metadata) else { return false };
        let Ok(named) = std::fs::metadata(&self.path) else { return false };
        (own.dev(), own.ino(), own.len()) == (named.dev(), named.ino(), self.seen_bytes)
    }

    /// Reads what was appended since the last call; whether there was anything.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn read_new(&mut self, mut learn: impl FnMut(Record)) -> io::Result<bool> {
        let Some(file) = &self.file else { return Ok(false) };
        let length = file.metadata()?.len();
        self.seen_bytes = length;
        if length <= self.read_to {
            return Ok(false);
        }
        let mut buffer = vec![0; PIECE_BYTES.min(length - self.read_to) as usize];
        loop {
            let wanted = buffer.len().min((length - self.read_to) as usize);
            let piece = &mut buffer[..wanted];
            file.read_exact_at(piece, self.read_to)?;
            // What the end of the piece cuts off comes with the next one. At the end of the log it may still be on its
            // way: it is read again when it is whole.
            let (read, damaged_bytes) = read_records(piece, &mut learn);
            self.read_to += read;
            self.damaged_bytes += damaged_bytes;
            if read == 0 || self.read_to == length {
                return Ok(true);
            }
        }
    }
}

/// Reads whole records; returns the bytes that are done with, and how many of them are damaged.
fn read_records(bytes: &[u8], learn: &mut impl FnMut(Record)) -> (u64, u64) {
    let mut rest = bytes;
    let mut damaged_bytes = 0;
    while !rest.is_empty() {
        match decode(rest) {
            Decoded::Record(record, record_bytes) => {
                learn(record);
                rest = &rest[record_bytes..];
            }
            Decoded::Incomplete => break,
            // A record torn by a crash leaves the ones behind it at any offset.
            Decoded::Damaged => {
                rest = &rest[1..];
                damaged_bytes += 1;
            }
        }
    }
    ((bytes.len() - rest.len()) as u64, damaged_bytes)
}

/// A copy of an error.
fn again(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

fn open_to_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}
