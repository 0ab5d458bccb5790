//! Wakes tasks at a point in time, to within a few tens of microseconds.
//!
//! tokio's own sleep counts in whole milliseconds and rounds up: 20 ms become 22, which is 10 % of
//! the very thing that is measured here. So one thread of our own sleeps on a condition variable.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use std::{io, thread};

use tokio::sync::oneshot;

struct Alarm {
    at: Instant,
    wake: oneshot::Sender<()>,
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Alarm {}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

#[derive(Default)]
struct Queue {
    alarms: BinaryHeap<Reverse<Alarm>>,
    closed: bool,
}

#[derive(Default)]
pub(crate) struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Its thread ends when it is dropped.
pub(super) struct Timer {
    shared: Arc<Shared>,
}

impl Timer {
    pub(super) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let run = Arc::clone(&shared);
        thread::Builder::new().name("link-timer".to_owned()).spawn(move || ring(&run))?;
        Ok(Timer { shared })
    }

    /// Resolves (to whatever: only that it does matters) once `at` has passed, never before.
    pub(super) fn at(&self, at: Instant) -> oneshot::Receiver<()> {
        let (wake, woken) = oneshot::channel();
        let mut queue = self.shared.queue();
        let first = queue.alarms.peek().is_none_or(|next| at < next.0.at);
        queue.alarms.push(Reverse(Alarm { at, wake }));
        drop(queue);
        if first {
            self.shared.changed.notify_one();
        }
        woken
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.changed.notify_one();
    }
}

fn ring(shared: &Shared) {
    let mut queue = shared.queue();
    while !queue.closed {
        let now = Instant::now();
        let Some(next) = queue.alarms.peek().map(|next| next.0.at) else {
            let changed = shared.changed.wait(queue);
            queue = changed.unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        if next > now {
            let changed = shared.changed.wait_timeout(queue, next - now);
            queue = changed.unwrap_or_else(PoisonError::into_inner).0;
        } else if let Some(Reverse(alarm)) = queue.alarms.pop() {
            // An error means that no task waits any more: the connection has gone.
            let _ = alarm.wake.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn wakes_in_order_and_never_early() {
        let timer = Timer::start().unwrap();
        let start = Instant::now();
        let late = timer.at(start + Duration::from_millis(30));
        let early = timer.at(start + Duration::from_millis(5));
        let past = timer.at(start);
        past.await.unwrap();
        early.await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(5));
        late.await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(30));
    }
}
