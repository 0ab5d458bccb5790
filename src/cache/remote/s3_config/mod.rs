//! Where the remote is: the `S3_` variables, and the way there.

pub mod addressing;
pub(crate) mod amazon;
pub(crate) mod bucket_url;
pub mod config;
pub(crate) mod endpoint;
pub mod error;
pub(crate) mod no_proxy;
pub(crate) mod prefix;
pub mod proxy;
pub(crate) mod variables;
