//! When the store was trimmed last, as go's own cache notes it: `trim.txt` with the Unix time. Its lock keeps two from
//! trimming at once.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use crate::cache::local::folder::names::STAMP_FILE;

/// Seconds from one trimming to the next.
const TRIM_EVERY_S: i64 = 24 * 3600;
/// A time so far ahead is not believed.
const AHEAD_S: i64 = 3600;

/// The open file, locked.
pub struct Stamp(File);

impl Stamp {
    /// Opens and locks it; `None` while another process trims the store.
    ///
    /// # Errors
    /// When it cannot be opened or locked.
    pub fn take(folder: &Path) -> io::Result<Option<Self>> {
        let path = folder.join(STAMP_FILE);
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Says if a day has passed. A store that has never been trimmed gets its first day here.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn is_due(&mut self, now_s: i64) -> io::Result<bool> {
        let mut text = String::new();
        self.0.rewind()?;
        // What is no text is no time either.
        if self.0.read_to_string(&mut text).is_ok() && text.is_empty() {
            self.set(now_s)?;
            return Ok(false);
        }
        let age_s = text.trim().parse().ok().map(|last_s| now_s.saturating_sub(last_s));
        Ok(!age_s.is_some_and(|age_s| age_s < TRIM_EVERY_S && age_s > -AHEAD_S))
    }

    /// Notes that the store has been trimmed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set(&mut self, now_s: i64) -> io::Result<()> {
        self.0.rewind()?;
        self.0.set_len(0)?;
        self.0.write_all(now_s.to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_once_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let mut stamp = Stamp::take(folder.path()).unwrap().unwrap();
        assert!(Stamp::take(folder.path()).unwrap().is_none(), "it is locked");
        let now_s = 1_800_000_000;
        assert!(!stamp.is_due(now_s).unwrap(), "the first day of a store");
        assert!(!stamp.is_due(now_s + TRIM_EVERY_S - 1).unwrap());
        assert!(stamp.is_due(now_s + TRIM_EVERY_S).unwrap());
        assert!(!stamp.is_due(now_s - 60).unwrap() && stamp.is_due(now_s - TRIM_EVERY_S).unwrap());
        stamp.set(now_s + TRIM_EVERY_S).unwrap();
        assert!(!stamp.is_due(now_s + TRIM_EVERY_S).unwrap());
        std::fs::write(folder.path().join(STAMP_FILE), b"\xffnot a time").unwrap();
        assert!(stamp.is_due(now_s).unwrap());
    }
}
