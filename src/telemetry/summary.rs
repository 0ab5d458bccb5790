//! `session.json`: what a session adds up to. Written last, so that its presence means that all records are there.

use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

use crate::config::strategy::Strategy;
use crate::platform::fault_injection::DelaySummary;
use crate::telemetry::folder::session_folder::SessionFolder;
use crate::telemetry::model::counts::Counts;
use crate::telemetry::model::program::ProgramSeen;
use crate::telemetry::model::resources::Resources;
use crate::telemetry::profile::cpu::ProfileSummary;
use crate::telemetry::profile::latencies::Latency;

/// Its file name.
pub const SESSION_FILE: &str = "session.json";
/// Version of the format.
pub const SCHEMA: u32 = 1;

/// One session in numbers. `None` is what could not be measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionSummary {
    /// Version of this format.
    pub schema: u32,
    /// The backend's process.
    pub pid: u32,
    /// The strategy it ran with; `None` for a program that is not ours.
    #[serde(default)]
    pub strategy: Option<Strategy>,
    /// When it started, Unix nanoseconds.
    pub start_unix_ns: u64,
    /// From the start of `main` until the handshake was written, nanoseconds.
    pub handshake_ns: u64,
    /// From the start of `main` until stdout was closed, nanoseconds.
    pub wall_ns: u64,
    /// Requests by kind and outcome.
    #[serde(flatten)]
    pub counts: Counts,
    /// Bytes of object bodies (data and metadata) from the remote.
    pub bytes_down: u64,
    /// Bytes of object bodies (data and metadata) to the remote.
    pub bytes_up: u64,
    /// Requests sent to the remote.
    pub remote_requests: u64,
    /// Requests among them that failed or gave something unusable.
    pub remote_errors: u64,
    /// Most downloads at the same time.
    #[serde(default)]
    pub most_downloads: Option<u64>,
    /// Time of threads in which packs were taken apart and stored, and the CPU time of it.
    #[serde(default)]
    pub unpack_ns: u64,
    #[serde(default)]
    pub unpack_cpu_ns: u64,
    /// Why the session did without the remote or without uploads, be it for a part of its time.
    pub remote_off: Option<String>,
    /// True if an earlier session had found that the remote is off, and this one did not ask it at first.
    #[serde(default)]
    pub remote_off_remembered: bool,
    /// Entries whose body and metadata are in the remote.
    pub uploads_done: u64,
    /// Entries that are not.
    pub uploads_left: u64,
    /// Time from a get's arrival to its answer; `None` without gets.
    pub get_ns: Option<Latency>,
    /// Time from a put's arrival, its body included, to its answer; `None` without puts.
    pub put_ns: Option<Latency>,
    /// CPU time in user mode until stdout was closed.
    pub cpu_user_ns: Option<u64>,
    /// CPU time in the kernel until stdout was closed.
    pub cpu_system_ns: Option<u64>,
    /// CPU time from the end of the input until stdout was closed: what `close` waited for.
    #[serde(default)]
    pub close_cpu_ns: Option<u64>,
    /// Time until then in which something was sent to the remote.
    #[serde(default)]
    pub close_sending_ns: Option<u64>,
    /// Time until then in which nothing was sent, but something was compressed.
    #[serde(default)]
    pub close_compressing_ns: Option<u64>,
    /// Time of threads in it that were ready and had no core; `None` where there was nothing to upload.
    #[serde(default)]
    pub close_run_queue_wait_ns: Option<u64>,
    /// CPU time spent on writing records after stdout was closed, while go already went on.
    pub render_cpu_ns: Option<u64>,
    /// Largest resident set until stdout was closed.
    pub peak_rss_bytes: Option<u64>,
    /// The end of the input.
    pub closed_by: ClosedBy,
    /// The error in the input, if there was one.
    pub error: Option<String>,
    /// Resources that processes and machine used, if samples were taken.
    #[serde(default)]
    pub resources: Option<Resources>,
    /// Delays that were injected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injected_delay: Option<DelaySummary>,
    /// The CPU profile, if one was taken.
    pub cpu_profile: Option<ProfileSummary>,
    /// What was seen of the program, where the session was recorded from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Box<ProgramSeen>>,
}

/// How the input of a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ClosedBy {
    /// By a `close`, which was answered.
    Close,
    /// Without one.
    Eof,
    /// By something that is not of the protocol.
    Error,
}

impl SessionSummary {
    /// Writes the file under another name first: a reader sees all of it or nothing.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, folder: &SessionFolder) -> io::Result<()> {
        let path = folder.file(SESSION_FILE);
        let temporary = path.with_extension("tmp");
        std::fs::write(&temporary, serde_json::to_vec_pretty(self)?)?;
        std::fs::rename(temporary, path)
    }

    /// Reads the file of a session that has ended.
    ///
    /// # Errors
    /// When there is none, or it is not of this format.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let summary: Self = serde_json::from_slice(&std::fs::read(folder.join(SESSION_FILE))?)?;
        if summary.schema != SCHEMA {
            return Err(io::Error::other(format!("schema {} is not {SCHEMA}", summary.schema)));
        }
        Ok(summary)
    }
}
