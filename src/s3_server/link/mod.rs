//! The link in front of the store: latency, jitter, bandwidth, and injected faults.

pub(crate) mod classify;
pub(crate) mod faults;
pub(crate) mod shaping;
pub(crate) mod timer;
