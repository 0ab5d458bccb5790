//! The remote store: configuration, S3 client, circuit breaker and memory of a remote that is down. Knows no
//! strategy.

pub mod breaker;
pub mod closing;
pub mod contact;
pub mod error;
pub mod first_contact;
pub mod memory;
pub mod metadata;
pub mod meter;
pub mod objects;
pub mod probe;
pub mod purpose;
pub mod retry;
pub mod s3_client;
pub mod s3_config;
pub mod store;
