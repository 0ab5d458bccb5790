//! The S3 operations that the cache needs, over `aws-sdk-s3`.

pub mod attempt;
pub mod body;
pub mod client;
pub mod connector;
pub mod delete;
pub mod error;
pub mod list;
pub mod probe;
pub mod region;
pub mod request;
pub mod settings;
pub mod trust;
pub mod unreachable;
pub mod upload;
