//! Counts a session's traffic with the remote.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::platform::thread_cpu;

/// Traffic with the remote so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests sent.
    pub requests: u64,
    /// Requests that failed or gave something unusable; an object that is not there is no failure, nor is a remote that
    /// does not list to us.
    pub errors: u64,
    /// Bytes of object bodies received.
    pub bytes_down: u64,
    /// Bytes of object bodies sent.
    pub bytes_up: u64,
    /// Most downloads at the same time.
    pub most_downloads: u64,
    /// Time of threads in which packs were taken apart and stored.
    pub unpack_ns: u64,
    /// CPU time of that.
    pub unpack_cpu_ns: u64,
}

/// Counts while it goes on.
#[derive(Default)]
pub struct Meter {
    pub requests: AtomicU64,
    pub errors: AtomicU64,
    pub bytes_down: AtomicU64,
    pub bytes_up: AtomicU64,
    /// Objects written.
    pub objects_up: AtomicUsize,
    downloads: AtomicU64,
    most_downloads: AtomicU64,
    unpack_ns: AtomicU64,
    unpack_cpu_ns: AtomicU64,
}

/// A download under way.
pub struct Download<'a>(&'a Meter);

impl Drop for Download<'_> {
    fn drop(&mut self) {
        self.0.downloads.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Meter {
    /// Counts so far.
    pub fn traffic(&self) -> Traffic {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Traffic {
            requests: count(&self.requests),
            errors: count(&self.errors),
            bytes_down: count(&self.bytes_down),
            bytes_up: count(&self.bytes_up),
            most_downloads: count(&self.most_downloads),
            unpack_ns: count(&self.unpack_ns),
            unpack_cpu_ns: count(&self.unpack_cpu_ns),
        }
    }

    /// Does the work of taking a part of a pack apart, and counts its time.
    pub fn unpacking<T>(&self, work: impl FnOnce() -> T) -> T {
        let (began, cpu_before) = (Instant::now(), thread_cpu());
        let result = work();
        let ns = |time: Duration| time.as_nanos() as u64;
        self.unpack_ns.fetch_add(ns(began.elapsed()), Ordering::Relaxed);
        let cpu = thread_cpu().zip(cpu_before).map(|(now, before)| now.saturating_sub(before));
        self.unpack_cpu_ns.fetch_add(cpu.map_or(0, ns), Ordering::Relaxed);
        result
    }

    /// Counts a download until it is dropped.
    pub fn download(&self) -> Download<'_> {
        let now = self.downloads.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_downloads.fetch_max(now, Ordering::Relaxed);
        Download(self)
    }
}
