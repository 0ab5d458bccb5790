//! A GOCACHE that bench makes, and the number of files in it.

use std::io;
use std::path::Path;

/// Makes the folders that go makes in a new cache, and takes 5 ms for.
pub fn make(folder: &Path) -> io::Result<()> {
    for number in 0..=255_u8 {
        std::fs::create_dir(folder.join(format!("{number:02x}")))?;
    }
    Ok(())
}

/// The number of files that hold actions and outputs; go's own notes (README, trim.txt) are none.
pub fn files(folder: &Path) -> io::Result<u64> {
    let mut files = 0;
    for number in 0..=255_u8 {
        for entry in std::fs::read_dir(folder.join(format!("{number:02x}")))? {
            entry?;
            files += 1;
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_its_folders_before_go_starts_and_no_files() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path()).unwrap();
        assert!(folder.path().join("00").is_dir() && folder.path().join("ff").is_dir());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 256);
        assert_eq!(files(folder.path()).unwrap(), 0);
        std::fs::write(folder.path().join("trim.txt"), "1").unwrap();
        std::fs::write(folder.path().join("a7/x-a"), "1").unwrap();
        assert_eq!(files(folder.path()).unwrap(), 1);
    }
}
