//! The records of a session: trace, profiles, request log, summary. One file for each output. Knows no cache.

mod agreement;
mod folder;
mod listen;
mod model;
pub mod profile;
mod recorder;
mod request_log;
mod summary;
mod trace;

pub use agreement::check::{Agreement, check_agreement};
pub use folder::retention::{Keep, LOCK_FILE, Removed, UNFINISHED};
pub use folder::session_folder::{INSIDE, SessionFolder, remove_ended_sessions};
pub use listen::listen;
pub use model::answer::{Answer, Outcome, REQUEST, Times};
pub use model::clock::Clock;
pub use model::counts::Counts;
pub use model::kind::RequestKind;
pub use model::program::{LeftProcess, ProgramExit, ProgramSeen};
pub use model::resources::{HostUse, ProcessUse, Resources, since};
pub use profile::cpu::{AUTO_AFTER, CpuProfile, CpuProfileMode, ProfileSummary};
pub use profile::heap::HeapProfile;
pub use profile::latencies::{Latencies, Latency, SIZE_CLASSES, size_class};
pub use profile::span_sums::SpanSums;
pub use profile::wall::{Spent, WallProfile};
pub use recorder::{Recorder, Switches};
pub use request_log::reader::{LogError, LoggedSession, read_request_log};
pub use request_log::writer::Line;
pub use summary::{ClosedBy, SCHEMA, SESSION_FILE, SessionSummary};
pub use trace::counter_tracks::Gauges;
pub use trace::file::{Drawing, TraceFile};
pub use trace::recording::Trace;
pub use trace::sampler::{Sampler, Watched};
