//! Uploads: at once for a put that waits, or beside the answers; drained at the end of the session. Knows no strategy.

mod attempts;
mod draining;
pub mod pack;
pub mod plain;
mod publishing;
mod room;
pub mod session;
mod tasks;
pub mod unsent;
pub mod upload_time;
