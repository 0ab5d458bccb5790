//! The time of single builds: critical path, latencies, requests in flight, savings.

pub mod critical_path;
pub mod get_latency;
pub mod in_flight;
pub mod savings;
