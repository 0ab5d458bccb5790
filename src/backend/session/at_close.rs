//! The work of the backend while go waits for the answer to its `close`.

use crate::backend::session::serve::Session;
use crate::cache::{Busy, Uploads};
use crate::platform::{Usage, own_run_queue_wait_ns, usage};
use crate::telemetry::since;

/// Counters, or how far they went.
#[derive(Clone, Copy)]
pub struct AtClose {
    /// CPU time of the process.
    pub cpu_ns: Option<u64>,
    /// Time that uploads spent sending and compressing.
    pub uploads: Busy,
    /// Time of threads that were ready and had no core. `None` where there is nothing to upload: then nothing is asked.
    pub run_queue_wait_ns: Option<u64>,
}

impl AtClose {
    /// The counters now.
    pub fn now(session: &Session) -> AtClose {
        let has_work = session.cache.has_uploads_left();
        AtClose {
            cpu_ns: usage().cpu_ns(),
            uploads: busy(session),
            run_queue_wait_ns: has_work.then(own_run_queue_wait_ns).flatten(),
        }
    }

    /// How far they went until `usage`.
    pub fn since(self, session: &Session, usage: Usage) -> AtClose {
        AtClose {
            cpu_ns: since(self.cpu_ns, usage.cpu_ns()),
            uploads: busy(session).since(self.uploads),
            run_queue_wait_ns: since(
                self.run_queue_wait_ns,
                self.run_queue_wait_ns.and_then(|_| own_run_queue_wait_ns()),
            ),
        }
    }
}

fn busy(session: &Session) -> Busy {
    session.cache.uploads().map(Uploads::busy).unwrap_or_default()
}
