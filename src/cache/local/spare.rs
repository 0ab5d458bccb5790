//! The store that takes what another cannot, in a folder of the user's own below the system's temporary folder: it is shared
//! by the builds that follow, and trimmed like any other.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::cache::local::folder::store_folder;
use crate::cache::local::open_store::OpenStore;
use crate::note::note;
use crate::platform;

/// Help where no store can be written.
pub const OTHER_FOLDER: &str = "choose another folder with --cache-dir or CACHEPROG_CACHE_DIR";
/// Name of the store in the user's temporary folder.
const STORE_FOLDER: &str = "store";

/// A store that is made when it is first needed.
pub struct Spare {
    /// Where it is; `None`: in the user's temporary folder.
    folder: Option<PathBuf>,
    opened: OnceLock<Result<OpenStore, String>>,
}

impl Spare {
    /// The one in the user's temporary folder.
    pub fn of_user() -> Self {
        Self { folder: None, opened: OnceLock::new() }
    }

    /// One in this folder.
    #[cfg(test)]
    pub fn at(folder: &std::path::Path) -> Self {
        Self { folder: Some(folder.to_owned()), opened: OnceLock::new() }
    }

    /// The store, opened at the first call.
    ///
    /// # Errors
    /// When there is no place for it.
    pub fn open(&self) -> io::Result<&OpenStore> {
        let opened = self.opened.get_or_init(|| self.make().map(OpenStore::open).map_err(|error| error.to_string()));
        opened.as_ref().map_err(|error| io::Error::other(error.clone()))
    }

    /// The store if it has been opened.
    pub fn opened(&self) -> Option<&OpenStore> {
        self.opened.get()?.as_ref().ok()
    }

    /// Its folder, where an earlier session has made it and this one has not opened it.
    pub fn find_unopened(&self) -> Option<PathBuf> {
        if self.opened().is_some() {
            return None;
        }
        match &self.folder {
            Some(folder) => Some(folder.clone()).filter(|folder| store_folder::is_store(folder)),
            None => find_user_store(),
        }
    }

    /// Makes its folder. Where the user's temporary folder is refused (it belongs to another user, say), that is a folder
    /// of this session's own.
    ///
    /// # Errors
    /// When that cannot be made either.
    pub fn make(&self) -> io::Result<PathBuf> {
        let shared = self.folder.clone().map_or_else(user_folder, Ok).and_then(usable);
        shared.or_else(|error| make_own(&format!("no temporary store that later builds find: {error}")))
    }
}

fn user_folder() -> io::Result<PathBuf> {
    Ok(platform::user_temporary_folder()?.join(STORE_FOLDER))
}

/// The store in the user's temporary folder, where there is one. Makes nothing.
pub fn find_user_store() -> Option<PathBuf> {
    let folder = platform::find_user_temporary_folder().ok()?.join(STORE_FOLDER);
    if store_folder::is_store(&folder) { Some(folder) } else { None }
}

/// Makes a store for this session alone, and says so after `why`. It stays: go and its tools may still read what is in it.
///
/// # Errors
/// When the system's temporary folder cannot be written.
pub fn make_own(why: &str) -> io::Result<PathBuf> {
    let private = Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new()
        .prefix("cacheprog-")
        .permissions(private)
        .tempdir_in(platform::system_temporary_folder())?;
    let store = usable(folder.path().to_owned())?;
    let _ = folder.keep();
    let shown = store.display();
    note(format_args!("{why}; later builds will not find this one's cache, in {shown}; {OTHER_FOLDER}"));
    Ok(store)
}

/// Makes a store in `folder` that can be written to.
///
/// # Errors
/// When it cannot be made or written to, or the protocol cannot name it.
pub fn usable(folder: PathBuf) -> io::Result<PathBuf> {
    let folder = std::path::absolute(folder)?;
    if folder.to_str().is_none() {
        // The protocol is JSON.
        return Err(io::Error::other("its name is not UTF-8"));
    }
    let folder = store_folder::resolve(&folder);
    store_folder::make(&folder)?;
    store_folder::try_write(&folder)?;
    Ok(folder)
}
