//! Where the store and the records are: where flags and variables say, in the working directory, in the user's own folders,
//! or, without a usable home, below the temporary folder. Makes nothing.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use etcetera::base_strategy::choose_native_strategy;
use nix::unistd::{AccessFlags, access};

/// This program's folder in each of the user's.
const OWN: &str = "cacheprog";

/// Name of the file that keeps a folder out of a git repository.
pub const GIT_IGNORE: &str = ".gitignore";

/// One of the folders, as it is called in each place.
#[derive(Clone, Copy, Debug)]
pub struct Folder {
    /// In the working directory.
    pub here: &'static str,
    /// In the temporary folder of the user.
    pub temporary: &'static str,
    /// True if one in the user's own folders that can only be read is of use.
    is_for_reading: bool,
    base: fn() -> Result<PathBuf, String>,
}

/// The local store.
pub const STORE: Folder = Folder { here: ".cache", temporary: "store", is_for_reading: true, base: cache_home };

/// The records of sessions.
pub const RECORDS: Folder = Folder { here: "metrics", temporary: "records", is_for_reading: false, base: state_home };

/// Where a folder is, and why there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A flag or a variable names it.
    Given(PathBuf),
    /// In the working directory.
    Here(PathBuf),
    /// In the user's own folders.
    Home(PathBuf),
    /// Below the temporary folder, because those cannot be used.
    Temporary { path: PathBuf, why: String },
    /// The temporary folder is not safe either.
    Nowhere { why: String },
}

impl Place {
    /// Its path.
    ///
    /// # Errors
    /// Why there is none.
    pub fn path(&self) -> Result<&Path, &str> {
        match self {
            Self::Given(path) | Self::Here(path) | Self::Home(path) | Self::Temporary { path, .. } => Ok(path),
            Self::Nowhere { why } => Err(why),
        }
    }

    /// This place with another path.
    pub fn map(self, change: impl FnOnce(&Path) -> PathBuf) -> Self {
        match self {
            Self::Given(path) => Self::Given(change(&path)),
            Self::Here(path) => Self::Here(change(&path)),
            Self::Home(path) => Self::Home(change(&path)),
            Self::Temporary { path, why } => Self::Temporary { path: change(&path), why },
            Self::Nowhere { why } => Self::Nowhere { why },
        }
    }
}

impl Folder {
    /// Chooses the place. `given`: by flag or variable. `temporary`: gives the temporary folder of the user, and is called
    /// only if that is needed.
    pub fn find(&self, given: Option<&Path>, is_here: bool, temporary: impl FnOnce() -> io::Result<PathBuf>) -> Place {
        if let Some(path) = given {
            return Place::Given(path.to_owned());
        }
        if is_here {
            return Place::Here(PathBuf::from(self.here));
        }
        let own = (self.base)().map(|base| base.join(OWN)).and_then(|path| {
            // A session writes to another, and reads this one too.
            if self.is_for_reading && is_readable(&path) { Ok(path) } else { usable(path) }
        });
        let why = match own {
            Ok(path) => return Place::Home(path),
            Err(why) => why,
        };
        match temporary() {
            Ok(folder) => Place::Temporary { path: folder.join(self.temporary), why },
            Err(error) => Place::Nowhere { why: format!("{why}, and {error}") },
        }
    }
}

/// The folder for what can be made again.
fn cache_home() -> Result<PathBuf, String> {
    match choose_native_strategy() {
        Ok(native) => below_home(native.cache_dir(), native.home_dir()),
        Err(_) => without_home("XDG_CACHE_HOME"),
    }
}

/// The folder for what should outlive a session.
fn state_home() -> Result<PathBuf, String> {
    match choose_native_strategy() {
        // macOS has none for this.
        Ok(native) => below_home(native.state_dir().unwrap_or_else(|| native.data_dir()), native.home_dir()),
        Err(_) => without_home("XDG_STATE_HOME"),
    }
}

/// `folder`, if it does not need a home that is not there: root could make that, and no other user would look for it.
fn below_home(folder: PathBuf, home: &Path) -> Result<PathBuf, String> {
    if home.as_os_str().is_empty() && folder.is_relative() {
        return Err("HOME is empty".to_owned());
    }
    if folder.is_relative() || (folder.starts_with(home) && !home.is_dir()) {
        return Err(format!("HOME ({}) is no folder", home.display()));
    }
    Ok(folder)
}

/// The variable alone counts for a user without a home, where the system has such variables.
fn without_home(variable: &str) -> Result<PathBuf, String> {
    match std::env::var_os(variable).map(PathBuf::from) {
        Some(path) if path.is_absolute() && !cfg!(target_os = "macos") => Ok(path),
        _ => Err("there is no home folder".to_owned()),
    }
}

/// True if there is such a folder with files in it that can be read.
fn is_readable(folder: &Path) -> bool {
    folder.to_str().is_some() && std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some())
}

