//! The S3 operations that the cache needs, over `aws-sdk-s3`.

pub(crate) mod attempt;
pub(crate) mod body;
pub mod client;
pub(crate) mod connector;
pub mod delete;
pub mod error;
pub(crate) mod list;
pub(crate) mod probe;
pub(crate) mod region;
pub(crate) mod request;
pub(crate) mod settings;
pub(crate) mod trust;
pub(crate) mod unreachable;
pub(crate) mod upload;
