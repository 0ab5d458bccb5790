//! A body on its way into the store: hashed and written in one pass, under a temporary name until it is checked.

use ring::digest::{Context, SHA256};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::cache::local::folder::names::data_file_name;
use crate::cache::local::folder::store_folder;
use crate::cache::local::spare::Spare;
use crate::protocol::OutputId;

/// A temporary file that disappears unless it is committed.
pub struct BodyFile {
    /// Where to go on when writing fails.
    spare: Option<Arc<Spare>>,
    /// True if the store was gone and has been made again.
    is_made_again: bool,
    folder: PathBuf,
    temporary: PathBuf,
    file: Option<File>,
    written_bytes: u64,
    /// `None` for a content that was checked before.
    hash: Option<Context>,
    /// Time added to the sync before it gets its name; `None`: it is not synced.
    syncs: Option<Duration>,
    /// The trouble with the last folder, once none is left.
    failed: Option<io::Error>,
}

/// Why a body did not get its final name.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The content is not what its id says.
    #[error("the body is {got} ({got_bytes} bytes), not {expected} ({expected_bytes} bytes)")]
    WrongContent {
        /// The id that was announced.
        expected: OutputId,
        /// The size that was announced.
        expected_bytes: u64,
        /// SHA-256 of what came.
        got: OutputId,
        /// Size of what came.
        got_bytes: u64,
    },
    /// No folder could be written to.
    #[error("writing to {folder}: {error}")]
    Disk {
        /// The last folder tried.
        folder: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

impl BodyFile {
    /// Starts a body in the store at `folder`, or else in `spare`. Trouble shows at [`BodyFile::commit`].
    pub fn create(folder: PathBuf, spare: Option<Arc<Spare>>) -> Self {
        Self::with_hash(folder, spare, Some(Context::new(&SHA256)))
    }

    /// Starts one whose content has been checked: it is not hashed again.
    pub fn create_checked(folder: PathBuf, spare: Option<Arc<Spare>>) -> Self {
        Self::with_hash(folder, spare, None)
    }

    fn with_hash(folder: PathBuf, spare: Option<Arc<Spare>>, hash: Option<Context>) -> Self {
        let mut body = Self {
            spare,
            is_made_again: false,
            folder: PathBuf::new(),
            temporary: PathBuf::new(),
            file: None,
            written_bytes: 0,
            hash,
            syncs: None,
            failed: None,
        };
        match body.start_in(folder) {
            Ok(file) => body.file = Some(file),
            Err(error) => body.go_on_elsewhere(error),
        }
        body
    }

    /// Lets the disk itself have it before it gets its name.
    pub fn synced(mut self, syncs: Option<Duration>) -> Self {
        self.syncs = syncs;
        self
    }

    /// Adds a piece. A folder that can no longer be written to (full, say) is left for the spare one.
    pub fn write(&mut self, piece: &[u8]) {
        if let Some(hash) = &mut self.hash {
            hash.update(piece);
        }
        while let Some(file) = &mut self.file {
            match file.write_all(piece) {
                Ok(()) => break,
                Err(error) => self.go_on_elsewhere(error),
            }
        }
        self.written_bytes += piece.len() as u64;
    }

    /// Bytes taken so far.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Checks the content and gives it its final name; returns its path. `share` keeps trimming out of a folder while the
    /// body gets its name there: it might be about to remove an old file of that name.
    ///
    /// # Errors
    /// [`CommitError`]; nothing is left behind then.
    pub fn commit<Share>(
        mut self,
        output: &OutputId,
        size_bytes: u64,
        share: impl Fn(&Path) -> Share,
    ) -> Result<PathBuf, CommitError> {
        let digest = self.hash.take().map(Context::finish);
        let got =
            digest.map_or(*output, |digest| OutputId::new(digest.as_ref().try_into().expect("SHA-256 has 32 bytes")));
        if got != *output || self.written_bytes != size_bytes {
            return Err(CommitError::WrongContent {
                expected: *output,
                expected_bytes: size_bytes,
                got,
                got_bytes: self.written_bytes,
            });
        }
        while self.file.is_some() {
            let path = self.folder.join(data_file_name(output));
            match self.rename_to(&path, &share) {
                Ok(()) => return Ok(path),
                Err(error) => self.go_on_elsewhere(error),
            }
        }
        let error = self.failed.take().unwrap_or_else(|| io::Error::other("no folder to write to"));
        Err(CommitError::Disk { folder: self.folder.clone(), error })
    }

    fn rename_to<Share>(&mut self, path: &Path, share: impl Fn(&Path) -> Share) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        if let Some(wait) = self.syncs {
            sync(file, wait)?;
        }
        // Network file systems and quotas tell of a failed write only when a file is closed.
        nix::unistd::close(file.try_clone()?)?;
        let _share = share(&self.folder);
        std::fs::rename(&self.temporary, path)?;
        self.file = None;
        Ok(())
    }

    /// Moves what was written so far to another place, after `error` in this one.
    fn go_on_elsewhere(&mut self, error: io::Error) {
        let old = self.file.take().map(|file| (file, self.temporary.clone()));
        let written = old.as_ref().map(|(file, _)| file);
        // The user may have removed the store while the body came in: it is made again, once.
        let is_gone = error.kind() == io::ErrorKind::NotFound && !std::mem::replace(&mut self.is_made_again, true);
        let again = if is_gone { self.go_on_in(self.folder.clone(), written) } else { Err(error) };
        match again.or_else(|error| self.go_on_in_spare(error, written)) {
            Ok(file) => (self.file, self.failed) = (Some(file), None),
            Err(error) => self.failed = Some(error),
        }
        if let Some((_, path)) = old {
            let _ = std::fs::remove_file(path);
        }
    }

    fn go_on_in_spare(&mut self, error: io::Error, written: Option<&File>) -> io::Result<File> {
        let Some(spare) = self.spare.take() else { return Err(error) };
        self.go_on_in(spare.open()?.folder().to_owned(), written)
    }

    fn go_on_in(&mut self, folder: PathBuf, written: Option<&File>) -> io::Result<File> {
        let mut new = self.start_in(folder)?;
        // From the open file: its name may be gone, with the whole store.
        if let Some(mut written) = written {
            written.rewind()?;
            io::copy(&mut written.take(self.written_bytes), &mut new)?;
        }
        Ok(new)
    }

    fn start_in(&mut self, folder: PathBuf) -> io::Result<File> {
        self.temporary = store_folder::temporary_path(&folder, "");
        self.folder = folder;
        let open = |path: &Path| OpenOptions::new().read(true).write(true).create_new(true).open(path);
        match open(&self.temporary) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // The user may have removed the store while it is in use.
                store_folder::make(&self.folder)?;
                open(&self.temporary)
            }
            other => other,
        }
    }
}

impl Drop for BodyFile {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// Syncs a file to the disk, and waits for `longer` after that.
///
/// # Errors
/// When the disk fails.
pub fn sync(file: &File, longer: Duration) -> io::Result<()> {
    file.sync_all()?;
    std::thread::sleep(longer);
    Ok(())
}

#[cfg(test)]
#[path = "body_file_tests.rs"]
mod tests;
