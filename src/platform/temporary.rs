//! A folder of this user's own below the system's temporary folder.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Read, write and search for the owner, nothing for others.
const PRIVATE: u32 = 0o700;
/// Others may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// `cacheprog-<uid>` below the temporary folder of the system: for a user without a usable home, and for what a full or
/// read-only disk does not take. Absolute and UTF-8, made with mode 0700 if it is missing, shared by the processes of one
/// user.
///
/// # Errors
/// When it cannot be made, or what has its name belongs to another user, is writable by others or is no folder:
/// another user could put programs into it.
pub fn user_temporary_folder() -> io::Result<PathBuf> {
    private_folder(&system_temporary_folder(), nix::unistd::geteuid().as_raw())
}

/// Where [`user_temporary_folder`] is or will be. Makes nothing.
///
/// # Errors
/// When what is there is refused.
pub fn find_user_temporary_folder() -> io::Result<PathBuf> {
    let folder = name(&system_temporary_folder(), nix::unistd::geteuid().as_raw());
    if folder.symlink_metadata().is_ok() { user_temporary_folder() } else { Ok(folder) }
}

fn name(parent: &Path, uid: u32) -> PathBuf {
    parent.join(format!("cacheprog-{uid}"))
}

/// The system's temporary folder, absolute and UTF-8: the protocol, which is JSON, cannot name another.
pub fn system_temporary_folder() -> PathBuf {
    usable_name(&std::env::temp_dir())
}

fn usable_name(folder: &Path) -> PathBuf {
    let folder = std::path::absolute(folder).ok().filter(|path| path.to_str().is_some());
    folder.unwrap_or_else(|| PathBuf::from("/tmp"))
}

fn private_folder(parent: &Path, uid: u32) -> io::Result<PathBuf> {
    let folder = name(parent, uid);
    match DirBuilder::new().mode(PRIVATE).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Not through a link: it could lead to a folder of another user's choice.
    let found = std::fs::symlink_metadata(&folder)?;
    let refuse = |why: &str| Err(io::Error::other(format!("{} {why}", folder.display())));
    if !found.is_dir() {
        return refuse("is not a folder");
    }
    if found.uid() != uid {
        return refuse("belongs to another user");
    }
    if found.mode() & WRITABLE_BY_OTHERS != 0 {
        return refuse("can be written by others");
    }
    std::fs::set_permissions(&folder, Permissions::from_mode(PRIVATE))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_uid() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    #[test]
    fn it_is_made_private_and_found_again() {
        let parent = tempfile::tempdir().unwrap();
        let folder = private_folder(parent.path(), own_uid()).unwrap();
        assert_eq!(folder.metadata().unwrap().mode() & 0o777, PRIVATE);
        assert_eq!(private_folder(parent.path(), own_uid()).unwrap(), folder);
    }

    #[test]
    fn a_folder_that_others_may_read_is_closed_to_them() {
        let parent = tempfile::tempdir().unwrap();
        let folder = private_folder(parent.path(), own_uid()).unwrap();
        std::fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        private_folder(parent.path(), own_uid()).unwrap();
        assert_eq!(folder.metadata().unwrap().mode() & 0o777, PRIVATE);
    }

    #[test]
    fn a_temporary_folder_that_is_not_utf_8_gives_way_to_the_usual_one() {
        use std::os::unix::ffi::OsStrExt;
        let latin1 = Path::new(std::ffi::OsStr::from_bytes(b"/caf\xe9"));
        assert_eq!([latin1, Path::new("/mine")].map(usable_name), ["/tmp", "/mine"].map(PathBuf::from));
    }

    #[test]
    fn links_files_foreign_and_open_folders_are_refused() {
        let parent = tempfile::tempdir().unwrap();
        let (name, other) = (parent.path().join(format!("cacheprog-{}", own_uid())), parent.path().join("other"));
        std::fs::create_dir(&other).unwrap();
        std::os::unix::fs::symlink(&other, &name).unwrap();
        assert!(private_folder(parent.path(), own_uid()).is_err(), "a link");
        std::fs::remove_file(&name).unwrap();
        std::fs::write(&name, "").unwrap();
        assert!(private_folder(parent.path(), own_uid()).is_err(), "a file");
        std::fs::remove_file(&name).unwrap();
        std::fs::create_dir(&name).unwrap();
        std::fs::set_permissions(&name, Permissions::from_mode(0o777)).unwrap();
        assert!(private_folder(parent.path(), own_uid()).is_err(), "a folder that others may write to");
        assert!(private_folder(&other, own_uid() + 1).is_err(), "a folder that belongs to another user");
    }
}
