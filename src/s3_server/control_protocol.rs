//! The control protocol between `bench` and the embedded S3 server: one JSON object a line. First the server greets; then each
//! command has one answer. Both ends use these types.

use serde::{Deserialize, Serialize};

use crate::s3_server::api::store::Place;
use crate::s3_server::link::faults::Fault;
use crate::s3_server::record::Record;
use crate::s3_server::server::Stats;

/// The first line: where the server listens, and the key pair that opens it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Greeting {
    /// `host:port`, for http and https.
    pub address: String,
    /// The certificate of the authority that https clients have to trust, as PEM text.
    pub certificate_pem: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    /// The bucket that is there from the start.
    pub bucket: String,
}

impl Greeting {
    /// The address as a URL of http.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address as a URL of https.
    pub fn https_url(&self) -> String {
        format!("https://{}", self.address)
    }
}

/// A command to the server. One that names a bucket which does not exist gets an error.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "cmd", rename_all = "lowercase", deny_unknown_fields)]
pub enum Command {
    /// Changes the link for all requests and connections from now on. Answer: `Ok`.
    Link { first_byte_ms: f64, rtt_ms: f64, jitter_ms: f64, bandwidth_bytes_per_s: Option<u64> },
    /// Replaces the injected faults. Answer: `Ok`.
    Faults { faults: Vec<Fault>, seed: u64 },
    /// Asks for the number of requests received so far. Answer: `Mark`.
    Mark,
    /// Asks for the finished requests among those received after a mark. Answer: `Log`.
    Log { since: u64 },
    /// Makes a bucket, if there is none of that name. Answer: `Ok`.
    Bucket { name: String },
    /// Asks for totals; objects and bytes are those of the place, the rest is of the whole server. Answer: `Stats`.
    Stats { place: Place },
    /// Removes all objects of a place. Answer: `Cleared`.
    Clear { place: Place },
    /// Copies all objects of one place to the same names in another. Answer: `Copied`.
    Copy { from: Place, to: Place },
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
