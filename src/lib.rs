//! A GOCACHEPROG backend over local disk and S3, what it records, and the S3 server that it is measured against. The bench that
//! times it is a crate of its own, in the folder `bench`.
//!
//! The rooms, in the direction that data flows (arrows never run back):
//! - [`protocol`]: the wire between go and the backend; knows no cache.
//! - [`cache`]: what a get and a put mean: local store, remote store, upload queue, strategies.
//! - [`backend`]: one session: reader, tasks, writer, close and end of input, deadlines.
//! - [`telemetry`]: what a session leaves: trace, profiles, request log, summary. One file per output.
//! - [`s3_server`]: the embedded S3 server and the link in front of it.
//!
//! Beside them [`config`] (settings and default folders), [`platform`] (all that differs between operating systems), [`note`] and
//! [`stdout`] (what the user reads), [`serde_util`] (what files leave out) and [`completions`] (also man pages).

pub mod backend;
pub mod cache;
pub mod completions;
pub mod config;
pub mod note;
pub mod platform;
pub mod protocol;
pub mod s3_server;
pub mod serde_util;
pub mod stdout;
pub mod telemetry;
