//! Bounds what the records of all sessions take: the oldest go first.
//!
//! Only folders with the name of a session are ever removed, in a folder that carries our marker, and only those whose lock is
//! free: a session has it from before its folder gets that name until its process ends. So two that remove at once
//! are harmless too.

use std::fs::{DirEntry, File, read_dir};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::civil::DateTime;

/// Held until the process ends, so that others can wait for that, also when it was killed.
pub const LOCK_FILE: &str = "session.lock";
/// How the name of a session's folder begins until it has its lock: `.new-<process>-<8 hex>`.
pub const UNFINISHED: &str = ".new-";

/// Says that a folder is ours and may be emptied. Hidden: the last name that `ls` shows is the newest session.
const MARKER: &str = ".cacheprog-sessions";
const MARKER_TEXT: &str =
    "Records of cacheprog, one folder a session. cacheprog removes the oldest; all of them may be removed.\n";
/// In the folder of records.
const SESSIONS: &str = "sessions";
/// In a folder `sessions` that is not ours.
const OWN: &str = "cacheprog";
/// How often sizes are looked at.
const SIZES_EVERY: Duration = Duration::from_secs(60);
/// A folder that a start left without a name is of a killed one when it is so old.
const UNFINISHED_FOR: Duration = Duration::from_secs(3600);
/// How the name of a session's folder begins.
const TIME: &str = "%Y%m%dT%H%M%S%.fZ";

/// The records that stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The newest so many sessions; `None`: all. The newest stays unless this is 0.
    pub sessions: Option<usize>,
    /// Bytes that the newest may have together; `None`: any.
    pub bytes: Option<u64>,
}

/// Number and size of the removed records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    pub sessions: u64,
    pub bytes: u64,
}

/// Removes the records of ended sessions below `records` but those that `keep` names. A folder that is not ours, or not
/// there, has none.
///
/// # Errors
/// When the folder of the sessions cannot be read.
pub fn remove_sessions(records: &Path, keep: Keep) -> io::Result<Removed> {
    let Some(folder) = find(records) else { return Ok(Removed::default()) };
    remove_unfinished(&folder)?;
    let mut names = folder_names(&folder, is_session_name)?;
    // They begin with the time: the newest first.
    names.sort_unstable_by(|one, other| other.cmp(one));
    let (mut removed, mut kept_bytes) = (Removed::default(), 0);
    for (index, name) in names.iter().enumerate() {
        let path = folder.join(name);
        let is_one_too_many = keep.sessions.is_some_and(|most| index >= most);
        if !is_one_too_many {
            let Some(most) = keep.bytes else { continue };
            kept_bytes += size(&path);
            if index == 0 || kept_bytes <= most {
                continue;
            }
        }
        if let Some(bytes) = remove(&path) {
            removed.sessions += 1;
            removed.bytes += bytes;
        }
    }
    Ok(removed)
}

/// [`remove_sessions`] as each session does it at its end: sizes count once a minute, because looking at a thousand files takes
/// longer than all else here.
///
/// # Errors
/// As [`remove_sessions`].
pub fn remove_old_sessions(records: &Path, mut keep: Keep) -> io::Result<Removed> {
    let Some(folder) = find(records) else { return Ok(Removed::default()) };
    let marker = File::open(folder.join(MARKER))?;
    let age = marker.metadata()?.modified()?.elapsed();
    if age.is_ok_and(|age| age < SIZES_EVERY) {
        keep.bytes = None;
    } else {
        marker.set_modified(SystemTime::now())?;
    }
    remove_sessions(records, keep)
}

