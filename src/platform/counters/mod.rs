//! Counters of processes and of the system: CPU time, memory, disk, network, waiting.

#[cfg(target_os = "linux")]
pub(crate) mod linux;
mod model;
#[cfg(any(test, not(target_os = "linux")))]
pub(crate) mod portable;

#[cfg(target_os = "linux")]
pub use crate::platform::counters::linux::{Counters, own_run_queue_wait_ns};
pub use crate::platform::counters::model::{HostCounters, ProcessCounters};
#[cfg(not(target_os = "linux"))]
pub use crate::platform::counters::portable::{Counters, own_run_queue_wait_ns};
