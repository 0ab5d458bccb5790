//! Progress on stderr while a run goes on.

pub mod live_requests;
pub mod reporter;
pub mod status_line;
