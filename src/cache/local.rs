//! The local store: bodies as files under the workshop's names, and the index of actions.

use std::fs::{File, Metadata, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use super::body_file::{BodyFile, CommitError, TEMPORARY_FOLDER, data_file_name, sync};
use super::clock::{modified_s, now_s};
use super::index::{Entry, Index, Origin};
use super::knobs::Knobs;
use super::lease::Lease;
use super::trim::{Limits, Trimming};
use crate::note::note;
use crate::protocol::{ActionId, OutputId};

/// SHA-256 of nothing.
pub const EMPTY_OUTPUT: OutputId = OutputId::new([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);
/// Temporary files older than this belong to a helper that was killed.
const STALE_AFTER: Duration = Duration::from_secs(3600);

/// How often a body that is there already tells, by its file's time, that it came in again, in seconds: an hour, as in
/// go's own cache. It may have come in by so much later than its time says.
pub const ARRIVAL_EVERY_S: i64 = 3600;

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
    /// Keeps what this session hands out from being trimmed.
    lease: Mutex<Option<Lease>>,
    knobs: Knobs,
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
        // Before the index: what that names has to stay.
        let lease = Mutex::new(Lease::share(&folder));
        let index = Mutex::new(Index::open(&folder));
        let (fallback_used, index_failed) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { folder, fallback, fallback_used, index, index_failed, lease, knobs: Knobs::default() }
    }

    /// The same store with these changes.
    pub fn with(mut self, knobs: Knobs) -> Self {
        self.knobs = knobs;
        self
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

    /// The entry of an action for a purpose of our own: it does not count as used.
    pub fn peek(&self, action: &ActionId) -> Option<(Entry, Origin)> {
        self.index.lock().expect("no index user panics").peek(action)
    }

    /// Whether no action is known at all.
    pub fn is_empty(&self) -> bool {
        self.index.lock().expect("no index user panics").is_empty()
    }

    /// Whether a body of this id and size is there; it was checked when it entered.
    pub fn has_body(&self, output: &OutputId, size_bytes: u64) -> bool {
        whole_file(&self.path_of(output), size_bytes).is_some()
    }

    /// The same for a body that is to be kept: where it is there it counts as come in now.
    pub fn reuse_body(&self, output: &OutputId, size_bytes: u64) -> bool {
        let path = self.path_of(output);
        let Some(found) = whole_file(&path, size_bytes) else { return false };
        if now_s().saturating_sub(modified_s(&found)) >= ARRIVAL_EVERY_S {
            touch(&path);
        }
        true
    }

    /// Starts a body.
    pub fn begin(&self) -> BodyFile {
        BodyFile::create(vec![self.folder.clone(), self.fallback.clone()]).synced(self.knobs.syncs())
    }

    /// Starts one of which only the size is checked, where the knobs say so.
    pub fn begin_fetched(&self) -> BodyFile {
        match self.knobs.no_verify {
            true => BodyFile::create_checked(vec![self.folder.clone(), self.fallback.clone()]),
            false => self.begin(),
        }
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
        let mut body = BodyFile::create_checked(vec![self.folder.clone()]).synced(self.knobs.syncs());
        body.write(content);
        body.commit(output, content.len() as u64).map(drop)
    }

    /// Writes a small body straight under its name, which takes two thirds of the time. Whoever looks at it meanwhile sees
    /// no byte or all: it comes into one page by one write. `false` when it is there already, or cannot be written so.
    fn create_small(&self, content: &[u8], output: &OutputId) -> bool {
        let path = self.folder.join(data_file_name(output));
        let Ok(mut file) = OpenOptions::new().write(true).create_new(true).open(&path) else { return false };
        // Network file systems and quotas tell of a failed write only when a file is closed. What is not whole is replaced.
        file.write(content).is_ok_and(|written| written == content.len())
            && self.knobs.syncs().is_none_or(|longer| sync(&file, longer).is_ok())
            && nix::unistd::close(file).is_ok()
    }

    /// Path of the empty body, which is stored once however many actions give it.
    ///
    /// # Errors
    /// [`CommitError`] as [`LocalStore::keep_body`].
    pub fn keep_empty_body(&self, output: &OutputId) -> Result<PathBuf, CommitError> {
        if *output == EMPTY_OUTPUT && self.reuse_body(output, 0) {
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

    /// Writes down what this session handed out, for the next trimming. For the time after go has been let go.
    pub fn note_uses(&self) {
        let mut index = self.index.lock().expect("no index user panics");
        // Without the record it is trimmed earlier than it might be.
        let _ = index.note_uses(now_s());
        index.replaced().iter().for_each(|output| touch(&self.folder.join(data_file_name(output))));
    }

    /// Trims the store if that was not done in the last day. Nothing more may be handed out. Whoever has the store open
    /// is not disturbed.
    pub fn trim_when_due(&self, limits: Limits) {
        if self.folder == self.fallback || !self.folder.is_dir() {
            return;
        }
        let handed_out = self.index.lock().expect("no index user panics").handed_out();
        drop(self.lease.lock().expect("no lease user panics").take());
        let trimming = Trimming { handed_out: &handed_out, ..Trimming::now(&self.folder, limits) };
        // A store that cannot be trimmed is no trouble of this build; `cacheprog trim` says why.
        let _ = trimming.run_when_due();
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

/// What the file system says of a file that is there with all its bytes.
fn whole_file(path: &Path, size_bytes: u64) -> Option<Metadata> {
    std::fs::metadata(path).ok().filter(|found| found.is_file() && found.len() == size_bytes)
}

/// Lets a body count as come in now. One that is gone needs it no more.
fn touch(path: &Path) {
    let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
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
#[path = "local_tests.rs"]
mod tests;
