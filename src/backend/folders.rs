//! The folders of a session: finds them, and says so where they are not in the usual place.

use std::path::{Path, PathBuf};
use std::{io, iter};

use nix::unistd::{AccessFlags, access};

use crate::backend::arguments::backend_args::BackendArgs;
use crate::cache::local::spare;
use crate::cache::local::spare::OTHER_FOLDER;
use crate::config::folders::{Place, STORE as CACHE, usable};
use crate::note::note;
use crate::platform;

/// Where a session keeps what it has.
pub struct Folders {
    pub store: PathBuf,
    /// `None`: nowhere, or where an argument says.
    pub records: Option<PathBuf>,
}

impl Folders {
    /// Finds them by flags, variables and defaults.
    pub fn find(args: &BackendArgs) -> Self {
        let store = args.cache.place(platform::user_temporary_folder);
        // Records alone are not worth a line: `cacheprog path` says where they are.
        let records = || args.records.place(args.cache.is_here(), platform::user_temporary_folder);
        let has_own = args.no_records || args.session.is_some();
        let records = if has_own { None } else { records().path().map(Path::to_owned).ok() };
        let store = match store {
            Place::Temporary { path, why } => {
                note(format_args!("{why}; the build cache is in {}; {OTHER_FOLDER}", path.display()));
                path
            }
            Place::Nowhere { why } => spare::make_own(&why).unwrap_or_else(|error| {
                note(format_args!("{why}; cannot make a temporary folder: {error}; {OTHER_FOLDER}"));
                // Not a folder that others could have made: the store reports what it cannot write.
                PathBuf::from("/dev/null/cacheprog")
            }),
            Place::Given(path) | Place::Here(path) | Place::Home(path) => path,
        };
        Self { store, records }
    }
}

/// Why the store in `store` cannot be written, where that shows without a try, and the store that sessions use instead of
/// it. Makes nothing.
pub fn replacement(store: &Path) -> Option<(String, PathBuf)> {
    let why = unwritable(store)?;
    let spare = CACHE.temporary;
    Some((why, platform::find_user_temporary_folder().ok()?.join(spare)))
}

fn unwritable(store: &Path) -> Option<String> {
    let store = std::path::absolute(store).ok()?;
    let index = store.join("index");
    if let Err(why) = usable(store) {
        return Some(why);
    }
    match access(&index, AccessFlags::W_OK) {
        Err(error) if index.exists() => {
            Some(format!("cannot write to {}: {}", index.display(), io::Error::from(error)))
        }
        _ => None,
    }
}

/// The stores that sessions with `store` use or have used, for a command that changes them: that one, if it can be written,
/// and the one in the user's temporary folder, if there is one.
pub fn stores(store: &Path) -> Vec<PathBuf> {
    let spare = spare::find_user_store().filter(|spare| spare != store);
    match (unwritable(store), spare) {
        (Some(why), Some(spare)) => {
            note(format_args!("{why}; builds use {}", spare.display()));
            vec![spare]
        }
        (_, spare) => iter::once(store.to_owned()).chain(spare).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_cannot_be_written_has_a_replacement_and_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(replacement(&folder.path().join("missing")), None);
        std::fs::write(folder.path().join("file"), "").unwrap();
        let (why, spare) = replacement(&folder.path().join("file")).unwrap();
        assert!(why.contains("it is no folder") && spare.ends_with("store"), "{why}");
        assert_eq!(stores(folder.path())[0], folder.path());
    }
}
