//! The meaning of a get and a put: local store, remote store, upload queue, strategies. Knows no stdin and no profiler.

pub mod local;
mod local_and_remote;
mod pack;
mod plain;
pub mod remote;
pub mod s3_clean;
pub mod seed;
mod strategy;
mod uploads;

pub use crate::config::strategy::{PackOption, Strategy};
pub use local::body_file::{BodyFile, CommitError};
pub use local::folder::names::INDEX_FILE;
pub use local::index::entry::{Entry, Origin};
pub use local::store::LocalStore;
pub use local::trim::plan::Limits;
pub use local::trim::trimming::{TrimError, Trimmed, Trimming};
pub use local::verify::{Report, verify};
pub use local_and_remote::{Cache, Lookup, Put, PutRest, StoredEntry};
pub use pack::read::schedule::CONNECTIONS as PACK_CONNECTIONS;
pub use remote::meter::Traffic;
pub use remote::store::Remote;
pub use strategy::remote_strategy::Options;
pub use uploads::session::{UploadCounts, Uploads};
pub use uploads::upload_time::Busy;
