//! The purpose of a request.

use std::time::Duration;

/// Proxies take bodies of this size, nginx's default, and often no larger ones.
const OFTEN_CUT_OFF: u64 = 1 << 20;

/// One attempt at an upload.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The longest that it may take.
    pub limit: Duration,
    /// True if no other follows if it fails in passing: what the next one heals tells nothing about the remote.
    pub is_last: bool,
    /// True if go waits for it.
    pub go_waits: bool,
    /// True if a proxy may cut it off for its size: a connection that ends then says nothing of the rest of the remote.
    pub is_large: bool,
}

impl Attempt {
    /// This attempt for an object of `bytes`.
    pub(crate) fn of(self, bytes: u64) -> Self {
        Self { is_large: bytes > OFTEN_CUT_OFF, ..self }
    }
}

/// The purpose of a request.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// A get waits for it.
    Download,
    /// It is fetched ahead of go's questions; who waits for it all the same tells by itself. `is_last`: no other attempt
    /// follows if it fails in passing.
    Ahead {
        is_last: bool,
    },
    Upload(Attempt),
}

impl Purpose {
    pub(super) fn is_download(self) -> bool {
        !matches!(self, Self::Upload(_))
    }
}
