//! Builds of several machines over one bucket, as they were measured.

use serde::{Deserialize, Serialize};

use crate::results::round::ServerSeen;
use crate::scenario::ci::{Share, Start};
use gocacheprog::telemetry::SessionSummary;

/// Machines on one bucket, empty at first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GroupResult {
    pub machines: u32,
    pub start: Start,
    pub builds: Share,
    pub waves: Vec<WaveResult>,
}

/// Machines that started at the same moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WaveResult {
    pub builds: Vec<Build>,
    /// Requests of all of them in the log of the S3 server; None with `--remote env`.
    pub server: Option<ServerSeen>,
    /// Objects in the bucket after the last one has ended.
    pub stored_objects: Option<u64>,
    pub stored_bytes: Option<u64>,
}

/// The build of one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Build {
    pub packages: String,
    /// Folder of its records, below the one of the run.
    pub folder: String,
    pub wall_ns: u64,
    pub session: SessionSummary,
    /// Disagreements between the records of the session.
    pub disagreements: Vec<String>,
}
