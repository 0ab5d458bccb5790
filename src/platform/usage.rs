//! CPU time and memory of this process.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::time::Duration;

/// CPU time and memory of this process so far. What a system does not tell is `None`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU time in user mode, nanoseconds.
    pub cpu_user_ns: Option<u64>,
    /// CPU time in the kernel, nanoseconds.
    pub cpu_system_ns: Option<u64>,
    /// Largest resident set, bytes.
    pub peak_rss_bytes: Option<u64>,
}

impl Usage {
    /// User and system time together, nanoseconds.
    pub fn cpu_ns(&self) -> Option<u64> {
        Some(self.cpu_user_ns? + self.cpu_system_ns?)
    }
}

/// Asks the system about this process.
pub fn usage() -> Usage {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Usage::default() };
    Usage {
        cpu_user_ns: Some(usage.user_time().num_nanoseconds() as u64),
        cpu_system_ns: Some(usage.system_time().num_nanoseconds() as u64),
        peak_rss_bytes: peak_rss_bytes(usage.max_rss()),
    }
}

/// CPU time of the calling thread; `None` where the system does not tell.
pub fn thread_cpu() -> Option<Duration> {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).ok().map(Duration::from)
}

/// `ru_maxrss` counts what the parent had when it started us, so Linux is asked for the peak of our own memory.
#[cfg(target_os = "linux")]
fn peak_rss_bytes(_max_rss: i64) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// macOS gives bytes.
#[cfg(not(target_os = "linux"))]
fn peak_rss_bytes(max_rss: i64) -> Option<u64> {
    u64::try_from(max_rss).ok()
}
