//! What a get and a put mean: local store, remote store, upload queue, strategies. Knows no stdin and no profiler.

mod clock;
mod knobs;
pub mod local;
mod pack;
mod plain;
pub mod remote;
pub mod seed;
mod strategy;
mod uploads;

pub use knobs::Knobs;
pub use local::body_file::{BodyFile, CommitError};
pub use local::index::log::INDEX_FILE;
pub use local::index::memory::{Entry, Origin};
pub use local::store::LocalStore;
pub use local::store_folder::ignore_in_git;
pub use local::trim::plan::Limits;
pub use local::trim::trimming::{TrimError, Trimmed, Trimming};
pub use local::verify::{Report, verify};
pub use remote::meter::Traffic;
pub use remote::store::Remote;
pub use strategy::{Cache, Found, Lookup, Options, PackOption, Put, PutRest, Strategy};
pub use uploads::queue::{UploadCounts, Uploads};
pub use uploads::upload_time::Busy;
