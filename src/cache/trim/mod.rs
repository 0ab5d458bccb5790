//! Keeps the local store small: what has not been used for long leaves, and the least recently used where there is too much.
//! Never beside a session that may have handed out a path, and never what was used in the last day.

mod inventory;
mod plan;
mod stamp;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::body_file::{TEMPORARY_FOLDER, data_file_name};
use super::clock::{modified_s, now_s};
use super::index::{INDEX_FILE, Index, Log, Record};
use super::lease::Lease;
use crate::protocol::{ActionId, OutputId};
use inventory::Inventory;
pub use plan::Limits;
use plan::YOUNG_S;
use stamp::Stamp;

/// The longest that the store is locked at a time: a build that starts meanwhile waits for it.
const SLICE: Duration = Duration::from_millis(50);
/// Long enough for that build to see that the lock is free.
const PAUSE: Duration = Duration::from_millis(10);

/// What [`trim`] removed.
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
    /// Whether a build started meanwhile; the next trimming does the rest.
    pub is_cut_short: bool,
}

/// Why the store was not trimmed.
#[derive(Debug, thiserror::Error)]
pub enum TrimError {
    /// There is nothing to trim.
    #[error("{} is no local store: it has no file `{INDEX_FILE}`", .0.display())]
    NoStore(PathBuf),
    /// A session has the store open, or another process trims it.
    #[error("{} is in use by a build", .0.display())]
    InUse(PathBuf),
    /// The store cannot be read or written.
    #[error("cannot trim {}: {error}", folder.display())]
    Disk {
        /// The store.
        folder: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// What to trim, and what is known beside the store itself.
pub struct Trimming<'a> {
    /// The store.
    pub folder: &'a Path,
    /// How much may stay.
    pub limits: Limits,
    /// What the session that ends has handed out.
    pub handed_out: &'a [ActionId],
    /// The time, Unix seconds.
    pub now_s: i64,
}

impl<'a> Trimming<'a> {
    /// A trimming of `folder` at this moment.
    pub fn now(folder: &'a Path, limits: Limits) -> Self {
        Self { folder, limits, handed_out: &[], now_s: now_s() }
    }

    /// Trims the store if that was not done in the last day; `None` when it was.
    ///
    /// # Errors
    /// As [`Trimming::run`].
    pub fn run_when_due(&self) -> Result<Option<Trimmed>, TrimError> {
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
        if !self.folder.join(INDEX_FILE).is_file() {
            return Err(TrimError::NoStore(self.folder.to_owned()));
        }
        self.run_with(&mut self.stamp()?)
    }

    fn stamp(&self) -> Result<Stamp, TrimError> {
        Stamp::take(self.folder).map_err(|error| self.disk(error))?.ok_or_else(|| self.in_use())
    }

    fn run_with(&self, stamp: &mut Stamp) -> Result<Trimmed, TrimError> {
        // All that is read is read without the lock: it is looked at again before anything is changed.
        if Lease::alone(self.folder).map_err(|error| self.disk(error))?.is_none() {
            return Err(self.in_use());
        }
        let trimmed = self.work().map_err(|error| self.disk(error))?.ok_or_else(|| self.in_use())?;
        if !trimmed.is_cut_short {
            stamp.set(self.now_s).map_err(|error| self.disk(error))?;
        }
        Ok(trimmed)
    }

    /// `None` when a build came in between, before anything was changed.
    fn work(&self) -> io::Result<Option<Trimmed>> {
        let mut index = Index::open(self.folder);
        self.handed_out.iter().for_each(|action| index.set_used(action, self.now_s));
        let mut inventory = Inventory::read(self.folder)?;
        let entries = inventory.apply(&mut index, &self.limits, self.now_s);
        let mut trimmed = Trimmed { entries, ..Trimmed::default() };
        match self.replace_log(&mut index) {
            Ok(Some(mut log)) => self.remove_bodies(&inventory.leaving(), &mut log, &mut trimmed)?,
            Ok(None) => return Ok(None),
            // A full disk: the bodies make room. Until the index is written it names some that are gone, which go takes
            // for misses.
            Err(_) => {
                let mut log = Log::open(self.folder);
                log.skip_to_end()?;
                self.remove_bodies(&inventory.leaving(), &mut log, &mut trimmed)?;
                trimmed.is_cut_short |= self.replace_log(&mut index)?.is_none();
            }
        }
        trimmed.bodies_left = inventory.count() - trimmed.bodies;
        trimmed.bytes_left = inventory.bytes() - trimmed.bytes;
        Ok(Some(trimmed))
    }

    /// Gives the store a log of what is in `index`, and returns it. `None` when somebody has used the store since `index`
    /// was read: then nothing has changed.
    fn replace_log(&self, index: &mut Index) -> io::Result<Option<Log>> {
        let name = format!("index-{}-{:016x}", std::process::id(), fastrand::u64(..));
        let temporary = self.folder.join(TEMPORARY_FOLDER).join(name);
        let replaced = index.write_to(&temporary).and_then(|()| {
            let Some(_alone) = Lease::alone(self.folder)?.filter(|_| index.log().is_current()) else { return Ok(None) };
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

    /// Removes bodies, for a moment at a time. What was put since `log` was read stays.
    fn remove_bodies(&self, doomed: &[OutputId], log: &mut Log, trimmed: &mut Trimmed) -> io::Result<()> {
        let mut arrived = HashSet::new();
        let mut doomed = doomed.iter().peekable();
        while doomed.peek().is_some() {
            let alone = Lease::alone(self.folder)?;
            log.read_new(|record| {
                if let Record::Entry(_, entry) = record {
                    arrived.insert(entry.output);
                }
            })?;
            if alone.is_none() || !log.is_current() {
                trimmed.is_cut_short = true;
                return Ok(());
            }
            let began = Instant::now();
            while began.elapsed() < SLICE
                && let Some(output) = doomed.next()
            {
                if !arrived.contains(output) {
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
        let Ok(found) = std::fs::metadata(&path) else { return Ok(()) };
        if modified_s(&found) > self.now_s.saturating_sub(YOUNG_S) {
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
mod tests;
