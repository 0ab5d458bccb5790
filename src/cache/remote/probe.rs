//! The way back: after a while one session tries a remote that is off, beside its build.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::contact::SILENCE;
use super::memory::{Memory, Turn};
use super::{Remote, RemoteError};
use crate::cache::s3_client::S3Client;

impl Remote {
    /// Whether the remote may be asked, for a get or a put that needs it. One that earlier sessions found to be off is not;
    /// when it is time to try it again, one session does so beside its build.
    pub fn is_on(self: &Arc<Self>) -> bool {
        self.recall();
        if self.off_reason().is_none() {
            return true;
        }
        match self.memory.as_ref().map_or(Turn::Wait, Memory::turn) {
            Turn::Wait => {}
            Turn::Works => self.breaker.close(),
            Turn::Try => self.start_probe(),
        }
        self.off_reason().is_none()
    }

    /// Looks once a session at what earlier ones have left.
    fn recall(&self) {
        self.recalled.get_or_init(|| {
            if let Some(state) = self.memory.as_ref().and_then(Memory::recall) {
                self.was_off_before.store(true, Ordering::Relaxed);
                self.breaker.open(&state.reason);
                let _ = self.first_reason.set(state.reason.into());
            }
        });
    }

    /// On a thread and a runtime of its own: nothing of the session waits for it.
    fn start_probe(self: &Arc<Self>) {
        let remote = self.clone();
        let probe = std::thread::Builder::new().name("cacheprog-probe".to_owned()).spawn(move || remote.probe());
        *self.probe.lock().unwrap_or_else(PoisonError::into_inner) = probe.ok();
    }

    fn probe(&self) {
        let Some(memory) = &self.memory else { return };
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        self.meter.requests.fetch_add(1, Ordering::Relaxed);
        let client = S3Client::connect(&self.config);
        let asked = runtime.block_on(async { tokio::time::timeout(SILENCE, client.list_one()).await });
        // A look-up of a name may go on for long.
        runtime.shutdown_background();
        let asked: Result<(), RemoteError> =
            asked.unwrap_or_else(|_| Err(self.no_answer("LIST", SILENCE))).map_err(Into::into);
        match asked {
            // A key that may only get and put gets no listing.
            Err(error) if !error.denies_listing() => {
                self.meter.errors.fetch_add(1, Ordering::Relaxed);
                memory.note_still_off(&error.to_string(), error.is_timeout());
            }
            _ => {
                self.contact.hear();
                memory.note_on();
                self.breaker.close();
            }
        }
    }

    /// Waits until a probe that this session has begun is over, a few seconds at most. For the time after go was let go.
    pub fn end_probe(&self) {
        let probe = self.probe.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A panic there is a probe that gave nothing.
        probe.map(|thread| thread.join());
    }
}
