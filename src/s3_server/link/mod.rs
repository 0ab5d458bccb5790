//! The link in front of the store: latency, jitter, bandwidth, and injected faults.

pub(crate) mod faults;
pub(crate) mod shaping;
pub(crate) mod throttled_body;
pub(crate) mod timer;
