//! cacheprog and bench: a GOCACHEPROG backend over local disk and S3, and the bench that times it.
//!
//! The rooms, in the direction that data flows (arrows never run back):
//! - [`protocol`]: the wire between go and the backend; knows no cache.
//! - [`cache`]: what a get and a put mean: local store, remote store, upload queue, strategies.
//! - [`backend`]: one session: reader, tasks, writer, close and end of input, deadlines.
//! - [`telemetry`]: what a session leaves: trace, profiles, request log, summary. One file per output.
//! - [`s3`]: the embedded S3 server and the link in front of it.
//! - [`bench`]: scenario, plan, rounds, results, statistics, reporters.
//!
//! Beside them [`config`] (settings and default folders), `platform` (all that differs between operating systems), `note` and
//! `stdout` (what the user reads), `is_default` (what files leave out) and [`shell`] (completions and man pages).

pub mod backend;
pub mod bench;
pub mod cache;
pub mod completions;
pub mod config;
pub mod note;
mod platform;
pub mod protocol;
pub mod s3_server;
mod serde_util;
pub mod stdout;
pub mod telemetry;

pub use platform::raise_open_files_limit;
