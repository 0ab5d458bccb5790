//! The circuit breaker: after a few failures, with few successes between them, the remote is off until a probe finds that it
//! works again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tokio::sync::watch;

/// Points at which the circuit opens.
const LIMIT: u32 = 10;
/// A failure that came at once.
const FAILURE: u32 = 2;
/// A failure that go had to wait for: two of them are enough.
const TIMEOUT: u32 = 5;

/// Counts failures; successes take away from the count.
pub struct Breaker {
    points: AtomicU32,
    /// Why the circuit is open; `None` while it is closed.
    reason: watch::Sender<Option<Arc<str>>>,
    /// How often it was closed again.
    closings: AtomicU64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { points: AtomicU32::new(0), reason: watch::Sender::new(None), closings: AtomicU64::new(0) }
    }
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
        self.reason.send_if_modified(|now| {
            let is_closed = now.is_none();
            if is_closed {
                *now = Some(reason.into());
            }
            is_closed
        })
    }

    /// Closes the circuit: what failed before does not count any more.
    pub fn close(&self) {
        self.points.store(0, Ordering::Relaxed);
        if self.reason.send_replace(None).is_some() {
            self.closings.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often the circuit was closed again.
    pub fn closings(&self) -> u64 {
        self.closings.load(Ordering::Relaxed)
    }

    /// Waits until the circuit opens; the reason.
    pub async fn opened(&self) -> Arc<str> {
        let mut reason = self.reason.subscribe();
        let opened = reason.wait_for(Option::is_some).await.map(|reason| reason.clone());
        opened.ok().flatten().expect("the sender lives as long as the breaker, and there is a reason")
    }

    /// Why the circuit is open; `None` while it is closed.
    pub fn reason(&self) -> Option<Arc<str>> {
        self.reason.borrow().clone()
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
        assert_eq!(&*reason, "no answer");
    }

    #[test]
    fn five_failures_without_a_success_open_it_once() {
        let breaker = Breaker::default();
        for _ in 0..4 {
            assert!(!breaker.failed(false, "refused"));
        }
        assert_eq!((0..3).filter(|_| breaker.failed(false, "refused")).count(), 1);
        breaker.succeeded();
        assert_eq!(breaker.reason().as_deref(), Some("refused"));
    }

    #[test]
    fn a_closed_circuit_has_forgotten_what_failed_before() {
        let breaker = Breaker::default();
        assert!(breaker.open("no answer"));
        breaker.close();
        assert_eq!(breaker.reason(), None);
        assert!(!breaker.failed(true, "slow"));
        assert!(breaker.failed(true, "slow"));
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
