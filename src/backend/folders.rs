//! The folders of a session: finds them, and says so where they are not in the usual place.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::BackendArgs;
use crate::config::folders::Place;
use crate::note::note;
use crate::platform;

/// What helps where no folder can be used.
const NEXT: &str = "choose another folder with --cache-dir or CACHEPROG_CACHE_DIR";

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
                note(format_args!("{why}; the build cache is in {}; {NEXT}", path.display()));
                path
            }
            Place::Nowhere { why } => own_store(&why),
            Place::Given(path) | Place::Here(path) | Place::Home(path) => path,
        };
        Self { store, records }
    }
}

/// A folder of this session alone, which stays: go and its tools may still read what is in it.
fn own_store(why: &str) -> PathBuf {
    let (private, temporary) = (Permissions::from_mode(0o700), platform::system_temporary_folder());
    match tempfile::Builder::new().prefix("cacheprog-").permissions(private).tempdir_in(&temporary) {
        Ok(folder) => {
            let path = folder.keep();
            note(format_args!("{why}; later builds will not find this one's cache, in {}; {NEXT}", path.display()));
            path
        }
        Err(error) => {
            note(format_args!("{why}; cannot make a folder in {}: {error}; {NEXT}", temporary.display()));
            // Not a folder that others could have made: the store reports what it cannot write.
            PathBuf::from("/dev/null/cacheprog")
        }
    }
}
