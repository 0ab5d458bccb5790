//! Where the remote is: the `S3_` variables, and the way there.

pub mod addressing;
pub mod amazon;
pub mod bucket_url;
pub mod config;
pub mod endpoint;
pub mod error;
pub mod no_proxy;
pub mod prefix;
pub mod proxy;
pub mod variables;