/// The folder of the sessions below `records`, made with our marker if it is missing. A folder in its place that is not
/// ours gets one inside.
///
/// # Errors
/// When it cannot be made.
pub fn make_sessions_folder(records: &Path) -> io::Result<PathBuf> {
    if let Some(folder) = find(records) {
        return Ok(folder);
    }
    for folder in candidates(records) {
        match std::fs::create_dir(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        if has_only_sessions(&folder) {
            if is_seen_by_git(records) {
                crate::config::folders::ignore_in_git(&folder);
            }
            std::fs::write(folder.join(MARKER), MARKER_TEXT)?;
            return Ok(folder);
        }
    }
    Err(io::Error::other(format!("{} has other files", records.join(SESSIONS).display())))
}

/// True if git would show new files in `folder`: it is in a repository, and has no `.gitignore` that hides all, as ours does.
pub fn is_seen_by_git(folder: &Path) -> bool {
    let hides_all = |text: String| text.lines().any(|line| line == "*");
    if std::fs::read_to_string(folder.join(".gitignore")).is_ok_and(hides_all) {
        return false;
    }
    std::path::absolute(folder).is_ok_and(|folder| folder.ancestors().any(|above| above.join(".git").exists()))
}

/// True if a session that was ending made `records` again after the user had removed it.
pub fn is_made_again(records: &Path) -> bool {
    let is_sessions = |entry: io::Result<DirEntry>| entry.is_ok_and(|entry| entry.file_name() == SESSIONS);
    find(records).is_none()
        && has_only_sessions(&records.join(SESSIONS))
        && read_dir(records).is_ok_and(|mut entries| entries.all(is_sessions))
}

/// The name of a session's folder that `path` leads through.
pub fn session_in(path: &Path) -> Option<&str> {
    path.iter().filter_map(|part| part.to_str()).find(|part| is_session_name(part))
}

fn candidates(records: &Path) -> [PathBuf; 2] {
    let sessions = records.join(SESSIONS);
    let own = sessions.join(OWN);
    [sessions, own]
}

fn find(records: &Path) -> Option<PathBuf> {
    candidates(records).into_iter().find(|folder| folder.join(MARKER).is_file())
}

/// True if a folder without a marker is one of an earlier version, or new.
fn has_only_sessions(folder: &Path) -> bool {
    let is_ours = |entry: DirEntry| {
        let name = entry.file_name();
        name.to_str().is_some_and(|name| {
            is_session_name(name) || name.starts_with(UNFINISHED) || [MARKER, ".gitignore"].contains(&name)
        })
    };
    read_dir(folder).is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(is_ours)))
}

/// `<time>-<process>`, and `-<8 hex>` where two had the same.
fn is_session_name(name: &str) -> bool {
    let Some((time, rest)) = name.split_once('-') else { return false };
    (is_process(rest) || is_process_and_hex(rest)) && DateTime::strptime(TIME, time).is_ok()
}

fn is_unfinished_name(name: &str) -> bool {
    name.strip_prefix(UNFINISHED).is_some_and(is_process_and_hex)
}

fn is_process(text: &str) -> bool {
    text.parse::<u32>().is_ok()
}

fn is_process_and_hex(text: &str) -> bool {
    let Some((process, hex)) = text.split_once('-') else { return false };
    is_process(process) && hex.len() == 8 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Removes the folders that killed starts left before they had a name.
fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for name in folder_names(folder, is_unfinished_name)? {
        let path = folder.join(name);
        let age = path.metadata().and_then(|found| found.modified()).ok().and_then(|made| made.elapsed().ok());
        if age.is_some_and(|age| age >= UNFINISHED_FOR) {
            // What stays is tried again by the next session.
            let _ = remove(&path);
        }
    }
    Ok(())
}

/// Names of the folders in `folder` that are of this form.
fn folder_names(folder: &Path, is_one: fn(&str) -> bool) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in read_dir(folder)? {
        let entry = entry?;
        // No link: it leads out of the folder.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if let Some(name) = entry.file_name().to_str().filter(|name| is_folder && is_one(name)) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Removes the records of a session that has ended, and gives their bytes; `None` when it lives, or another process removes
/// them.
fn remove(session: &Path) -> Option<u64> {
    match File::open(session.join(LOCK_FILE)) {
        Ok(lock) if lock.try_lock().is_ok() => remove_locked(session, Some(lock)),
        // What was left of a removal.
        Err(error) if error.kind() == ErrorKind::NotFound => remove_locked(session, None),
        _ => None,
    }
}

fn remove_locked(session: &Path, lock: Option<File>) -> Option<u64> {
    let bytes = size(session);
    let result = std::fs::remove_dir_all(session);
    drop(lock);
    result.ok().map(|()| bytes)
}

/// Bytes of all files of a session.
fn size(folder: &Path) -> u64 {
    let mut bytes = 0;
    for entry in read_dir(folder).into_iter().flatten().flatten() {
        let Ok(found) = entry.metadata() else { continue };
        bytes += if found.is_dir() { size(&entry.path()) } else { found.len() };
    }
    bytes
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
