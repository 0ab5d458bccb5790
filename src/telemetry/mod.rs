//! What a session leaves: trace, CPU and wall profile, request log, summary. One file per output.

mod agreement;
mod clock;
mod folder;
mod latencies;
mod listen;
pub mod profile;
mod recorder;
mod request_log;
mod resources;
mod summary;
mod trace;

/// Name of the span of a request, and of the event that stands for one.
pub const REQUEST: &str = "request";

pub use agreement::{Agreement, check as check_agreement};
pub use clock::Clock;
pub use folder::retention::{Keep, Removed};
pub use folder::session_folder::{INSIDE, LOCK_FILE, SessionFolder, UNFINISHED, remove_ended_sessions};
pub use latencies::{Latencies, SIZE_CLASSES, size_class};
pub use listen::listen;
pub use profile::cpu::{AUTO_AFTER, CpuProfile, CpuProfileMode};
pub use profile::heap::HeapProfile;
pub use profile::span_sums::SpanSums;
pub use profile::wall::{Spent, WallProfile};
pub use recorder::{Answer, Counts, Outcome, Recorder, Switches, Times};
pub use request_log::reader::{LogError, LoggedSession, read_request_log};
pub use request_log::writer::Line;
pub use resources::sampler::{Sampler, Watched};
pub use resources::sums::{HostUse, ProcessUse, Resources, since};
pub use summary::{Latency, ProfileSummary, SCHEMA, SESSION_FILE, SessionSummary};
pub use trace::counter_tracks::Gauges;
pub use trace::recording::{Drawing, Trace};
