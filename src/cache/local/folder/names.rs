//! The names of the files in a store, and how its index begins: what says that a folder is ours.

use std::ffi::OsStr;

use crate::protocol::OutputId;

/// Marks a folder as a store. The first file that is made in it, so that no session takes a half-made store for a folder
/// of the user's.
pub const MARKER: &str = "cacheprog-store";
/// Tells backup programs that they can leave the folder out: <https://bford.info/cachedir/>.
pub const TAG: &str = "CACHEDIR.TAG";
/// Name of the folder for temporary files below a store's folder.
pub const TEMPORARY_FOLDER: &str = "tmp";
/// When the store was trimmed last; go's own cache has the same.
pub const STAMP_FILE: &str = "trim.txt";
/// File name of the lock on changes, below the store's folder.
pub const CHANGES_LOCK: &str = "lock";
/// File name of the lock that tells that a session lives, below the store's folder.
pub const SESSIONS_LOCK: &str = "sessions";
/// File name of the lock on what the store keeps for remotes, below the store's folder.
pub const REMOTES_LOCK: &str = "remotes";
/// File name of the log below the store's folder.
pub const INDEX_FILE: &str = "index";
/// First bytes of an entry; the last one is the version.
pub const ENTRY_MAGIC: [u8; 4] = *b"gcp1";
/// First bytes of a use. A program that does not know it skips it as damage.
pub const USE_MAGIC: [u8; 4] = *b"gcu1";

/// `<OutputID with / as ->-d`: the workshop's name, and without a file extension as go wants it.
pub fn data_file_name(output: &OutputId) -> String {
    output.escaped() + "-d"
}

/// The output whose body has this name; `None` for other files.
pub fn data_file_output(name: &OsStr) -> Option<OutputId> {
    OutputId::from_escaped(name.to_str()?.strip_suffix("-d")?)
}

/// True if an index of ours begins with these bytes.
pub fn begins_log(first: &[u8]) -> bool {
    [ENTRY_MAGIC, USE_MAGIC].iter().any(|magic| first.starts_with(magic))
}
