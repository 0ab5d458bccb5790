//! The local store: bodies as files under the workshop's names, and the index of actions.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::body_file::{BodyFile, CommitError, TEMPORARY_FOLDER, data_file_name};
use super::index::{Entry, Index, Origin};
use crate::note::note;
use crate::protocol::{ActionId, OutputId};

/// SHA-256 of nothing.
pub const EMPTY_OUTPUT: OutputId = OutputId::new([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);
/// Temporary files older than this belong to a helper that was killed.
const STALE_AFTER: Duration = Duration::from_secs(3600);

/// The largest body that fits into one page of any system.
const SMALL_BYTES: usize = 4096;

/// A folder of bodies and an index. Several processes may share the folder.
pub struct LocalStore {
    folder: PathBuf,
    /// Where bodies go while `folder` cannot be written: go may fail when a put is refused.
    fallback: PathBuf,
    fallback_used: AtomicBool,
    index: Mutex<Index>,
    index_failed: AtomicBool,
}

impl LocalStore {
    /// Opens the store in `folder` (made if it is missing) and loads its index. Never fails: a store that cannot be
    /// written keeps its bodies in a temporary folder.
    pub fn open(folder: &Path) -> Self {
        let fallback = fallback_folder();
        let folder = match std::path::absolute(folder) {
            Ok(folder) if folder.to_str().is_some() => folder,
            _ => {
                // The protocol is JSON: a path that is no UTF-8 cannot be told to go.
                note(format_args!(
                    "cannot use {}; this session keeps its store in {}",
                    folder.display(),
                    fallback.display()
                ));
                fallback.clone()
            }
        };
        if std::fs::create_dir_all(folder.join(TEMPORARY_FOLDER)).is_ok() {
            ignore_in_git(&folder);
        }
        let index = Mutex::new(Index::open(&folder));
        Self { folder, fallback, fallback_used: AtomicBool::new(false), index, index_failed: AtomicBool::new(false) }
    }

    /// Its folder, absolute.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The entry of an action with the path of its body. Reads no file: go itself checks that the body is there
    /// and has its size, and takes anything else for a miss.
    pub fn get(&self, action: &ActionId) -> Option<(Entry, Origin, PathBuf)> {
        let (entry, origin) = self.index.lock().expect("no index user panics").get(action)?;
        Some((entry, origin, self.path_of(&entry.output)))
    }

    /// Whether no action is known at all.
    pub fn is_empty(&self) -> bool {
        self.index.lock().expect("no index user panics").is_empty()
    }

    /// Whether a body of this id and size is there; it was checked when it entered.
    pub fn has_body(&self, output: &OutputId, size_bytes: u64) -> bool {
        std::fs::metadata(self.path_of(output)).is_ok_and(|found| found.is_file() && found.len() == size_bytes)
    }

    /// Starts a body.
    pub fn begin(&self) -> BodyFile {
        BodyFile::create(vec![self.folder.clone(), self.fallback.clone()])
    }

    /// Checks a body, gives it its final name and returns its path.
    ///
    /// # Errors
    /// [`CommitError`] when the content is not `output`, or no folder can be written.
    pub fn keep_body(&self, body: BodyFile, output: &OutputId, size_bytes: u64) -> Result<PathBuf, CommitError> {
        let path = body.commit(output, size_bytes)?;
        if !path.starts_with(&self.folder) && !self.fallback_used.swap(true, Ordering::Relaxed) {
            let (folder, fallback) = (self.folder.display(), self.fallback.display());
            note(format_args!("cannot write to {folder}; this session keeps new outputs in {fallback}"));
        }
        Ok(path)
    }

    /// Keeps a content that was checked on its way here. Not in the fallback folder: without it there is a miss, and no
    /// failed build.
    ///
    /// # Errors
    /// [`CommitError::Disk`].
    pub fn keep_checked(&self, content: &[u8], output: &OutputId) -> Result<(), CommitError> {
        if content.len() <= SMALL_BYTES && self.create_small(content, output) {
            return Ok(());
        }
        let mut body = BodyFile::create_checked(vec![self.folder.clone()]);
        body.write(content);
        body.commit(output, content.len() as u64).map(drop)
    }

    /// Writes a small body straight under its name, which takes two thirds of the time. Whoever looks at it meanwhile sees
    /// no byte or all: it comes into one page by one write. `false` when it is there already, or cannot be written so.
    fn create_small(&self, content: &[u8], output: &OutputId) -> bool {
        let path = self.folder.join(data_file_name(output));
        let Ok(mut file) = OpenOptions::new().write(true).create_new(true).open(&path) else { return false };
        let is_written = file.write(content).is_ok_and(|written| written == content.len());
        if !is_written {
            let _ = std::fs::remove_file(&path);
        }
        is_written
    }

    /// Path of the empty body, which is stored once however many actions give it.
    ///
    /// # Errors
    /// [`CommitError`] as [`LocalStore::keep_body`].
    pub fn keep_empty_body(&self, output: &OutputId) -> Result<PathBuf, CommitError> {
        if *output == EMPTY_OUTPUT && self.has_body(output, 0) {
            return Ok(self.path_of(output));
        }
        self.keep_body(self.begin(), output, 0)
    }

    /// Keeps what an action gave. The body has to be kept by now.
    pub fn keep_entry(&self, action: ActionId, entry: Entry, origin: Origin) {
        let lasting = !self.fallback_used.load(Ordering::Relaxed)
            || std::fs::exists(self.folder.join(data_file_name(&entry.output))).unwrap_or(false);
        let mut index = self.index.lock().expect("no index user panics");
        // What another helper put while this one was fetching is newer than what was fetched.
        if origin == Origin::Fetched && index.get(&action).is_some() {
            return;
        }
        if !lasting {
            index.insert_for_session(action, entry, origin);
        } else {
            index.insert(action, entry, origin).unwrap_or_else(|error| self.index_trouble(&error));
        }
    }

    fn index_trouble(&self, error: &std::io::Error) {
        if !self.index_failed.swap(true, Ordering::Relaxed) {
            let folder = self.folder.display();
            note(format_args!(
                "cannot write the index in {folder}: later builds will not find what this one puts: {error}"
            ));
        }
    }

    /// Keeps what several actions gave, by one write to the index. Their bodies have to be kept by now.
    pub fn keep_entries(&self, entries: impl Iterator<Item = (ActionId, Entry)>, origin: Origin) {
        let is_lasting = !self.fallback_used.load(Ordering::Relaxed);
        let mut index = self.index.lock().expect("no index user panics");
        index.insert_all(entries, origin, is_lasting).unwrap_or_else(|error| self.index_trouble(&error));
    }

    /// All entries, in no order.
    pub fn entries(&self) -> Vec<(ActionId, Entry)> {
        let index = self.index.lock().expect("no index user panics");
        index.iter().map(|(action, entry)| (*action, *entry)).collect()
    }

    /// Path of a body, whether it is there or not. Absolute.
    pub fn path_of(&self, output: &OutputId) -> PathBuf {
        let name = data_file_name(output);
        if self.fallback_used.load(Ordering::Relaxed) {
            let path = self.fallback.join(&name);
            if path.exists() {
                return path;
            }
        }
        self.folder.join(name)
    }

    /// Removes temporary files that a killed helper left behind.
    pub fn remove_stale(&self) {
        for file in std::fs::read_dir(self.folder.join(TEMPORARY_FOLDER)).into_iter().flatten().flatten() {
            let age = file.metadata().and_then(|m| m.modified()).ok().and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > STALE_AFTER) {
                let _ = std::fs::remove_file(file.path());
            }
        }
    }
}

