//! Faults that `bench` and the tests inject into a session, to see whether the records and the verdict name them. Knows no
//! cache and no session: those ask it at the places where a fault can be.

mod delay;
mod settings;

use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use delay::{Delay, DelaySummary};
pub use settings::FaultSettings;

use delay::InjectedDelay;

/// The faults of one session. By default there is none.
#[derive(Default)]
pub struct SessionFaults {
    settings: FaultSettings,
    delay: Option<InjectedDelay>,
    lock: Option<Arc<tokio::sync::Mutex<()>>>,
    leaked: Mutex<Vec<Vec<u8>>>,
}

impl SessionFaults {
    /// Faults as the command line names them.
    pub fn new(settings: FaultSettings, delay: Option<Delay>) -> Self {
        let lock = settings.lock.then(Arc::default);
        Self { settings, delay: delay.map(InjectedDelay::new), lock, leaked: Mutex::default() }
    }

    /// Delays a request that comes to the stage of this name, where that is injected.
    pub fn at(&self, stage: &str) {
        if let Some(delay) = &self.delay {
            delay.at(stage);
        }
    }

    /// How often and how long requests were delayed; `None` when no delay is injected.
    pub fn delay_summary(&self) -> Option<DelaySummary> {
        self.delay.as_ref().map(InjectedDelay::summary)
    }

    /// True if stdin is not read while a request waits.
    pub fn blocks_reader(&self) -> bool {
        self.settings.blocked_reader
    }

    /// Does `work`, under the one lock of all requests if there is one.
    pub fn under_lock<T, W>(&self, work: W) -> impl Future<Output = T> + use<T, W>
    where
        W: Future<Output = T>,
    {
        let lock = self.lock.clone();
        async move {
            match lock {
                Some(lock) => {
                    let _guard = lock.lock().await;
                    work.await
                }
                None => work.await,
            }
        }
    }

    /// Keeps memory after a request, and writes to it: the system gives none before.
    pub fn leak(&self) {
        if let Some(kib) = self.settings.leak_kib {
            self.leaked.lock().expect("nobody panics with it").push(vec![1; kib << 10]);
        }
    }
}

/// Puts the handshake off, if `settings` say so.
pub fn delay_handshake(settings: FaultSettings) {
    if let Some(ms) = settings.handshake_ms {
        std::thread::sleep(Duration::from_millis(ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn under_the_lock_one_waits_for_the_other() {
        let faults = SessionFaults::new(FaultSettings { lock: true, ..FaultSettings::default() }, None);
        let running = Arc::new(Mutex::new((0, 0)));
        let work = || {
            let running = running.clone();
            faults.under_lock(async move {
                running.lock().unwrap().0 += 1;
                tokio::task::yield_now().await;
                let mut now = running.lock().unwrap();
                now.1 = now.1.max(now.0);
                now.0 -= 1;
            })
        };
        tokio::join!(work(), work(), work());
        assert_eq!(*running.lock().unwrap(), (0, 1));
    }
}
