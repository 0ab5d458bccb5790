//! What the session knows of itself at a moment, for the counter tracks.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::backend::session::serve::Session;
use crate::cache::{Remote, Uploads};
use crate::platform;
use crate::telemetry::Gauges;

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
    fn take_most(&self) -> u64 {
        self.most.swap(self.now.load(Ordering::Relaxed), Ordering::Relaxed)
    }
}

impl Session {
    /// What can be told now. Without a remote there is nothing to tell of it.
    pub fn gauges(&self) -> Gauges {
        let (remote, uploads) = (self.cache.remote(), self.cache.uploads());
        let traffic = remote.map(Remote::traffic);
        let of_requests = LazyLock::get(&self.runtime).map_or(0, |runtime| runtime.metrics().num_alive_tasks() as u64);
        Gauges {
            requests_in_flight: Some(self.in_flight.take_most()),
            uploads_queued: uploads.map(Uploads::pending),
            upload_queue_bytes: uploads.map(Uploads::queued_bytes),
            connections: remote.map(Remote::connections_open),
            bytes_down: traffic.map(|traffic| traffic.bytes_down),
            bytes_up: traffic.map(|traffic| traffic.bytes_up),
            tasks: Some(of_requests + uploads.map_or(0, Uploads::tasks)),
            heap_bytes: platform::heap::heap_in_use_bytes(),
        }
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
