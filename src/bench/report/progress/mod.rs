//! Before and while a run goes on: the plan as text on stdout, and progress on stderr. Knows no results.

pub mod live_requests;
pub mod outline;
pub mod remaining;
pub mod reporter;
pub mod status_line;
