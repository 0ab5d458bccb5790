//! The locks of a store (flock), which end with their process.
//!
//! - `CHANGES_LOCK`: sessions share it for the moments in which they change the store or rely on something old in it.
//!   Trimming takes it alone, in short slices. Sessions of older versions share it for their whole life.
//! - `SESSIONS_LOCK`: each session shares it for its whole life. `clean` takes it alone.
//! - `REMOTES_LOCK`: a session takes it alone while it changes what the store keeps for remotes.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cache::local::folder::names::CHANGES_LOCK;
use crate::cache::local::folder::store_folder::is_store;

/// The longest that a session waits for a lock: go waits for the answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// After waiting in vain a session does not wait again for so long.
const NO_PATIENCE_FOR: Duration = Duration::from_secs(60);

/// A share of a lock, or all of it, until it is dropped or the process ends.
pub struct Lease(#[expect(dead_code, reason = "it is there to be held")] File);

impl Lease {
    /// Takes a share of the lock at `path`. `None` where that cannot be had: the session works without.
    pub fn share(path: &Path) -> Option<Self> {
        let file = open_to_share(path).ok()?;
        share_within(&file, PATIENCE).ok()?.then_some(Self(file))
    }

    /// Takes all of the lock at `path`, within `patience`; `None` while others have shares.
    ///
    /// # Errors
    /// When the file cannot be opened, or the file system has no locks.
    pub fn alone(path: &Path, patience: Duration) -> io::Result<Option<Self>> {
        let file = open(path)?;
        let is_locked = within(patience, || file.try_lock())?;
        Ok(is_locked.then_some(Self(file)))
    }
}

/// The lock on changes as a session has it: taken again and again, for moments.
pub struct MomentLock {
    path: PathBuf,
    file: Option<File>,
    is_held: bool,
    waited_in_vain: Option<Instant>,
}

impl MomentLock {
    /// The lock of the store in `folder`, not taken.
    pub fn new(folder: &Path) -> Self {
        let path = folder.join(CHANGES_LOCK);
        // Now: later the process may have too many open files.
        let file = open_to_share(&path).ok();
        Self { path, file, is_held: false, waited_in_vain: None }
    }

    /// Takes a share unless it is held already. `false` while a trimming process keeps the lock for longer than a session
    /// can wait, or where the lock cannot be opened, though others may. Where there are no locks, or there is no store, there
    /// is no trimming either, and the answer is `true`.
    pub fn take(&mut self) -> bool {
        if self.is_held {
            return true;
        }
        for _ in 0..2 {
            let file = match self.file.take().map_or_else(|| open_to_share(&self.path), Ok) {
                Ok(file) => file,
                Err(error) => return error.kind() == io::ErrorKind::NotFound,
            };
            match share_within(&file, self.patience()) {
                Ok(true) => {}
                Ok(false) => {
                    self.waited_in_vain.get_or_insert_with(Instant::now);
                    self.file = Some(file);
                    return false;
                }
                Err(_) => return true,
            }
            // The user may have removed the store: then others use another file of that name.
            if file.metadata().is_ok_and(|found| found.nlink() > 0) {
                self.file = Some(file);
                self.is_held = true;
                self.waited_in_vain = None;
                break;
            }
        }
        true
    }

    /// True if a share is held.
    pub fn is_held(&self) -> bool {
        self.is_held
    }

    /// Gives the share back.
    pub fn release(&mut self) {
        if self.is_held && self.file.as_ref().is_none_or(|file| file.unlock().is_err()) {
            // Closing the file lets go of it in any case.
            self.file = None;
        }
        self.is_held = false;
    }

    fn patience(&self) -> Duration {
        match self.waited_in_vain {
            Some(since) if since.elapsed() < NO_PATIENCE_FOR => Duration::ZERO,
            _ => PATIENCE,
        }
    }
}

/// Takes a share; false if there was none within `patience`.
fn share_within(file: &File, patience: Duration) -> io::Result<bool> {
    within(patience, || file.try_lock_shared())
}

/// Repeats `attempt` while it would block; false if it did for all of `patience`.
///
/// # Errors
/// When the file system has no locks.
pub fn within(patience: Duration, mut attempt: impl FnMut() -> Result<(), TryLockError>) -> io::Result<bool> {
    let began = Instant::now();
    loop {
        match attempt() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if began.elapsed() < patience => sleep(LOOK_EVERY),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Makes the file in a store only, and not in what has taken a removed store's place. Who may only read the store can still
/// share its locks.
fn open_to_share(path: &Path) -> io::Result<File> {
    if path.parent().is_some_and(is_store)
        && let Ok(file) = open(path)
    {
        return Ok(file);
    }
    File::open(path)
}

/// Opens the file of a lock, which is made if it is missing.
///
/// # Errors
/// When it cannot be opened to write.
pub fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::local::folder::store_folder::make;

    fn store() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path()).unwrap();
        folder
    }

    #[test]
    fn sessions_share_and_trimming_is_alone() {
        let folder = store();
        let path = folder.path().join(CHANGES_LOCK);
        let shares = [Lease::share(&path).unwrap(), Lease::share(&path).unwrap()];
        assert!(Lease::alone(&path, Duration::ZERO).unwrap().is_none());
        drop(shares);
        let alone = Lease::alone(&path, Duration::ZERO).unwrap();
        assert!(alone.is_some() && Lease::alone(&path, Duration::ZERO).unwrap().is_none());
        std::thread::scope(|scope| {
            let session = scope.spawn(|| Lease::share(&path).is_some());
            sleep(Duration::from_millis(50));
            drop(alone);
            assert!(session.join().unwrap(), "it waits");
        });
    }

    #[test]
    fn a_store_that_is_not_there_has_no_lock() {
        let folder = store();
        let missing = folder.path().join("missing");
        assert!(Lease::share(&missing.join("lock")).is_none());
        assert!(Lease::alone(&missing.join("lock"), Duration::ZERO).is_err());
        assert!(MomentLock::new(&missing).take(), "nor does trimming have one");
    }

    #[test]
    fn a_lock_that_cannot_be_opened_protects_nothing_and_none_is_made_in_another_programs_folder() {
        let folder = store();
        std::os::unix::fs::symlink(CHANGES_LOCK, folder.path().join(CHANGES_LOCK)).unwrap();
        assert!(!MomentLock::new(folder.path()).take(), "a link to itself");
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join("other.json"), "{}").unwrap();
        assert!(MomentLock::new(other.path()).take() && !other.path().join(CHANGES_LOCK).exists());
    }

    #[test]
    fn a_moment_ends_with_its_release() {
        let folder = store();
        let path = folder.path().join(CHANGES_LOCK);
        let is_free = || Lease::alone(&path, Duration::ZERO).unwrap().is_some();
        let mut lock = MomentLock::new(folder.path());
        for _ in 0..2 {
            assert!(lock.take() && lock.take() && lock.is_held() && !is_free());
            lock.release();
            assert!(!lock.is_held() && is_free());
        }
    }

    #[test]
    fn a_lock_that_was_removed_with_the_store_is_made_again() {
        let folder = store();
        let path = folder.path().join(CHANGES_LOCK);
        let mut lock = MomentLock::new(folder.path());
        lock.take();
        lock.release();
        std::fs::remove_file(&path).unwrap();
        assert!(lock.take());
        assert!(Lease::alone(&path, Duration::ZERO).unwrap().is_none(), "it is the one that others see");
    }

    #[test]
    fn a_trimming_process_that_was_stopped_is_waited_for_once() {
        let folder = store();
        let alone = Lease::alone(&folder.path().join(CHANGES_LOCK), Duration::ZERO).unwrap();
        let mut lock = MomentLock::new(folder.path());
        assert!(!lock.take() && !lock.is_held());
        assert_eq!(lock.patience(), Duration::ZERO);
        drop(alone);
        assert!(lock.take() && lock.is_held() && lock.patience() == PATIENCE);
    }
}
