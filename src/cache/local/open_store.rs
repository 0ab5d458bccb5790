//! An open store: a folder of bodies and its index, which several sessions share beside trimming.
//!
//! No body that a session handed out in the last day is removed, and no put is lost, because
//! - trimming removes only what has no use noted for two days: an entry by the log, a body without an entry by its file's
//!   time. It looks again under the lock on changes, alone, before it removes anything, and it removes entries before
//!   bodies.
//! - A hit whose use is noted within the last day needs no lock: it stays for another day. An older one is answered only
//!   while the lock is shared, and from the log that has its name at that moment. The lock stays shared until its use is
//!   noted, which [`OpenStore::renew_uses`] does within a second.
//! - Records are appended while the lock is shared, and to the log that has its name at that moment. Where the lock cannot
//!   be had for a second, as beside a trimming process that was stopped, an entry is appended all the same: at worst that is
//!   lost and the next build compiles again, while its body stays as a new one.
//! - A body gets its name, or a new time if it is kept, while the lock is shared: trimming cannot have looked at an older
//!   file of that name before, and remove this one after. Only trimming that is stopped between the two could.
//! - A body whose entry is replaced counts as new from then on: another session may have handed it out.
//! - A session that lives longer than a day notes daily what it gave to go.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::SystemTime;

use crate::cache::local::folder::lease::{Lease, MomentLock};
use crate::cache::local::folder::names::INDEX_FILE;
use crate::cache::local::folder::names::SESSIONS_LOCK;
use crate::cache::local::folder::names::data_file_name;
use crate::cache::local::folder::store_folder;
use crate::cache::local::index::entry::{Entry, Origin};
use crate::cache::local::index::memory::Index;
use crate::cache::local::trim::plan::{ARRIVAL_EVERY_S, Limits};
use crate::cache::local::trim::trimming::Trimming;
use crate::note::note;
use crate::platform::clock::{modified_s, now_s};
use crate::protocol::{ActionId, OutputId};

/// How often a session looks whether uses are to be noted again, in seconds.
const RENEW_EVERY_S: i64 = 3600;

/// A folder of bodies and its index.
pub struct OpenStore {
    folder: PathBuf,
    state: Mutex<State>,
    /// Tells `clean` that the session lives.
    _alive: Option<Lease>,
}

/// A share of the lock on changes. The store's other calls wait until it is dropped.
pub struct Share<'a> {
    state: MutexGuard<'a, State>,
    /// True if the store needs the lock for longer.
    was_held: bool,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if !self.was_held {
            self.state.lock.release();
        }
    }
}

struct State {
    index: Index,
    lock: MomentLock,
    /// True if the store is only read. Then uses cannot be noted, and the lock is shared for the session's whole life.
    is_read_only: bool,
    renewed_s: i64,
    has_noted_trouble: bool,
}

impl OpenStore {
    /// Opens the store in `folder`, which has been made.
    pub fn open(folder: PathBuf) -> Self {
        let (index, lock) = (Index::open(&folder), MomentLock::new(&folder));
        Self::with(folder, index, lock, false)
    }

    /// Opens the store in `folder` for hits only. `None` where none is.
    pub fn open_to_read(folder: PathBuf) -> Option<Self> {
        if !store_folder::is_store(&folder) || !folder.join(INDEX_FILE).is_file() {
            return None;
        }
        let mut lock = MomentLock::new(&folder);
        // Before the index: what that names has to stay.
        lock.take();
        let index = Index::open_to_read(&folder);
        Some(Self::with(folder, index, lock, true))
    }

    fn with(folder: PathBuf, index: Index, lock: MomentLock, is_read_only: bool) -> Self {
        let alive = Lease::share(&folder.join(SESSIONS_LOCK));
        let state = State { index, lock, is_read_only, renewed_s: now_s(), has_noted_trouble: false };
        Self { folder, state: Mutex::new(state), _alive: alive }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no user of a store panics")
    }

    /// Its folder, absolute.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Path of a body in it, whether it is there or not.
    pub fn body_path(&self, output: &OutputId) -> PathBuf {
        self.folder.join(data_file_name(output))
    }

    /// The entry of an action, to be handed out. Reads no file for what was used in the last day.
    pub fn get(&self, action: &ActionId) -> Option<(Entry, Origin)> {
        let state = &mut *self.state();
        let found = state.index.get(action)?;
        if state.lock.is_held() || state.index.is_noted(action, now_s()) {
            return Some(found);
        }
        // Trimming may have removed it, or be about to.
        if !state.lock.take() || state.index.follow().is_err() {
            state.lock.release();
            return None;
        }
        let found = state.index.get(action);
        if found.is_none() {
            state.lock.release();
        }
        found
    }

    /// The entry of an action for a purpose of our own: it does not count as used.
    pub fn peek(&self, action: &ActionId) -> Option<(Entry, Origin)> {
        self.state().index.peek(action)
    }

