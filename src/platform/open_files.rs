//! How many files and connections a process may have open at once.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The most that macOS gives, whatever the hard limit says.
const MOST_OF_MACOS: u64 = 10_240;

/// Files for go's pipes, records, the index and packs.
const OTHERS: u64 = 24;

/// The part of `limit` files that may be open for requests, uploads and connections that wait for their next
/// request: half of them are for requests, a quarter for uploads.
pub fn files_for_remote(limit: u64) -> u64 {
    limit.saturating_sub(OTHERS)
}

/// Files and connections that this process may have open; `None` where the system does not tell.
pub fn open_files_limit() -> Option<u64> {
    getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft)
}

/// Raises the soft limit of open files to the hard one, as Go programs do. For processes that have many connections or
/// files and start no others: bench itself does not, so that go and its compilers get the limit that the user has.
pub fn raise_open_files_limit() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_err() && soft < MOST_OF_MACOS {
        // What cannot be raised stays: the work goes on with fewer at once.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, MOST_OF_MACOS.min(hard), hard);
    }
}
