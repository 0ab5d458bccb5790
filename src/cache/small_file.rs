//! Small files beside the local store that sessions share: one session at a time changes them, and readers see all or nothing.

use std::fs::File;
use std::io;
use std::path::Path;

use super::body_file::TEMPORARY_FOLDER;

/// Holds off the other sessions that change such files in `folder` until it is dropped. `None` where the file system has no
/// locks: then two sessions may overwrite each other's change.
pub fn alone(folder: &Path) -> Option<File> {
    let file = File::open(folder).ok()?;
    file.lock().ok()?;
    Some(file)
}

/// Writes a file by rename.
///
/// # Errors
/// When the folder cannot be written to.
pub fn replace(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    // Of the form of all temporary files, so that what a killed session leaves is removed.
    let temporaries = folder.join(TEMPORARY_FOLDER);
    std::fs::create_dir_all(&temporaries)?;
    let temporary = temporaries.join(format!("{}-{:016x}", std::process::id(), fastrand::u64(..)));
    let written = std::fs::write(&temporary, content).and_then(|()| std::fs::rename(&temporary, folder.join(name)));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}
