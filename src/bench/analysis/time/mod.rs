//! Where the time of a build went.

pub mod critical_path;
pub mod get_latency;
pub mod in_flight;
pub mod savings;
