//! The folder of a store: when it is ours, and which names in it are ours. Nothing else is ever removed.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache::local::folder::names::{
    CHANGES_LOCK, INDEX_FILE, MARKER, REMOTES_LOCK, SESSIONS_LOCK, STAMP_FILE, TAG, TEMPORARY_FOLDER, begins_log,
    data_file_output,
};
use crate::config::folders::{GIT_IGNORE, ignore_in_git};

const MARKER_TEXT: &str =
    "This folder is a cache of cacheprog, which adds and removes files here. It can be removed.\n";
/// Text of the marker in a folder that an older version shares with its user.
const SHARED_MARKER_TEXT: &str = "cacheprog keeps a cache in this folder, which has other files too. Files of the cache: cacheprog-store, index, lock, \
     sessions, remotes, trim.txt, tmp, 44 characters and -d, remote- or unsent- and 16 hex digits.\n";
/// A folder that is not ours gets its store in a subfolder of this name.
const SUBFOLDER: &str = "cacheprog";
const TAG_TEXT: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This file is a cache directory tag created by cacheprog.\n\
    # For information about cache directory tags see https://bford.info/cachedir/\n";
/// Temporary files older than this belong to a session that was killed.
const STALE_AFTER: Duration = Duration::from_secs(3600);
/// Content of a first write: a full disk often still makes files, but takes no content.
const PROBE: [u8; 4096] = [0; 4096];

/// The folder of the store for someone who asks for one in `wanted`: that folder if it is missing, empty or a store, else
/// its subfolder `cacheprog`, by the same rule. Makes nothing.
pub fn resolve(wanted: &Path) -> PathBuf {
    let mut folder = wanted.to_owned();
    while is_foreign(&folder).unwrap_or(false) {
        folder.push(SUBFOLDER);
    }
    folder
}

/// True if the folder is a store: it has the marker, or an index of an older version.
pub fn is_store(folder: &Path) -> bool {
    has_marker(folder) || is_older_store(folder)
}

/// Says if it has files, and none of them says that it is ours.
fn is_foreign(folder: &Path) -> io::Result<bool> {
    if is_store(folder) {
        return Ok(false);
    }
    let has_files = match std::fs::read_dir(folder) {
        Ok(mut files) => files.next().is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    // Asked again: another session may have begun to make a store meanwhile.
    Ok(has_files && !is_store(folder))
}

fn has_marker(folder: &Path) -> bool {
    let path = folder.join(MARKER);
    if !std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
        return false;
    }
    let mut text = String::new();
    let longest = SHARED_MARKER_TEXT.len() as u64;
    let read = File::open(path).and_then(|file| file.take(longest).read_to_string(&mut text));
    // Another session may not have written all of it yet.
    read.is_ok() && [MARKER_TEXT, SHARED_MARKER_TEXT].iter().any(|whole| whole.starts_with(&text))
}

/// True if an older version made it: its index begins with a record, or is empty among nothing but files of ours.
fn is_older_store(folder: &Path) -> bool {
    let mut first = Vec::new();
    let Ok(file) = File::open(folder.join(INDEX_FILE)) else { return false };
    match file.take(4).read_to_end(&mut first) {
        Ok(0) => folder.join(CHANGES_LOCK).is_file() && has_only_own_names(folder),
        Ok(_) => begins_log(&first),
        Err(_) => false,
    }
}

/// True if nothing but files of ours is in the folder. `false` also when it cannot be read.
pub fn has_only_own_names(folder: &Path) -> bool {
    let Ok(mut files) = std::fs::read_dir(folder) else { return false };
    files.all(|file| file.is_ok_and(|file| is_own_name(&file.file_name())))
}