    /// All entries, in no order.
    pub fn entries(&self) -> Vec<(ActionId, Entry)> {
        self.state().index.iter().map(|(action, entry)| (*action, *entry)).collect()
    }

    /// Keeps trimming out of the store until the share is dropped, if it lets go within a second.
    pub fn share_changes(&self) -> Share<'_> {
        let mut state = self.state();
        let was_held = state.lock.is_held();
        state.lock.take();
        Share { state, was_held }
    }

    /// True if a body of this id and size is there, to be kept; where it is, it counts as come in now.
    pub fn reuse_body(&self, output: &OutputId, size_bytes: u64) -> bool {
        let path = self.body_path(output);
        self.state().locked(|_, is_safe| {
            let found = if is_safe { whole_file(&path, size_bytes) } else { None };
            if found.as_ref().is_some_and(|found| now_s().saturating_sub(modified_s(found)) >= ARRIVAL_EVERY_S) {
                touch(&path);
            }
            found.is_some()
        })
    }

    /// Keeps what an action gave. The body has to be kept by now. What another session has put while this one was fetching
    /// is newer than what was fetched.
    pub fn keep_entry(&self, action: ActionId, entry: Entry, origin: Origin) {
        let mut state = self.state();
        let kept = state.locked(|index, _| {
            // Another session may have put the action, and handed out what it put. Trouble with the log shows below.
            let _ = index.catch_up();
            if origin == Origin::Fetched && index.get(&action).is_some() {
                return Ok(());
            }
            let before = index.peek(&action);
            if let Some((before, _)) = before.filter(|(before, _)| before.output != entry.output) {
                touch(&self.body_path(&before.output));
            }
            index.insert(action, entry, origin)
        });
        if let Err(error) = kept {
            state.note_trouble(&self.folder, &error);
        }
    }

    /// Remembers an entry for this session only.
    pub fn remember_entry(&self, action: ActionId, entry: Entry, origin: Origin) {
        self.state().index.insert_for_session(action, entry, origin);
    }

    /// Keeps what several actions gave, for good if `is_lasting`, by one write to the index. Their bodies have to be kept by
    /// now.
    pub fn keep_entries(&self, entries: impl Iterator<Item = (ActionId, Entry)>, origin: Origin, is_lasting: bool) {
        let mut state = self.state();
        if let Err(error) = state.locked(|index, _| index.insert_all(entries, origin, is_lasting)) {
            state.note_trouble(&self.folder, &error);
        }
    }

    /// Writes down what this session gave to go, for trimming, and lets go of the lock that kept it until now.
    pub fn note_uses(&self) {
        let state = &mut *self.state();
        if state.is_read_only {
            return;
        }
        let now_s = now_s();
        if !state.lock.take() {
            return;
        }
        if state.index.note_uses(now_s).is_err() {
            // A full disk, say: the times of the files tell it as well.
            state.index.unnoted(now_s).for_each(|(_, entry)| touch(&self.body_path(&entry.output)));
        }
        state.index.replaced().iter().for_each(|output| touch(&self.body_path(output)));
        state.lock.release();
        state.renewed_s = now_s;
    }

    /// Does so where something is to be noted: hits of the last moments, or, in a session that lives long, hits that are
    /// older than a day. To be called each second; nearly always it does nothing.
    pub fn renew_uses(&self) {
        let state = self.state();
        let is_due = state.lock.is_held() || now_s().abs_diff(state.renewed_s) >= RENEW_EVERY_S as u64;
        drop(state);
        if is_due {
            self.note_uses();
        }
    }

    /// Trims the store if that was not done in the last day. Nothing more may be handed out.
    pub fn trim_when_due(&self, limits: Limits) {
        self.state().lock.release();
        // A store that cannot be trimmed is no trouble of this build; `cacheprog trim` says why.
        let _ = Trimming::now(&self.folder, limits).run_when_due();
    }
}

impl State {
    /// Works with the index while the lock is shared; `work` gets whether trimming is kept away.
    fn locked<T>(&mut self, work: impl FnOnce(&mut Index, bool) -> T) -> T {
        let was_held = self.lock.is_held();
        let is_safe = self.lock.take();
        let result = work(&mut self.index, is_safe);
        if !was_held {
            self.lock.release();
        }
        result
    }

    fn note_trouble(&mut self, folder: &Path, error: &std::io::Error) {
        if !std::mem::replace(&mut self.has_noted_trouble, true) {
            note(format_args!(
                "cannot write the index in {}: later builds will not find what this one puts: {error}",
                folder.display()
            ));
        }
    }
}

/// Metadata of a file that is there with all its bytes.
pub fn whole_file(path: &Path, size_bytes: u64) -> Option<Metadata> {
    std::fs::metadata(path).ok().filter(|found| found.is_file() && found.len() == size_bytes)
}

/// Lets a body count as come in now. One that is gone needs it no more.
fn touch(path: &Path) {
    let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
}

#[cfg(test)]
#[path = "open_store_tests.rs"]
mod tests;
