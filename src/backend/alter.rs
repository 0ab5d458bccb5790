//! A session that is worse than it should be, as `bench` plants it: a lock, a reader that stands still, memory that stays.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::cache::Knobs;

/// What the knobs make of a session. Without one it does nothing.
#[derive(Default)]
pub struct Altered {
    knobs: Knobs,
    lock: Option<Arc<tokio::sync::Mutex<()>>>,
    left: Mutex<Vec<Vec<u8>>>,
}

impl Altered {
    /// As the knobs say.
    pub fn new(knobs: Knobs) -> Self {
        Self { knobs, lock: knobs.lock.then(Arc::default), left: Mutex::default() }
    }

    /// Puts the handshake off.
    pub fn before_handshake(knobs: Knobs) {
        if let Some(ms) = knobs.handshake_ms {
            std::thread::sleep(Duration::from_millis(ms));
        }
    }

    /// Whether stdin is not read while a request waits.
    pub fn blocks_reader(&self) -> bool {
        self.knobs.blocked_reader
    }

    /// The same work, under the lock where there is one.
    pub fn alone<T, W>(&self, work: W) -> impl Future<Output = T> + use<T, W>
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
    pub fn leave_memory(&self) {
        if let Some(kib) = self.knobs.leak_kib {
            self.left.lock().expect("nobody panics with it").push(vec![1; kib << 10]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn under_the_lock_one_waits_for_the_other() {
        let altered = Altered::new(Knobs { lock: true, ..Knobs::default() });
        let running = Arc::new(Mutex::new((0, 0)));
        let work = || {
            let running = running.clone();
            altered.alone(async move {
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
