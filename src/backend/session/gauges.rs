//! The state of a session at a moment, for the counter tracks.

use std::sync::LazyLock;

use crate::backend::session::serve::Session;
use crate::cache::{Remote, Uploads};
use crate::platform;
use crate::telemetry::Gauges;

impl Session {
    /// The gauges now. Those of the remote are `None` without one.
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
