//! The number of requests that are worked on.

use std::sync::atomic::{AtomicU64, Ordering};

/// Requests that have arrived and are not answered.
#[derive(Default)]
pub struct InFlight {
    now: AtomicU64,
    most: AtomicU64,
}

impl InFlight {
    /// One arrived.
    pub fn begin(&self) {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
    }

    /// One was answered.
    pub fn end(&self) {
        self.now.fetch_sub(1, Ordering::Relaxed);
    }

    /// The most since the last call.
    pub fn take_most(&self) -> u64 {
        self.most.swap(self.now.load(Ordering::Relaxed), Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_in_flight_starts_again_from_what_is_there() {
        let in_flight = InFlight::default();
        in_flight.begin();
        in_flight.begin();
        in_flight.end();
        assert_eq!((in_flight.take_most(), in_flight.take_most()), (2, 1));
        in_flight.end();
        in_flight.take_most();
        assert_eq!(in_flight.take_most(), 0);
    }
}
