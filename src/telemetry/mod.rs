//! What a session leaves: trace, CPU and wall profile, request log, summary. One file per output.

mod agreement;
mod clock;
mod cpu_profile;
mod folder;
mod heap_dump;
mod heap_profile;
mod latencies;
mod listen;
pub mod profiles;
mod recorder;
mod request_log;
mod request_log_reader;
mod resources;
mod retention;
mod sampler;
mod span_sums;
mod summary;
mod trace;
mod trace_file;
mod trace_lines;
mod trace_rows;
mod tracks;
mod wall_profile;

/// Name of the span of a request, and of the event that stands for one.
pub const REQUEST: &str = "request";

pub use agreement::{Agreement, check as check_agreement};
pub use clock::Clock;
pub use cpu_profile::{AUTO_AFTER, CpuProfile, CpuProfileMode};
pub use folder::{INSIDE, LOCK_FILE, SessionFolder, UNFINISHED, remove_ended_sessions};
pub use heap_profile::HeapProfile;
pub use latencies::{Latencies, SIZE_CLASSES, size_class};
pub use listen::listen;
pub use recorder::{Answer, Counts, Outcome, Recorder, Switches, Times};
pub use request_log::Line;
pub use request_log_reader::{LogError, LoggedSession, read_request_log};
pub use resources::{HostUse, ProcessUse, Resources, since};
pub use retention::{Keep, Removed};
pub use sampler::{Sampler, Watched};
pub use span_sums::SpanSums;
pub use summary::{Latency, PlantSummary, ProfileSummary, SCHEMA, SESSION_FILE, SessionSummary};
pub use trace::{Drawing, Trace};
pub use tracks::Gauges;
pub use wall_profile::{Spent, WallProfile};
