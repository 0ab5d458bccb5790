//! The control protocol between `bench` and the embedded S3 server: one JSON object a line. First the server greets; then each
//! command has one answer. Both ends use these types.

use serde::{Deserialize, Serialize};

use crate::s3_server::link::faults::Fault;
use crate::s3_server::log::Record;
use crate::s3_server::server::Stats;

/// The first line: the server's address, and the key pair that opens it.
#[derive(Serialize, Deserialize)]
pub struct Greeting {
    pub endpoint: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub bucket: String,
}

/// A command to the server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "cmd", rename_all = "lowercase", deny_unknown_fields)]
pub enum Command {
    /// Changes the link for all requests from now on. Answer: `Ok`.
    Link { first_byte_ms: f64, jitter_ms: f64, bandwidth_bytes_per_s: Option<u64> },
    /// Replaces the injected faults. Answer: `Ok`.
    Faults { faults: Vec<Fault>, seed: u64 },
    /// Asks for the number of requests received so far. Answer: `Mark`.
    Mark,
    /// Asks for the finished requests among those received after a mark. Answer: `Log`.
    Log { since: u64 },
    /// Asks for totals; objects and bytes are those below the prefix, the rest is of the whole server. Answer: `Stats`.
    Stats { prefix: String },
    /// Removes all objects below the prefix. Answer: `Cleared`.
    Clear { prefix: String },
    /// Copies all objects below `from` to the same names below `to`. Answer: `Copied`.
    Copy { from: String, to: String },
}

/// The answer to a command.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    Log { requests: Vec<Record> },
    Mark { mark: u64 },
    Stats(Stats),
    Cleared { deleted: u64 },
    Copied { copied: u64 },
    Ok { ok: bool },
    Error { error: String },
}
