//! The one clock of a session: nanoseconds since its start, and where that lies on the wall clock.

use std::time::Instant;

use crate::platform::clock::now_unix_ns;

/// Turns instants into nanoseconds since the session's start.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    start_unix_ns: u64,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        Self { origin: Instant::now(), start_unix_ns: now_unix_ns() }
    }

    /// Nanoseconds since the start; 0 for what was before.
    pub fn ns(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.origin).as_nanos() as u64
    }

    /// Nanoseconds since the start, now.
    pub fn now_ns(&self) -> u64 {
        self.ns(Instant::now())
    }

    /// The start, Unix nanoseconds.
    pub fn start_unix_ns(&self) -> u64 {
        self.start_unix_ns
    }
}
