//! The circuit breaker: after a few failures, with few successes between them, the remote is off for the rest of the session.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::SetOnce;

/// Points at which the circuit opens.
const LIMIT: u32 = 10;
/// A failure that came at once.
const FAILURE: u32 = 2;
/// A failure that go had to wait for: two of them are enough.
const TIMEOUT: u32 = 5;

/// Counts failures; successes take away from the count.
#[derive(Default)]
pub struct Breaker {
    points: AtomicU32,
    reason: SetOnce<String>,
}

impl Breaker {
    /// Notes an operation that worked: it takes one point off. More would hide a remote that answers one kind of request
    /// and lets go wait for the other.
    pub fn succeeded(&self) {
        let _ = self.points.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |points| points.checked_sub(1));
    }

    /// Notes one that did not; returns whether this one opened the circuit.
    pub fn failed(&self, timed_out: bool, reason: &str) -> bool {
        let more = if timed_out { TIMEOUT } else { FAILURE };
        let points = self.points.fetch_add(more, Ordering::Relaxed) + more;
        points >= LIMIT && self.open(reason)
    }

    /// Opens the circuit; returns whether it was closed.
    pub fn open(&self, reason: &str) -> bool {
        self.reason.set(reason.to_owned()).is_ok()
    }

    /// Waits until the circuit opens, and says why it did.
    pub async fn opened(&self) -> &str {
        self.reason.wait().await
    }

    /// Why the circuit is open; `None` while it is closed.
    pub fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_for_it_to_open_is_told_why() {
        let breaker = Breaker::default();
        let (reason, ()) = tokio::join!(breaker.opened(), async {
            breaker.failed(true, "no answer");
            breaker.failed(true, "no answer");
        });
        assert_eq!(reason, "no answer");
    }

    #[test]
    fn five_failures_without_a_success_open_it_once_and_for_good() {
        let breaker = Breaker::default();
        for _ in 0..4 {
            assert!(!breaker.failed(false, "refused"));
        }
        assert_eq!((0..3).filter(|_| breaker.failed(false, "refused")).count(), 1);
        breaker.succeeded();
        assert_eq!(breaker.reason(), Some("refused"));
    }

    #[test]
    fn rare_failures_do_not_open_it_and_a_half_dead_remote_does() {
        let breaker = Breaker::default();
        for _ in 0..50 {
            assert!(!breaker.failed(false, "reset"));
            breaker.succeeded();
            breaker.succeeded();
        }
        let opened = (0..4).any(|_| {
            breaker.succeeded();
            breaker.failed(true, "no body")
        });
        assert!(opened);
    }

    #[test]
    fn two_timeouts_are_enough() {
        let breaker = Breaker::default();
        assert!(!breaker.failed(true, "slow"));
        assert!(breaker.failed(true, "slow"));
    }
}
