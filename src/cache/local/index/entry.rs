//! An entry of the index, and where it came from.

use crate::protocol::OutputId;

/// How often the use of an entry is written down, in seconds: a day. An entry may have been used by so much later than the
/// log says.
pub const USE_EVERY_S: i64 = 24 * 3600;

/// The output that is stored for an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// SHA-256 of the body.
    pub output: OutputId,
    /// Bytes of the body.
    pub size_bytes: u64,
    /// When the output was first put, Unix nanoseconds.
    pub time_ns: i64,
}

/// How an entry came into this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was in the local store, or another session put it there.
    Stored,
    /// This session put it.
    PutHere,
    /// This session fetched it from the remote.
    Fetched,
}
