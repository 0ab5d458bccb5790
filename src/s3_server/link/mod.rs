//! The link in front of the store: latency, jitter, bandwidth, and injected faults.

pub mod classify;
pub mod faults;
pub mod shaping;
pub mod timer;
