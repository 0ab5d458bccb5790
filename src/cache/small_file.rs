//! Small files beside the local store that sessions share: one session at a time changes them, and readers see all or nothing.

use std::fs::File;
use std::io;
use std::path::Path;

use super::store_folder;

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
    store_folder::make(folder)?;
    let temporary = store_folder::temporary_path(folder, "");
    let written = std::fs::write(&temporary, content).and_then(|()| std::fs::rename(&temporary, folder.join(name)));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}
