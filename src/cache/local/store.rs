//! The local store: bodies as files under the workshop's names, and the index of actions.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cache::local::body_file::{BodyFile, CommitError, sync};
use crate::cache::local::folder::names::data_file_name;
use crate::cache::local::folder::store_folder;
use crate::cache::local::index::entry::{Entry, Origin};
use crate::cache::local::open_store::{OpenStore, Share, whole_file};
use crate::cache::local::spare::{OTHER_FOLDER, Spare, usable};
use crate::cache::local::trim::plan::Limits;
use crate::cache::local::trim::trimming::Trimming;
use crate::note::note;
use crate::platform::fault_injection::FaultSettings;
use crate::protocol::{ActionId, OutputId};

/// SHA-256 of nothing.
pub const EMPTY_OUTPUT: OutputId = OutputId::new([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);
/// The largest body that fits into one page of any system.
const SMALL_BYTES: usize = 4096;

/// A store of bodies and their index that several processes may share, and what takes its place while it cannot be written:
/// go may fail when a put is refused.
pub struct LocalStore {
    main: OpenStore,
    /// The store that was asked for, where it can be read and not be written; then `main` is another.
    below: Option<OpenStore>,
    /// Takes what `main` can no longer take.
    spare: Option<Arc<Spare>>,
    has_noted_spare: AtomicBool,
    faults: FaultSettings,
}

impl LocalStore {
    /// Opens the store for `wanted` (see [`store_folder::resolve`]), which is made if it is missing. Never fails: where it
    /// cannot be written, a store in the user's temporary folder takes its place.
    pub fn open(wanted: &Path) -> Self {
        Self::open_beside(wanted, Spare::of_user())
    }

    fn open_beside(wanted: &Path, spare: Spare) -> Self {
        match usable(wanted.to_owned()) {
            Ok(folder) => Self::over(folder, None, Some(spare)),
            Err(error) => Self::in_place_of(wanted, &error, &spare),
        }
    }

    /// A store that takes the place of `wanted`, which cannot be written because of `error`.
    fn in_place_of(wanted: &Path, error: &io::Error, spare: &Spare) -> Self {
        let wanted = store_folder::resolve(&std::path::absolute(wanted).unwrap_or_else(|_| wanted.to_owned()));
        let shown = wanted.display();
        match spare.make() {
            Ok(folder) => {
                note(format_args!(
                    "cannot write to {shown} ({error}): the store is {} instead; {OTHER_FOLDER}",
                    folder.display()
                ));
                let is_readable = wanted.to_str().is_some();
                let below = if is_readable { OpenStore::open_to_read(wanted) } else { None };
                Self::over(folder, below, None)
            }
            Err(other) => {
                note(format_args!(
                    "cannot write to {shown} ({error}), nor to the temporary folder ({other}): nothing is stored; \
                     {OTHER_FOLDER}"
                ));
                Self::over(wanted, None, None)
            }
        }
    }

    fn over(folder: PathBuf, below: Option<OpenStore>, spare: Option<Spare>) -> Self {
        let (spare, has_noted_spare) = (spare.map(Arc::new), AtomicBool::new(false));
        Self { main: OpenStore::open(folder), below, spare, has_noted_spare, faults: FaultSettings::default() }
    }

    /// Injects faults.
    pub fn with(mut self, faults: FaultSettings) -> Self {
        self.faults = faults;
        self
    }

    /// Its folder, absolute.
    pub fn folder(&self) -> &Path {
        self.main.folder()
    }

    /// The spare store once something is in it.
    fn spare(&self) -> Option<&OpenStore> {
        self.spare.as_ref()?.opened()
    }

    /// The entry of an action with the path of its body. Reads no file for what was used in the last day: go itself checks
    /// that the body is there and has its size, and takes anything else for a miss.
    pub fn get(&self, action: &ActionId) -> Option<(Entry, Origin, PathBuf)> {
        if let Some((entry, origin)) = self.main.get(action) {
            return Some((entry, origin, self.path_of(&entry.output)));
        }
        [self.spare(), self.below.as_ref()].into_iter().flatten().find_map(|store| {
            let (entry, origin) = store.get(action)?;
            Some((entry, origin, store.body_path(&entry.output)))
        })
    }

    /// The entry of an action for a purpose of our own: it does not count as used.
    pub fn peek(&self, action: &ActionId) -> Option<(Entry, Origin)> {
        self.stores().find_map(|store| store.peek(action))
    }

    /// All entries, in no order.
    pub fn entries(&self) -> Vec<(ActionId, Entry)> {
        let mut entries = self.main.entries();
        let below = self.below.iter().flat_map(OpenStore::entries);
        entries.extend(below.filter(|(action, _)| self.main.peek(action).is_none()));
        entries
    }

    fn stores(&self) -> impl Iterator<Item = &OpenStore> {
        [Some(&self.main), self.spare(), self.below.as_ref()].into_iter().flatten()
    }

    /// True if a body of this id and size is there; it was checked when it entered.
    pub fn has_body(&self, output: &OutputId, size_bytes: u64) -> bool {
        whole_file(&self.path_of(output), size_bytes).is_some()
    }

    /// True if a body is there that is to be kept; then it counts as come in now.
    pub fn reuse_body(&self, output: &OutputId, size_bytes: u64) -> bool {
        self.main.reuse_body(output, size_bytes)
    }

    /// Path of a body, whether it is there or not. Absolute.
    pub fn path_of(&self, output: &OutputId) -> PathBuf {
        let main = self.main.body_path(output);
        let path_in = |store: Option<&OpenStore>| Some(store?.body_path(output)).filter(|path| path.exists());
        if let Some(path) = path_in(self.spare()) {
            return path;
        }
        match path_in(self.below.as_ref()) {
            Some(path) if !main.exists() => path,
            _ => main,
        }
    }

    /// Starts a body.
    pub fn begin(&self) -> BodyFile {
        BodyFile::create(self.folder().to_owned(), self.spare.clone()).synced(self.faults.syncs())
    }

    /// Starts one that is fetched. Not in the spare store: without it there is a miss, and no failed build. Only its size is
    /// checked where fault injection says so.
    pub fn begin_fetched(&self) -> BodyFile {
        let folder = self.folder().to_owned();
        if self.faults.no_verify {
            return BodyFile::create_checked(folder, None);
        }
        BodyFile::create(folder, None).synced(self.faults.syncs())
    }

    /// Checks a body, gives it its final name and returns its path.
    ///
    /// # Errors
    /// [`CommitError`] when the content is not `output`, or no folder can be written.
    pub fn keep_body(&self, body: BodyFile, output: &OutputId, size_bytes: u64) -> Result<PathBuf, CommitError> {
        let path = body.commit(output, size_bytes, |folder| self.share_changes(folder))?;
        if let Some(spare) = self.spare().filter(|spare| path.starts_with(spare.folder()))
            && !self.has_noted_spare.swap(true, Ordering::Relaxed)
        {
            let (folder, spare) = (self.folder().display(), spare.folder().display());
            note(format_args!("cannot write to {folder}: new outputs go to {spare} instead; {OTHER_FOLDER}"));
        }
        Ok(path)
    }

    /// Keeps trimming out of one of the stores.
    fn share_changes(&self, folder: &Path) -> Option<Share<'_>> {
        self.stores().find(|store| store.folder() == folder).map(OpenStore::share_changes)
    }

    /// Keeps a content that was checked on its way here. Not in the spare store: without it there is a miss, and no failed
    /// build.
    ///
    /// # Errors
    /// [`CommitError::Disk`].
    pub fn keep_checked(&self, content: &[u8], output: &OutputId) -> Result<(), CommitError> {
        if content.len() <= SMALL_BYTES && self.create_small(content, output) {
            return Ok(());
        }
        let mut body = BodyFile::create_checked(self.folder().to_owned(), None).synced(self.faults.syncs());
        body.write(content);
        body.commit(output, content.len() as u64, |folder| self.share_changes(folder)).map(drop)
    }

    /// Writes a small body straight under its name, which takes two thirds of the time. Whoever looks at it meanwhile sees
    /// no byte or all: it comes into one page by one write. `false` when it is there already, or cannot be written so.
    fn create_small(&self, content: &[u8], output: &OutputId) -> bool {
        let path = self.folder().join(data_file_name(output));
        let Ok(mut file) = OpenOptions::new().write(true).create_new(true).open(&path) else { return false };
        // Network file systems and quotas tell of a failed write only when a file is closed. What is not whole is replaced.
        file.write(content).is_ok_and(|written| written == content.len())
            && self.faults.syncs().is_none_or(|longer| sync(&file, longer).is_ok())
            && nix::unistd::close(file).is_ok()
    }

    /// Path of the empty body, which is stored once however many actions give it.
    ///
    /// # Errors
    /// [`CommitError`] as [`LocalStore::keep_body`].
    pub fn keep_empty_body(&self, output: &OutputId) -> Result<PathBuf, CommitError> {
        if *output == EMPTY_OUTPUT && self.reuse_body(output, 0) {
            return Ok(self.main.body_path(output));
        }
        self.keep_body(self.begin(), output, 0)
    }

    /// Keeps what an action gave. The body has to be kept by now.
    pub fn keep_entry(&self, action: ActionId, entry: Entry, origin: Origin) {
        match self.spare() {
            Some(spare) if !self.main.body_path(&entry.output).exists() => {
                // It hides what the main store may say of the action.
                self.main.remember_entry(action, entry, origin);
                spare.keep_entry(action, entry, origin);
            }
            _ => self.main.keep_entry(action, entry, origin),
        }
    }

    /// Keeps what several actions gave, by one write to the index. Their bodies have to be kept by now.
    pub fn keep_entries(&self, entries: impl Iterator<Item = (ActionId, Entry)>, origin: Origin) {
        self.main.keep_entries(entries, origin, self.spare().is_none());
    }

    /// Writes down what this session gave to go, for the next trimming. For the time after go has been let go.
    pub fn note_uses(&self) {
        self.stores().for_each(OpenStore::note_uses);
    }

    /// Notes again the uses that are due. To be called each second: see [`OpenStore::renew_uses`].
    pub fn renew_uses(&self) {
        self.stores().for_each(OpenStore::renew_uses);
    }

    /// Trims the store if that was not done in the last day. Nothing more may be handed out.
    pub fn trim_when_due(&self, limits: Limits) {
        self.stores().for_each(|store| store.trim_when_due(limits));
        if let Some(folder) = self.unopened_spare() {
            let _ = Trimming::now(&folder, limits).run_when_due();
        }
    }

    /// Removes temporary files that a killed session left behind.
    pub fn remove_stale(&self) {
        self.stores().for_each(|store| store_folder::remove_stale(store.folder()));
        if let Some(folder) = self.unopened_spare() {
            store_folder::remove_stale(&folder);
        }
    }

    /// The spare store of earlier sessions: its content has to leave some day, though this session had no need for it.
    fn unopened_spare(&self) -> Option<PathBuf> {
        self.spare.as_ref()?.find_unopened().filter(|folder| folder != self.folder())
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
