//! The remote store: configuration, S3 client, circuit breaker and memory of a remote that is down. Knows no
//! strategy.

pub(crate) mod breaker;
pub(crate) mod closing;
pub(crate) mod contact;
pub(crate) mod error;
pub(crate) mod first_contact;
pub(crate) mod memory;
pub(crate) mod metadata;
pub(crate) mod meter;
pub(crate) mod objects;
pub(crate) mod probe;
pub(crate) mod purpose;
pub(crate) mod retry;
pub mod s3_client;
pub mod s3_config;
pub(crate) mod store;
