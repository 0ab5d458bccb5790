//! The tap: a relay between go and any GOCACHEPROG program. It passes each byte on as it comes, and records the session from
//! outside as our own backend records itself. Knows no cache and no plan.

mod answer;
mod answer_stream;
pub mod arguments;
mod conversation;
mod passing;
mod program;
mod records;
mod request_stream;
pub mod run;
mod signals;
mod summary;
mod tapped;
mod tracks;
