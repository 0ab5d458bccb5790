//! The circuit breaker: after a few failures in a row the remote is off for the rest of the session.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Points at which the circuit opens.
const LIMIT: u32 = 10;
/// A failure that came at once.
const FAILURE: u32 = 2;
/// A failure that go had to wait for: two of them are enough.
const TIMEOUT: u32 = 5;

/// Counts failures in a row.
#[derive(Default)]
pub struct Breaker {
    points: AtomicU32,
    reason: OnceLock<String>,
}

impl Breaker {
    /// Notes an operation that worked.
    pub fn succeeded(&self) {
        self.points.store(0, Ordering::Relaxed);
    }

    /// Notes one that did not; returns whether this one opened the circuit.
    pub fn failed(&self, timed_out: bool, reason: &str) -> bool {
        let more = if timed_out { TIMEOUT } else { FAILURE };
        let points = self.points.fetch_add(more, Ordering::Relaxed) + more;
        points >= LIMIT && self.reason.set(reason.to_owned()).is_ok()
    }

    /// Why the circuit is open; `None` while it is closed.
    pub fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_in_a_row_open_it_once_and_for_good() {
        let breaker = Breaker::default();
        for _ in 0..4 {
            assert!(!breaker.failed(false, "refused"));
        }
        breaker.succeeded();
        assert_eq!((0..6).filter(|_| breaker.failed(false, "refused")).count(), 1);
        breaker.succeeded();
        assert_eq!(breaker.reason(), Some("refused"));
    }

    #[test]
    fn two_timeouts_are_enough() {
        let breaker = Breaker::default();
        assert!(!breaker.failed(true, "slow"));
        assert!(breaker.failed(true, "slow"));
    }
}
