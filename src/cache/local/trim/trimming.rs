//! Keeps the local store small: what has not been used for long leaves, and the least recently used where there is too much.
//! Never what was used in the last day, and beside sessions that have the store open: [`crate::cache::local::open_store`] says why that is
//! safe.
//!
//! What leaves is planned without the lock. Then, under the lock on changes, what sessions have put or used meanwhile is
//! taken back, and the log gets its successor; from there on no session hands out what leaves. Its bodies are removed in
//! short slices under the lock, those excepted that are put again meanwhile.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cache::local::folder::lease::Lease;
use crate::cache::local::folder::names::CHANGES_LOCK;
use crate::cache::local::folder::names::INDEX_FILE;
use crate::cache::local::folder::names::data_file_name;
use crate::cache::local::folder::store_folder::{has_only_own_names, is_store, temporary_path};
use crate::cache::local::index::log::Log;
use crate::cache::local::index::memory::Index;
use crate::cache::local::trim::inventory::Inventory;
use crate::cache::local::trim::leaving::Leaving;
use crate::cache::local::trim::plan::Limits;
use crate::cache::local::trim::plan::YOUNG_S;
use crate::cache::local::trim::stamp::Stamp;
use crate::platform::clock::{modified_s, now_s};
use crate::protocol::OutputId;

/// The longest that the store is locked at a time: a build waits for it.
pub const SLICE: Duration = Duration::from_millis(20);
/// Long enough for that build to see that the lock is free.
pub const PAUSE: Duration = Duration::from_millis(10);
/// How long a trimming waits for sessions, which share the lock for a second at most.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// The result of a trimming.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Actions that the index no longer has.
    pub entries: u64,
    /// Bodies removed.
    pub bodies: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Bodies that stay.
    pub bodies_left: u64,
    /// Bytes of these.
    pub bytes_left: u64,
    /// True if builds left no moment for all of it; the next trimming does the rest.
    pub is_cut_short: bool,
}

/// Why the store was not trimmed.
#[derive(Debug, thiserror::Error)]
pub enum TrimError {
    /// The folder is not ours.
    #[error("{} is not a store of cacheprog", .0.display())]
    NoStore(PathBuf),
    /// A session of an older version has the store open, sessions leave no moment between their puts, or another process
    /// trims it.
    #[error("{} is in use by a build, or by a session that only reads it", .0.display())]
    InUse(PathBuf),
    /// The store cannot be read or written.
    #[error("cannot remove files from {}: {error}", folder.display())]
    Disk {
        /// The store.
        folder: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

impl TrimError {
    /// Help where a disk fails.
    pub fn next_for_disk(folder: &Path) -> &'static str {
        if has_only_own_names(folder) {
            "remove the folder, if nothing else helps: the next build makes a new one"
        } else {
            "make the files of cacheprog in it writable; the folder itself has other files, or cannot be read"
        }
    }
}

/// One trimming of a store.
pub struct Trimming<'a> {
    /// The store.
    pub folder: &'a Path,
    /// How much may stay.
    pub limits: Limits,
    /// The time, Unix seconds.
    pub now_s: i64,
    /// How long it waits for sessions that change the store.
    pub patience: Duration,
}

impl<'a> Trimming<'a> {
    /// A trimming of `folder` at this moment.
    pub fn now(folder: &'a Path, limits: Limits) -> Self {
        Self { folder, limits, now_s: now_s(), patience: PATIENCE }
    }

