//! What a get and a put mean: local store, remote store, upload queue, strategies.

pub mod s3_clean;
pub mod s3_client;
pub mod s3_config;
