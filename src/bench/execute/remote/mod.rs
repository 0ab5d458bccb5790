//! The remote store of a run: the embedded S3 server, or a prefix in the user's bucket.

pub mod remote_env;
pub mod remote_store;
pub mod seed;
pub mod server;
pub mod variables;
