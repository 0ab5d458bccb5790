//! The upload queue: at once for a put that waits, or beside the answers; drained at the end of the session.

pub(crate) mod draining;
pub(crate) mod packing;
pub(crate) mod queue;
pub(crate) mod unsent;
pub(crate) mod upload_time;
