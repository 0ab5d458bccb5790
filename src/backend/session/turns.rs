//! How many requests may work on the remote at once. Only a process that may have few files open needs a bound: a connection
//! too many would be an error that looks like one of the remote.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::note::note;
use crate::platform;

/// With fewer there would be none for the remote's threads and connections.
const FEWEST: u64 = 24;
/// Files for a request: its connection and the body that it writes, and as many again for the rest of
/// [`platform::files_for_remote`].
const EACH: u64 = 4;
/// As many as any go has workers.
const MOST: u64 = 1024;

/// True if this process may have files enough open for a remote; says on stderr if it may not.
pub fn allow_a_remote() -> bool {
    let limit = platform::open_files_limit().unwrap_or(u64::MAX);
    if limit < FEWEST {
        note(format_args!(
            "only {limit} files may be open, too few for the remote: this build works from local disk (`ulimit -n` raises it)"
        ));
    }
    limit >= FEWEST
}

/// Turns of requests; cloning shares them.
#[derive(Clone)]
pub struct Turns(Arc<Semaphore>);

impl Turns {
    /// As many as the limit of this process allows.
    pub fn new() -> Self {
        let limit = platform::open_files_limit().unwrap_or(u64::MAX);
        Self(Arc::new(Semaphore::new(count(limit))))
    }

    /// Does `work` when it is its turn.
    pub async fn take<T>(self, work: impl Future<Output = T>) -> T {
        // It is never closed, so there is no error.
        let _turn = self.0.acquire().await;
        work.await
    }
}

fn count(limit: u64) -> usize {
    (platform::files_for_remote(limit) / EACH).clamp(1, MOST) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_files_are_few_turns_and_never_none() {
        assert_eq!([0, 33, 64, 256, 1 << 20].map(count), [1, 2, 10, 58, 1024]);
    }
}
