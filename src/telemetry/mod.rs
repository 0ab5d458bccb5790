//! What a session leaves: trace, CPU profile, request log, summary. One file per output.

mod clock;
mod cpu_profile;
mod folder;
mod recorder;
mod request_log;
mod summary;
mod trace;
mod trace_writer;

pub use clock::Clock;
pub use cpu_profile::{AUTO_AFTER, CpuProfile, CpuProfileMode};
pub use folder::{LOCK_FILE, SessionFolder};
pub use recorder::{Answer, Counts, Outcome, Recorder, Switches, Times};
pub use summary::{Latency, ProfileSummary, SCHEMA, SESSION_FILE, SessionSummary};
pub use trace::Trace;
