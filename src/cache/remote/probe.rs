//! The way back: after a while one session tries a remote that is off, beside its build.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::cache::remote::contact::SILENCE;
use crate::cache::remote::error::RemoteError;
use crate::cache::remote::first_contact::{LISTING_PATIENCE, ask_for_an_object};
use crate::cache::remote::memory::{Memory, Turn};
use crate::cache::remote::s3_client::client::S3Client;
use crate::cache::remote::store::Remote;

impl Remote {
    /// True if the remote may be asked, for a get or a put that needs it. One that earlier sessions found to be off is not;
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
            self.recall_uploads();
        });
    }

    /// Uploads that were off are tried by one session now and then. It costs go some seconds if they are in vain.
    fn recall_uploads(&self) {
        let Some(memory) = &self.upload_memory else { return };
        let Some(state) = memory.recall() else { return };
        match memory.turn() {
            Turn::Wait => {
                self.were_uploads_off.store(true, Ordering::Relaxed);
                self.upload_breaker.open(&state.reason);
            }
            Turn::Try | Turn::Works => self.tries_uploads.store(true, Ordering::Relaxed),
        }
    }

    /// Notes that an upload was taken.
    pub(super) fn uploads_work(&self) {
        self.upload_breaker.succeeded();
        if self.tries_uploads.swap(false, Ordering::Relaxed)
            && let Some(memory) = &self.upload_memory
        {
            memory.note_on();
        }
    }

    /// Gives uploads up that have had no answer for so long, for later sessions too: they would wait as long.
    pub fn give_up_uploads(&self, silent: Duration) {
        let reason = self.no_answer("PUT", silent).to_string();
        if self.upload_breaker.open(&reason) {
            self.remember_uploads_off(&reason);
        }
    }

    pub(super) fn remember_uploads_off(&self, reason: &str) {
        let Some(memory) = &self.upload_memory else { return };
        if self.tries_uploads.swap(false, Ordering::Relaxed) {
            memory.note_still_off(reason, true);
        } else {
            memory.note_off(reason, true);
        }
    }

    /// On its own thread and runtime: nothing of the session waits for it.
    fn start_probe(self: &Arc<Self>) {
        let remote = self.clone();
        let probe = std::thread::Builder::new().name("cacheprog-probe".to_owned()).spawn(move || remote.probe());
        *self.probe.lock().unwrap_or_else(PoisonError::into_inner) = probe.ok();
    }

    fn probe(&self) {
        let Some(memory) = &self.memory else { return };
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        let asked = runtime.block_on(self.ask_both());
        // A look-up of a name may go on for long.
        runtime.shutdown_background();
        match asked {
            Err(error) => {
                self.meter.errors.fetch_add(1, Ordering::Relaxed);
                memory.note_still_off(&error.to_string(), error.is_timeout());
            }
            Ok(()) => {
                self.contact.hear();
                memory.note_on();
                self.breaker.close();
            }
        }
    }

    /// Asks for an object and for a listing: a remote that gives only one of them would be found off again at once.
    async fn ask_both(&self) -> Result<(), RemoteError> {
        self.meter.requests.fetch_add(1, Ordering::Relaxed);
        let client = S3Client::connect(&self.config);
        let object = tokio::time::timeout(SILENCE, ask_for_an_object(&client)).await;
        match object.unwrap_or_else(|_| Err(self.no_answer("GET", SILENCE))).map_err(RemoteError::from) {
            // A key that may not list gets no answer but this for what is missing.
            Err(error) if !error.is_denied() => return Err(error),
            _ => {}
        }
        self.meter.requests.fetch_add(1, Ordering::Relaxed);
        let listing = tokio::time::timeout(LISTING_PATIENCE, client.list_one()).await;
        match listing.unwrap_or_else(|_| Err(self.no_answer("LIST", LISTING_PATIENCE))).map_err(RemoteError::from) {
            // A key that may only get and put gets no listing.
            Err(error) if !error.denies_listing() => Err(error),
            _ => Ok(()),
        }
    }

    /// Waits until a probe that this session has begun is over, a few seconds at most. For the time after go was let go.
    pub fn end_probe(&self) {
        let probe = self.probe.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A panic there is a probe that gave nothing.
        probe.map(|thread| thread.join());
    }
}