    /// Trims the store if that was not done in the last day; `None` when it was.
    ///
    /// # Errors
    /// As [`Trimming::run`].
    pub fn run_when_due(&self) -> Result<Option<Trimmed>, TrimError> {
        self.check_store()?;
        let mut stamp = self.stamp()?;
        if stamp.is_due(self.now_s).map_err(|error| self.disk(error))? {
            self.run_with(&mut stamp).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Trims the store.
    ///
    /// # Errors
    /// [`TrimError`].
    pub fn run(&self) -> Result<Trimmed, TrimError> {
        self.check_store()?;
        self.run_with(&mut self.stamp()?)
    }

    fn check_store(&self) -> Result<(), TrimError> {
        if is_store(self.folder) { Ok(()) } else { Err(TrimError::NoStore(self.folder.to_owned())) }
    }

    fn stamp(&self) -> Result<Stamp, TrimError> {
        Stamp::take(self.folder).map_err(|error| self.disk(error))?.ok_or_else(|| self.in_use())
    }

    fn run_with(&self, stamp: &mut Stamp) -> Result<Trimmed, TrimError> {
        // All that is read is read without the lock: it is looked at again before anything is changed.
        if self.alone().map_err(|error| self.disk(error))?.is_none() {
            return Err(self.in_use());
        }
        let trimmed = self.work().map_err(|error| self.disk(error))?.ok_or_else(|| self.in_use())?;
        if !trimmed.is_cut_short {
            stamp.set(self.now_s).map_err(|error| self.disk(error))?;
        }
        Ok(trimmed)
    }

    fn alone(&self) -> io::Result<Option<Lease>> {
        Lease::alone(&self.folder.join(CHANGES_LOCK), self.patience)
    }

    /// `None` when builds left no moment for it, before anything was changed.
    fn work(&self) -> io::Result<Option<Trimmed>> {
        let mut index = Index::open(self.folder);
        let mut inventory = Inventory::read(self.folder)?;
        let mut leaving = inventory.apply(&mut index, &self.limits, self.now_s);
        let mut trimmed = Trimmed::default();
        match self.replace_log(&mut index, &mut leaving) {
            Ok(Some(mut log)) => {
                trimmed.entries = leaving.count_entries();
                self.remove_bodies(&mut leaving, &mut log, &mut trimmed)?;
            }
            Ok(None) => return Ok(None),
            // A full disk: the bodies make room. Until the index is written it names some that are gone, which go takes
            // for misses.
            Err(_) => {
                self.remove_bodies(&mut leaving, index.log(), &mut trimmed)?;
                trimmed.is_cut_short |= self.replace_log(&mut index, &mut leaving)?.is_none();
                trimmed.entries = leaving.count_entries();
            }
        }
        trimmed.bodies_left = inventory.count() - trimmed.bodies;
        trimmed.bytes_left = inventory.bytes() - trimmed.bytes;
        Ok(Some(trimmed))
    }

    /// Gives the store a log of what is in `index` and what sessions have appended since it was read, and returns the new
    /// log. `None` when builds left no moment for it, or the store was removed: then nothing has changed.
    fn replace_log(&self, index: &mut Index, leaving: &mut Leaving) -> io::Result<Option<Log>> {
        let temporary = temporary_path(self.folder, "index-");
        let replaced = index.write_to(&temporary).and_then(|()| {
            let Some(_alone) = self.alone()? else { return Ok(None) };
            if index.log().is_replaced()? {
                return Ok(None);
            }
            leaving.take_back_new(index.log())?;
            OpenOptions::new().append(true).open(&temporary)?.write_all(leaving.new_records())?;
            std::fs::rename(&temporary, self.folder.join(INDEX_FILE))?;
            let mut log = Log::open(self.folder);
            log.skip_to_end()?;
            Ok(Some(log))
        });
        if !matches!(replaced, Ok(Some(_))) {
            let _ = std::fs::remove_file(&temporary);
        }
        replaced
    }

    /// Removes bodies, for a moment at a time. What was put or used since `log` was read stays.
    fn remove_bodies(&self, leaving: &mut Leaving, log: &mut Log, trimmed: &mut Trimmed) -> io::Result<()> {
        let bodies = leaving.bodies();
        let mut bodies = bodies.iter().peekable();
        while bodies.peek().is_some() {
            let alone = self.alone()?;
            leaving.take_back_new(log)?;
            if alone.is_none() || !log.is_current() {
                trimmed.is_cut_short = true;
                return Ok(());
            }
            let began = Instant::now();
            while began.elapsed() < SLICE
                && let Some(output) = bodies.next()
            {
                if leaving.has_body(output) {
                    self.remove_body(output, trimmed)?;
                }
            }
            drop(alone);
            sleep(PAUSE);
        }
        Ok(())
    }

    fn remove_body(&self, output: &OutputId, trimmed: &mut Trimmed) -> io::Result<()> {
        let path = self.folder.join(data_file_name(output));
        // Not through a link, which is none of ours.
        let Ok(found) = std::fs::symlink_metadata(&path) else { return Ok(()) };
        if !found.is_file() || modified_s(&found) > self.now_s.saturating_sub(YOUNG_S) {
            return Ok(());
        }
        std::fs::remove_file(&path)?;
        trimmed.bodies += 1;
        trimmed.bytes += found.len();
        Ok(())
    }

    fn in_use(&self) -> TrimError {
        TrimError::InUse(self.folder.to_owned())
    }

    fn disk(&self, error: io::Error) -> TrimError {
        TrimError::Disk { folder: self.folder.to_owned(), error }
    }
}

#[cfg(test)]
#[path = "trimming_tests.rs"]
mod tests;
