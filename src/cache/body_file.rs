//! A body on its way into the store: hashed and written in one pass, under a temporary name until it is checked.

use ring::digest::{Context, SHA256};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::spare::Spare;
use super::store_folder;
use crate::protocol::OutputId;

/// A temporary file that disappears unless it is committed.
pub struct BodyFile {
    /// Where to go on when writing fails.
    spare: Option<Arc<Spare>>,
    /// Whether the store was gone and has been made again.
    is_made_again: bool,
    folder: PathBuf,
    temporary: PathBuf,
    file: Option<File>,
    written_bytes: u64,
    /// `None` for a content that was checked before.
    hash: Option<Context>,
    /// Whether the disk itself has to have it before it gets its name, and how much longer that takes than it does.
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
        /// What the system said.
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

    /// Checks the content and gives it its final name; returns its path.
    ///
    /// # Errors
    /// [`CommitError`]; nothing is left behind then.
    pub fn commit(mut self, output: &OutputId, size_bytes: u64) -> Result<PathBuf, CommitError> {
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
            match self.rename_to(&path) {
                Ok(()) => return Ok(path),
                Err(error) => self.go_on_elsewhere(error),
            }
        }
        let error = self.failed.take().unwrap_or_else(|| io::Error::other("no folder to write to"));
        Err(CommitError::Disk { folder: self.folder.clone(), error })
    }

    fn rename_to(&mut self, path: &Path) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        if let Some(wait) = self.syncs {
            sync(file, wait)?;
        }
        // Network file systems and quotas tell of a failed write only when a file is closed.
        nix::unistd::close(file.try_clone()?)?;
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

/// `<OutputID with / as ->-d`: the workshop's name, and without a file extension as go wants it.
pub fn data_file_name(output: &OutputId) -> String {
    output.escaped() + "-d"
}

/// The output whose body has this name; `None` for other files.
pub fn data_file_output(name: &OsStr) -> Option<OutputId> {
    OutputId::from_escaped(name.to_str()?.strip_suffix("-d")?)
}

/// Brings a file to the disk itself, which takes so much longer than it really does.
///
/// # Errors
/// When the disk fails.
pub fn sync(file: &File, longer: Duration) -> io::Result<()> {
    file.sync_all()?;
    std::thread::sleep(longer);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output_of(body: &[u8]) -> OutputId {
        OutputId::new(ring::digest::digest(&SHA256, body).as_ref().try_into().unwrap())
    }

    fn files_below(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .filter(|name| data_file_output(name.as_ref()).is_some())
            .collect();
        names.extend(
            std::fs::read_dir(folder.join(store_folder::TEMPORARY_FOLDER)).into_iter().flatten().map(|_| "left".into()),
        );
        names
    }

    fn with_spare(folder: &Path, spare: &Path) -> BodyFile {
        BodyFile::create(folder.into(), Some(Arc::new(Spare::at(spare))))
    }

    #[test]
    fn a_checked_body_gets_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut body = BodyFile::create(folder.path().into(), None);
        body.write(b"he");
        body.write(b"llo");
        let path = body.commit(&output_of(b"hello"), 5).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"hello");
        assert_eq!(path.extension(), None);
        assert_eq!(files_below(folder.path()).len(), 1);
    }

    #[test]
    fn wrong_content_and_a_dropped_body_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut body = BodyFile::create(folder.path().into(), None);
        body.write(b"hellO");
        let error = body.commit(&output_of(b"hello"), 5).unwrap_err();
        assert!(matches!(error, CommitError::WrongContent { got_bytes: 5, .. }), "{error}");
        BodyFile::create(folder.path().into(), None).write(b"half");
        assert_eq!(files_below(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_left_for_the_spare() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        let good = folder.path().join("good");
        let mut body = with_spare(&blocked, &good);
        body.write(b"hello");
        assert_eq!(body.commit(&output_of(b"hello"), 5).unwrap().parent().unwrap(), good);
        let error = BodyFile::create(blocked, None).commit(&output_of(b""), 0).unwrap_err();
        assert!(matches!(error, CommitError::Disk { .. }), "{error}");
    }

    #[test]
    fn a_store_that_is_removed_while_a_body_comes_in_is_made_again() {
        let parent = tempfile::tempdir().unwrap();
        let (store, other) = (parent.path().join("store"), parent.path().join("other"));
        let mut body = with_spare(&store, &other);
        body.write(b"hello");
        std::fs::remove_dir_all(&store).unwrap();
        let path = body.commit(&output_of(b"hello"), 5).unwrap();
        assert!(path.starts_with(&store) && store_folder::is_store(&store) && !other.exists());
        assert_eq!(std::fs::read(path).unwrap(), b"hello");
        let mut body = with_spare(&store, &other);
        body.write(b"hello");
        std::fs::remove_dir_all(&store).unwrap();
        std::fs::write(&store, "a file in its place").unwrap();
        assert!(body.commit(&output_of(b"hello"), 5).unwrap().starts_with(&other));
    }

    #[test]
    fn a_disk_that_fills_up_in_the_middle_is_left_with_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let (full, good) = (folder.path().join("full"), folder.path().join("good"));
        let mut body = with_spare(&full, &good);
        body.write(b"hel");
        // A file that is open for reading only fails each write, as a full disk does.
        body.file = Some(File::open(&body.temporary).unwrap());
        body.write(b"lo");
        let path = body.commit(&output_of(b"hello"), 5).unwrap();
        assert_eq!(path.parent().unwrap(), good);
        assert_eq!(std::fs::read(path).unwrap(), b"hello");
        assert_eq!(files_below(&full), Vec::<String>::new());
    }
}
