//! Uploads: at once for a put that waits, or beside the answers; drained at the end of the session. Knows no strategy.

mod attempts;
mod draining;
pub(crate) mod pack;
pub(crate) mod plain;
mod publishing;
mod room;
pub(crate) mod session;
mod tasks;
pub(crate) mod unsent;
pub(crate) mod upload_time;