/// Makes `folder` a store, unless it is one.
///
/// # Errors
/// When it cannot be made, or has files and is no store.
pub fn make(folder: &Path) -> io::Result<()> {
    if !has_marker(folder) {
        if folder.exists() && !folder.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        std::fs::create_dir_all(folder)?;
        if is_foreign(folder)? {
            return Err(io::Error::other("it has other files and is no store"));
        }
        let is_older = is_older_store(folder);
        if has_only_own_names(folder) {
            write_new(&folder.join(MARKER), MARKER_TEXT)?;
            write_new(&folder.join(TAG), TAG_TEXT)?;
        } else {
            // No tag: the user's files would leave his backups.
            write_new(&folder.join(MARKER), SHARED_MARKER_TEXT)?;
        }
        if !is_older {
            ignore_in_git(folder);
        }
    }
    match std::fs::create_dir(folder.join(TEMPORARY_FOLDER)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file unless it is there.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    match File::create_new(path) {
        Ok(mut file) => file.write_all(text.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Tries to write to the store: a new file, and the index where there is one, which may belong to another user.
///
/// # Errors
/// When its disk is full or read-only, or its files belong to another user.
pub fn try_write(folder: &Path) -> io::Result<()> {
    let path = temporary_path(folder, "");
    let written = File::create_new(&path).and_then(|mut file| file.write_all(&PROBE));
    let _ = std::fs::remove_file(path);
    written?;
    match File::options().append(true).open(folder.join(INDEX_FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A new name for a temporary file of the store in `folder`, `tmp/<kind><pid>-<16 hex digits>`. `kind` is empty, or says
/// which file it becomes, with a dash at its end.
pub fn temporary_path(folder: &Path, kind: &str) -> PathBuf {
    // Process numbers repeat between containers that share a store, so they alone are not unique.
    let name = format!("{kind}{}-{:016x}", std::process::id(), fastrand::u64(..));
    folder.join(TEMPORARY_FOLDER).join(name)
}

/// True if a temporary file of ours has this name.
fn is_temporary_name(name: &str) -> bool {
    let Some((start, random)) = name.rsplit_once('-') else { return false };
    let pid = ["index-", "unsent-", "remote-"].iter().find_map(|kind| start.strip_prefix(kind)).unwrap_or(start);
    !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()) && is_hex_64(random)
}

/// True if a file in the store has a name of the form that only files of ours have: a body, or what is kept for a remote.
fn is_unmistakable(name: &OsStr) -> bool {
    let is_kept = |name: &str| ["unsent-", "remote-"].iter().any(|kind| name.strip_prefix(kind).is_some_and(is_hex_64));
    data_file_output(name).is_some() || name.to_str().is_some_and(is_kept)
}

fn is_hex_64(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// True if this is the name of a file or folder that a store has.
pub fn is_own_name(name: &OsStr) -> bool {
    let fixed =
        [INDEX_FILE, CHANGES_LOCK, SESSIONS_LOCK, REMOTES_LOCK, TEMPORARY_FOLDER, STAMP_FILE, GIT_IGNORE, MARKER, TAG]
            .map(OsStr::new);
    fixed.contains(&name) || is_unmistakable(name)
}

/// The temporary files of the store, with what the file system says of them. Links are none of ours.
pub fn temporary_files(folder: &Path) -> Vec<(PathBuf, Metadata)> {
    let temporary = folder.join(TEMPORARY_FOLDER);
    let is_folder = std::fs::symlink_metadata(&temporary).is_ok_and(|found| found.is_dir());
    if !is_folder || !is_store(folder) {
        return Vec::new();
    }
    files_of(&temporary, |name| name.to_str().is_some_and(is_temporary_name))
}

/// The bodies of the store, and what it keeps for remotes.
pub fn kept_files(folder: &Path) -> Vec<(PathBuf, Metadata)> {
    if is_store(folder) { files_of(folder, is_unmistakable) } else { Vec::new() }
}

fn files_of(folder: &Path, is_wanted: impl Fn(&OsStr) -> bool) -> Vec<(PathBuf, Metadata)> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let wanted = files.filter(|file| is_wanted(&file.file_name()));
    // This does not follow links.
    let found = wanted.filter_map(|file| Some((file.path(), file.metadata().ok()?)));
    found.filter(|(_, found)| found.is_file()).collect()
}

/// Removes temporary files that a killed session left in the store.
pub fn remove_stale(folder: &Path) {
    for (path, found) in temporary_files(folder) {
        let age = found.modified().ok().and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| age > STALE_AFTER) {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
#[path = "store_folder_tests.rs"]
mod tests;
