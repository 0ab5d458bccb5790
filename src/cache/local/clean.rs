//! Empties a store: what is ours leaves, but for what says that the folder is a store.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cache::local::folder::lease::Lease;
use crate::cache::local::folder::names::INDEX_FILE;
use crate::cache::local::folder::names::{CHANGES_LOCK, SESSIONS_LOCK};
use crate::cache::local::folder::store_folder::{is_own_name, is_store, kept_files, remove_stale, temporary_files};
use crate::cache::local::trim::plan::Limits;
use crate::cache::local::trim::trimming::{PATIENCE, PAUSE, SLICE, TrimError, Trimming};

/// The longest that sessions are waited for that may be about to end.
const ENDING: Duration = Duration::from_secs(3);

/// The result of [`clean`].
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Files removed.
    pub files: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Files of ours that stay because a session has the store open.
    pub files_left: u64,
    /// Bytes of these.
    pub bytes_left: u64,
    /// Files and folders in the store that are not ours.
    pub others: Vec<PathBuf>,
}

/// Empties the store in `folder`. Beside a session that has it open, what was used in the last two days stays, since a build
/// fails when a file is gone that it was given; with `force` that leaves too.
///
/// # Errors
/// [`TrimError`].
pub fn clean(folder: &Path, force: bool) -> Result<Cleaned, TrimError> {
    if !is_store(folder) {
        return Err(TrimError::NoStore(folder.to_owned()));
    }
    let disk = |error| TrimError::Disk { folder: folder.to_owned(), error };
    let mut cleaned = Cleaned { others: others(folder).map_err(disk)?, ..Cleaned::default() };
    wait_for_ending_sessions(folder);
    if remove_index(folder, force, &mut cleaned).map_err(disk)? {
        remove_files(folder, force, &mut cleaned).map_err(disk)?;
    } else {
        remove_unused(folder, &mut cleaned)?;
    }
    Ok(cleaned)
}

/// A session writes its records for a moment after go has been released: `go build` and then `clean` is not in its way.
fn wait_for_ending_sessions(folder: &Path) {
    // Where one lives longer, the next attempt to lock the store says so.
    drop(Lease::alone(&folder.join(SESSIONS_LOCK), ENDING));
}

/// Locks the store against changes and against new sessions; `None` while a session has it open.
fn alone(folder: &Path) -> io::Result<Option<[Lease; 2]>> {
    let Some(changes) = Lease::alone(&folder.join(CHANGES_LOCK), PATIENCE)? else { return Ok(None) };
    let Some(sessions) = Lease::alone(&folder.join(SESSIONS_LOCK), Duration::ZERO)? else { return Ok(None) };
    Ok(Some([changes, sessions]))
}

/// Removes the index, so that sessions that start from now on find nothing; whether no session kept it.
fn remove_index(folder: &Path, force: bool, cleaned: &mut Cleaned) -> io::Result<bool> {
    let locks = alone(folder)?;
    if locks.is_none() && !force {
        return Ok(false);
    }
    let path = folder.join(INDEX_FILE);
    match std::fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => cleaned.remove(&path, &found)?,
        _ => {}
    }
    Ok(true)
}

/// Removes the files, for a moment at a time: a build that starts waits for it. Then the rest stays for trimming.
fn remove_files(folder: &Path, force: bool, cleaned: &mut Cleaned) -> io::Result<()> {
    let files = [kept_files(folder), temporary_files(folder)].concat();
    let mut files = files.iter().peekable();
    while files.peek().is_some() {
        let locks = alone(folder)?;
        // A session makes an index, and may have ended by now.
        let has_session = locks.is_none() || folder.join(INDEX_FILE).exists();
        if has_session && !force {
            break;
        }
        let began = Instant::now();
        while began.elapsed() < SLICE
            && let Some((path, found)) = files.next()
        {
            cleaned.remove(path, found)?;
        }
        drop(locks);
        sleep(PAUSE);
    }
    for (_, found) in files {
        cleaned.files_left += 1;
        cleaned.bytes_left += found.len();
    }
    Ok(())
}

