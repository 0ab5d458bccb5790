//! The samples of `bench scaling`, and its file.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::results::run::{read_json, write_whole};

/// Its name in the folder of the run.
pub const SCALING_FILE: &str = "scaling.json";
/// Entries that share a body, so that a million entries are not a million files.
pub const ENTRIES_PER_BODY: u64 = 100;
/// Version of its layout.
const SCHEMA: u32 = 1;

/// One run of `bench scaling`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Scaling {
    schema: u32,
    /// Latency of the `far` sessions and of those of the commits.
    pub first_byte_ms: f64,
    pub sizes: Vec<Size>,
    pub commits: Vec<Commit>,
}

/// Stores with this many entries.
#[derive(Debug, Serialize, Deserialize)]
pub struct Size {
    pub entries: u64,
    /// Time of the sessions that put the entries, from the first start to the last end.
    pub filling_ns: u64,
    pub index_bytes: u64,
    /// Objects in the bucket.
    pub objects: u64,
    pub bucket_bytes: u64,
    /// Sessions over the local store.
    pub local: Vec<Start>,
    /// Sessions without a local store and without latency.
    pub near: Vec<Start>,
    /// Sessions without a local store, with latency.
    pub far: Vec<Start>,
}

/// A session of one get.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Start {
    /// From the start of the process.
    pub handshake_ns: u64,
    /// From the start of the process.
    pub first_answer_ns: u64,
    pub peak_rss_bytes: Option<u64>,
    /// Manifests that were read before the answer.
    pub manifests: u64,
    pub manifest_bytes: u64,
}

/// The build of a commit by a machine that has only the bucket.
#[derive(Debug, Serialize, Deserialize)]
pub struct Commit {
    /// 0 is the first build, of an empty bucket.
    pub number: u32,
    /// From the start of the process to the answer to `close`.
    pub wall_ns: u64,
    pub hits: u64,
    pub misses: u64,
    /// Requests until that answer; merging comes after it.
    pub requests: u64,
    pub bytes_down: u64,
    pub bytes_up: u64,
    /// Manifests in the bucket after the session.
    pub manifests: u64,
    /// Packs in the bucket after the session.
    pub packs: u64,
    pub bucket_bytes: u64,
}

impl Scaling {
    /// A run without samples.
    pub fn new(first_byte_ms: f64) -> Scaling {
        Scaling { schema: SCHEMA, first_byte_ms, sizes: Vec::new(), commits: Vec::new() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is of another version.
    pub fn read(path: &Path) -> Result<Scaling> {
        read_json(path, SCHEMA)
    }

    /// Writes it by rename.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        write_whole(path, |file| Ok(file.write_all(&text)?))
    }
}
