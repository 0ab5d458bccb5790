//! Small files beside the local store that sessions share: one session at a time changes them, and readers see all or nothing.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::cache::local::folder::lease::{open, within};
use crate::cache::local::folder::names::REMOTES_LOCK;
use crate::cache::local::folder::store_folder;

/// The longest wait for another session, which takes the lock for the time of one small write. It may also be stopped, and
/// go waits.
const PATIENCE: Duration = Duration::from_millis(100);

/// Keeps the other sessions from changing such files until it is dropped. Nothing where the lock could not be had: then two
/// sessions may overwrite each other's change.
pub struct Alone(#[cfg_attr(not(test), expect(dead_code, reason = "it is there to be locked"))] Option<File>);

/// Waits until no other session changes such files in `folder`, but not for long: then the change is made without the lock.
pub fn alone(folder: &Path) -> Alone {
    let file = open_lock(folder);
    Alone(file.filter(|file| within(PATIENCE, || file.try_lock()).unwrap_or(false)))
}

/// Does so without a wait: `None` while another session changes such files.
pub fn try_alone(folder: &Path) -> Option<Alone> {
    let Some(file) = open_lock(folder) else { return Some(Alone(None)) };
    match file.try_lock() {
        Ok(()) => Some(Alone(Some(file))),
        Err(TryLockError::WouldBlock) => None,
        Err(TryLockError::Error(_)) => Some(Alone(None)),
    }
}

/// `None` in a folder that cannot be written, or has become another program's: nothing is made there.
fn open_lock(folder: &Path) -> Option<File> {
    store_folder::make(folder).ok()?;
    open(&folder.join(REMOTES_LOCK)).ok()
}

/// Writes a file by rename.
///
/// # Errors
/// When the folder cannot be written to.
pub fn replace(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    store_folder::make(folder)?;
    let temporary = store_folder::temporary_path(folder, "");
    let written = std::fs::write(&temporary, content).and_then(|()| std::fs::rename(&temporary, folder.join(name)));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_is_stopped_delays_no_other() {
        let folder = tempfile::tempdir().unwrap();
        store_folder::make(folder.path()).unwrap();
        let stopped = try_alone(folder.path());
        assert!(stopped.is_some() && try_alone(folder.path()).is_none());
        assert!(alone(folder.path()).0.is_none(), "it goes on without the lock");
        drop(stopped);
        assert!(alone(folder.path()).0.is_some());
    }

    #[test]
    fn a_folder_that_another_program_locks_delays_nothing() {
        let folder = tempfile::tempdir().unwrap();
        store_folder::make(folder.path()).unwrap();
        let theirs = File::open(folder.path()).unwrap();
        theirs.lock().unwrap();
        assert!(alone(folder.path()).0.is_some());
    }

    #[test]
    fn nothing_is_made_in_a_folder_of_another_program() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("other.json"), "{}").unwrap();
        assert!(alone(folder.path()).0.is_none() && try_alone(folder.path()).is_some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