/// Removes what was not used in the last two days, as trimming does beside sessions.
fn remove_unused(folder: &Path, cleaned: &mut Cleaned) -> Result<(), TrimError> {
    let trimmed = Trimming::now(folder, Limits { max_age_s: Some(0), max_bytes: None }).run()?;
    remove_stale(folder);
    (cleaned.files, cleaned.bytes) = (trimmed.bodies, trimmed.bytes);
    (cleaned.files_left, cleaned.bytes_left) = (trimmed.bodies_left, trimmed.bytes_left);
    Ok(())
}

/// The files in the folder that are not ours.
fn others(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut others = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let file = file?;
        if !is_own_name(&file.file_name()) {
            others.push(file.path());
        }
    }
    others.sort();
    Ok(others)
}

impl Cleaned {
    fn remove(&mut self, path: &Path, found: &Metadata) -> io::Result<()> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
            Ok(()) => {
                self.files += 1;
                self.bytes += found.len();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::local::folder::names::{MARKER, TEMPORARY_FOLDER};
    use crate::cache::local::folder::store_folder::{make, temporary_path};
    use crate::cache::local::verify::verify;
    use crate::cache::{Entry, LocalStore, Origin};
    use crate::protocol::{ActionId, OutputId};
    use ring::digest::{SHA256, digest};
    use std::time::{Duration, SystemTime};

    fn put(store: &LocalStore, n: u8) -> PathBuf {
        let output = OutputId::new(digest(&SHA256, &[n]).as_ref().try_into().unwrap());
        let mut body = store.begin();
        body.write(&[n]);
        let path = store.keep_body(body, &output, 1).unwrap();
        store.keep_entry(ActionId::new([n; 32]), Entry { output, size_bytes: 1, time_ns: 0 }, Origin::PutHere);
        path
    }

    #[test]
    fn a_store_is_emptied_and_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path());
        let paths = [put(&store, 1), put(&store, 2)];
        drop(store);
        std::fs::write(temporary_path(folder.path(), ""), "half").unwrap();
        std::fs::write(folder.path().join("unsent-0123456789abcdef"), "x").unwrap();
        let theirs = [folder.path().join("photo.jpg"), folder.path().join("unsent-mine")];
        theirs.iter().for_each(|path| std::fs::write(path, "mine").unwrap());
        std::fs::write(folder.path().join(TEMPORARY_FOLDER).join("other.db"), "mine").unwrap();
        let cleaned = clean(folder.path(), false).unwrap();
        assert_eq!((cleaned.files, cleaned.bytes, cleaned.files_left), (5, 2 * 88 + 2 + 4 + 1, 0));
        assert_eq!(cleaned.others, theirs);
        assert!(theirs.iter().all(|path| path.exists()) && !paths.iter().any(|path| path.exists()));
        assert!(folder.path().join(TEMPORARY_FOLDER).join("other.db").exists());
        assert_eq!(verify(folder.path()).unwrap().actions, 0);
        assert_eq!(clean(folder.path(), false).unwrap().files, 0);
        let store = LocalStore::open(folder.path());
        put(&store, 1);
        assert!(store.get(&ActionId::new([1; 32])).is_some() && store.folder() == folder.path());
    }

    #[test]
    fn beside_a_session_what_was_used_stays_unless_forced() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path());
        let [old, young] = [put(&store, 1), put(&store, 2)];
        let long_ago = SystemTime::now() - Duration::from_secs(9 * 86_400);
        std::fs::File::open(&old).unwrap().set_modified(long_ago).unwrap();
        let cleaned = clean(folder.path(), false).unwrap();
        assert_eq!((cleaned.files, cleaned.files_left), (1, 1));
        assert!(!old.exists() && young.exists());
        assert_eq!(clean(folder.path(), true).unwrap().files_left, 0);
        assert!(!young.exists());
        put(&store, 3);
        assert!(LocalStore::open(folder.path()).get(&ActionId::new([3; 32])).is_some());
    }

    #[test]
    fn a_folder_that_is_no_store_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "mine").unwrap();
        for wrong in [folder.path(), &path, &folder.path().join("missing")] {
            assert!(matches!(clean(wrong, true), Err(TrimError::NoStore(_))), "{}", wrong.display());
        }
        assert!(path.exists() && !folder.path().join(MARKER).exists());
        make(&folder.path().join("cacheprog")).unwrap();
        assert_eq!(clean(&folder.path().join("cacheprog"), false).unwrap(), Cleaned::default());
    }
}
