//! What a get and a put mean: local store, remote store, upload queue, strategies. Knows no stdin and no profiler.

mod body_file;
mod breaker;
pub mod clean;
mod clock;
mod contents;
mod index;
mod knobs;
mod lease;
mod local;
mod metadata;
mod open_store;
mod pack;
mod remote;
pub mod s3_clean;
pub mod s3_client;
pub mod s3_config;
pub mod seed;
mod small_file;
pub mod spare;
pub mod store_folder;
mod strategy;
mod trim;
mod uploads;
mod verify;

pub use body_file::{BodyFile, CommitError};
pub use index::{Entry, INDEX_FILE, Origin};
pub use knobs::Knobs;
pub use local::LocalStore;
pub use remote::{Remote, Traffic};
pub use store_folder::ignore_in_git;
pub use strategy::{Cache, Found, Idea, Lookup, Options, Put, PutRest, Strategy};
pub use trim::{Limits, TrimError, Trimmed, Trimming};
pub use uploads::{Busy, UploadCounts, Uploads};
pub use verify::{Report, verify};