/// A folder of this session's own, absolute and UTF-8.
fn fallback_folder() -> PathBuf {
    let name = format!("cacheprog-{}-{:08x}", std::process::id(), fastrand::u32(..));
    let temporary = std::path::absolute(std::env::temp_dir()).ok().filter(|path| path.to_str().is_some());
    temporary.unwrap_or_else(|| PathBuf::from("/tmp")).join(name)
}

/// Keeps a folder of ours out of the user's repository: untracked files would set `vcs.modified` in his binaries.
pub fn ignore_in_git(folder: &Path) {
    let path = folder.join(".gitignore");
    if !path.exists() {
        let _ = std::fs::write(path, "*\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::digest::{SHA256, digest};

    fn put(store: &LocalStore, action: ActionId, content: &[u8]) -> (Entry, PathBuf) {
        let output = OutputId::new(digest(&SHA256, content).as_ref().try_into().unwrap());
        let mut body = store.begin();
        body.write(content);
        let path = store.keep_body(body, &output, content.len() as u64).unwrap();
        let entry = Entry { output, size_bytes: content.len() as u64, time_ns: 5 };
        store.keep_entry(action, entry, Origin::PutHere);
        (entry, path)
    }

    #[test]
    fn a_put_is_a_hit_in_this_session_and_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let action = ActionId::new([1; 32]);
        let store = LocalStore::open(folder.path());
        let (entry, path) = put(&store, action, b"body");
        assert!(path.is_absolute());
        assert_eq!(store.get(&action), Some((entry, Origin::PutHere, path.clone())));
        assert_eq!(LocalStore::open(folder.path()).get(&action), Some((entry, Origin::Stored, path)));
    }

    #[test]
    fn a_damaged_body_heals_with_the_next_put() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path());
        let (entry, path) = put(&store, ActionId::new([1; 32]), b"body");
        std::fs::write(&path, b"bo").unwrap();
        assert!(!store.has_body(&entry.output, 4));
        put(&store, ActionId::new([2; 32]), b"body");
        assert!(store.has_body(&entry.output, 4));
        assert_eq!(std::fs::read(path).unwrap(), b"body");
    }

    #[test]
    fn what_was_checked_replaces_a_file_that_a_crash_left() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path());
        for content in [b"small".to_vec(), vec![7; 2 * SMALL_BYTES]] {
            let output = OutputId::new(digest(&SHA256, &content).as_ref().try_into().unwrap());
            std::fs::write(store.path_of(&output), "").unwrap();
            store.keep_checked(&content, &output).unwrap();
            assert_eq!(std::fs::read(store.path_of(&output)).unwrap(), content);
            store.keep_checked(&content, &output).unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path().join(TEMPORARY_FOLDER)).unwrap().count(), 0);
    }

    #[test]
    fn the_empty_body_is_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path());
        let empty = OutputId::new(digest(&SHA256, b"").as_ref().try_into().unwrap());
        let first = store.keep_empty_body(&empty).unwrap();
        assert_eq!(store.keep_empty_body(&empty).unwrap(), first);
        std::fs::remove_file(&first).unwrap();
        assert!(store.keep_empty_body(&empty).unwrap().exists(), "it heals");
    }

    #[test]
    fn a_store_that_cannot_be_written_keeps_bodies_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        let store = LocalStore::open(&blocked);
        let action = ActionId::new([1; 32]);
        let (entry, path) = put(&store, action, b"body");
        assert_eq!(std::fs::read(&path).unwrap(), b"body");
        assert_eq!(store.get(&action), Some((entry, Origin::PutHere, path)));
        std::fs::remove_dir_all(&store.fallback).unwrap();
    }

    #[test]
    fn the_store_is_hidden_from_git_and_the_users_own_file_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        LocalStore::open(folder.path());
        let path = folder.path().join(".gitignore");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "*\n");
        std::fs::write(&path, "mine").unwrap();
        LocalStore::open(folder.path());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }
}
