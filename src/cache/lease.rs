//! The lock of a local store: each session shares it for its life, trimming needs it alone.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// File name of the lock below the store's folder.
const LOCK_FILE: &str = "lock";
/// The longest that a session waits for trimming to make way: go waits for its first answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A share of the lock, or all of it, until it is dropped or the process ends.
pub struct Lease(#[expect(dead_code, reason = "it is there to be held")] File);

impl Lease {
    /// Takes a share, which keeps what this session hands out. `None` where that cannot be had: the session works
    /// without.
    pub fn share(folder: &Path) -> Option<Self> {
        // Who may only read the store can still share it.
        let file = open(folder).or_else(|_| File::open(folder.join(LOCK_FILE))).ok()?;
        let began = Instant::now();
        loop {
            match file.try_lock_shared() {
                Ok(()) => return Some(Self(file)),
                Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => sleep(LOOK_EVERY),
                Err(_) => return None,
            }
        }
    }

    /// Takes all of it, without waiting; `None` while a session has a share.
    ///
    /// # Errors
    /// When the file cannot be opened, or the file system has no locks.
    pub fn alone(folder: &Path) -> io::Result<Option<Self>> {
        let file = open(folder)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

fn open(folder: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(folder.join(LOCK_FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_share_and_trimming_is_alone() {
        let folder = tempfile::tempdir().unwrap();
        let shares = [Lease::share(folder.path()).unwrap(), Lease::share(folder.path()).unwrap()];
        assert!(Lease::alone(folder.path()).unwrap().is_none());
        drop(shares);
        let alone = Lease::alone(folder.path()).unwrap();
        assert!(alone.is_some() && Lease::alone(folder.path()).unwrap().is_none());
        std::thread::scope(|scope| {
            let session = scope.spawn(|| Lease::share(folder.path()).is_some());
            sleep(Duration::from_millis(50));
            drop(alone);
            assert!(session.join().unwrap(), "it waits");
        });
    }

    #[test]
    fn a_store_that_is_not_there_has_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        assert!(Lease::share(&missing).is_none() && Lease::alone(&missing).is_err());
    }
}
