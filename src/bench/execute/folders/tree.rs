//! Copies of folders that go takes for the same: the times of files and folders come along.

use std::fs::File;
use std::io;
use std::path::Path;

/// Folder of the module below the one of a tree.
pub const MODULE: &str = "module";

/// Copies what is in `from` into `to`, which is there; a symlink stays one.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    copy_but(from, to, &|_| false)
}

/// Copies as [`copy`] does, without the entries, at any depth, whose path `is_left_out`.
pub fn copy_but(from: &Path, to: &Path, is_left_out: &dyn Fn(&Path) -> bool) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if is_left_out(&path) {
            continue;
        }
        if kind.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(&path)?, target)?;
        } else if kind.is_dir() {
            std::fs::create_dir(&target)?;
            copy_but(&path, &target, is_left_out)?;
        } else if kind.is_file() {
            std::fs::copy(&path, &target)?;
            copy_time(&path, &target)?;
        }
    }
    // After what is in it: that changed it.
    copy_time(from, to)
}

fn copy_time(from: &Path, to: &Path) -> io::Result<()> {
    let modified = from.metadata()?.modified()?;
    // A file may be read-only, and its time can be set all the same.
    File::open(to)?.set_modified(modified)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn times_and_links_come_along() {
        let parent = tempfile::tempdir().unwrap();
        let (from, to) = (parent.path().join("from"), parent.path().join("to"));
        std::fs::create_dir_all(from.join("a/b")).unwrap();
        std::fs::create_dir_all(from.join(".git")).unwrap();
        std::fs::create_dir(&to).unwrap();
        std::fs::write(from.join("a/b/x.go"), "x").unwrap();
        std::os::unix::fs::symlink("a/b/x.go", from.join("link")).unwrap();
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
        for path in ["a/b/x.go", "a/b", "a"] {
            File::open(from.join(path)).unwrap().set_modified(old).unwrap();
        }
        copy_but(&from, &to, &|path| path.ends_with(".git")).unwrap();
        for path in ["a/b/x.go", "a/b", "a"] {
            assert_eq!(to.join(path).metadata().unwrap().modified().unwrap(), old, "{path}");
        }
        assert_eq!(std::fs::read_link(to.join("link")).unwrap(), Path::new("a/b/x.go"));
        assert!(!to.join(".git").exists());
    }
}