/// `folder`, if it can be written, or made where it is missing. Asks the system and tries neither: a folder that is only
/// looked for must not be made.
///
/// # Errors
/// Why it cannot be written.
pub fn usable(folder: PathBuf) -> Result<PathBuf, String> {
    if folder.to_str().is_none() {
        // The protocol, which is JSON, cannot name it.
        return Err(format!("{} is not UTF-8", folder.display()));
    }
    for above in folder.ancestors() {
        let cannot = |why: &dyn std::fmt::Display| format!("cannot write to {}: {why}", above.display());
        match std::fs::metadata(above) {
            Ok(found) if !found.is_dir() => return Err(cannot(&"it is no folder")),
            Ok(_) => {
                access(above, AccessFlags::W_OK | AccessFlags::X_OK)
                    .map_err(|error| cannot(&io::Error::from(error)))?;
                return Ok(folder);
            }
            // A link that leads nowhere is in the way of a folder.
            Err(error) if error.kind() == ErrorKind::NotFound && above.symlink_metadata().is_err() => {}
            Err(error) => return Err(cannot(&error)),
        }
    }
    Err(format!("{} does not lead to a folder", folder.display()))
}

/// Keeps a folder that we made out of the user's repository: untracked files would set `vcs.modified` in their binaries.
pub fn ignore_in_git(folder: &Path) {
    // Without it everything works as well.
    let _ = File::create_new(folder.join(GIT_IGNORE)).and_then(|mut file| file.write_all(b"*\n"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    fn folder(base: fn() -> Result<PathBuf, String>) -> Folder {
        Folder { base, ..STORE }
    }

    fn temporary() -> io::Result<PathBuf> {
        Ok(PathBuf::from("/tmp/cacheprog-7"))
    }

    fn refused() -> io::Result<PathBuf> {
        Err(io::Error::other("/tmp/cacheprog-7 belongs to another user"))
    }

    fn unused() -> io::Result<PathBuf> {
        panic!("the temporary folder is not needed")
    }

    #[test]
    fn what_is_given_comes_before_here_and_here_before_home() {
        let no_home = folder(|| panic!("the home folder is not needed"));
        let given = no_home.find(Some(Path::new("/given")), true, unused);
        assert_eq!(given, Place::Given(PathBuf::from("/given")));
        assert_eq!(no_home.find(None, true, unused), Place::Here(PathBuf::from(".cache")));
        let home = folder(|| Ok(std::env::temp_dir().join("not there")));
        assert_eq!(home.find(None, false, unused), Place::Home(std::env::temp_dir().join("not there/cacheprog")));
        assert!(!std::env::temp_dir().join("not there").exists(), "nothing is made");
    }

    #[test]
    fn without_a_usable_home_it_is_below_the_temporary_folder_and_says_why() {
        let no_home = folder(|| Err("HOME is empty".to_owned()));
        let (path, why) = (PathBuf::from("/tmp/cacheprog-7/store"), "HOME is empty".to_owned());
        assert_eq!(no_home.find(None, false, temporary), Place::Temporary { path, why });
        let place = no_home.find(None, false, refused);
        assert_eq!(place.path(), Err("HOME is empty, and /tmp/cacheprog-7 belongs to another user"));
        let file = folder(|| Ok(PathBuf::from("/dev/null")));
        let Place::Temporary { why, .. } = file.find(None, false, temporary) else { panic!() };
        assert!(why.starts_with("cannot write to /dev/null"), "{why}");
    }

    #[test]
    fn a_home_that_is_not_there_is_none() {
        let home = tempfile::tempdir().unwrap();
        let cache = home.path().join(".cache");
        assert_eq!(below_home(cache.clone(), home.path()), Ok(cache));
        assert_eq!(below_home(".cache".into(), Path::new("")), Err("HOME is empty".to_owned()));
        for wrong in ["/nonexistent", "relative", "/dev/null"] {
            let error = below_home(Path::new(wrong).join(".cache"), Path::new(wrong)).unwrap_err();
            assert_eq!(error, format!("HOME ({wrong}) is no folder"));
            assert!(below_home("/xdg/cache".into(), Path::new(wrong)).is_ok(), "it is not needed");
        }
    }

    #[test]
    fn a_store_that_can_only_be_read_is_one_with_files() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_readable(folder.path()) && !is_readable(&folder.path().join("missing")));
        std::fs::write(folder.path().join("index"), "").unwrap();
        assert!(is_readable(folder.path()));
    }

    #[test]
    fn a_folder_is_usable_if_it_or_what_is_above_it_can_be_written() {
        let above = tempfile::tempdir().unwrap();
        let at = |name: &str| above.path().join(name);
        assert_eq!(usable(at("a/b/c")), Ok(at("a/b/c")));
        assert!(!at("a").exists());
        std::fs::write(at("file"), "").unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("link")).unwrap();
        for wrong in ["file", "file/below", "link", "link/below"] {
            assert!(usable(at(wrong)).is_err(), "{wrong}");
        }
        let latin1 = above.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
        assert!(usable(latin1).unwrap_err().ends_with("is not UTF-8"));
    }
}
