//! The tasks that upload: their threads, how many work at a time, and how many have not ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use tokio::runtime::Runtime;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::platform;

/// Uploads at the same time.
const IN_FLIGHT: usize = 16;
/// Files for an upload: its connection and its body, and three times as many for the rest of [`platform::files_for_remote`].
const FILES_EACH: u64 = 8;
/// Threads that upload. One sends some thousand objects a second; two would mostly wake each other.
const THREADS: usize = 1;

/// The tasks of one session.
pub(super) struct UploadTasks {
    /// Started by the first upload. They step back: theirs is the time in which no other thread has work.
    threads: LazyLock<Runtime>,
    in_flight: Semaphore,
    pending: AtomicU64,
    finished: Notify,
}

/// An upload under way. However it ends, even by a panic, whoever drains the queue learns of it.
pub(crate) struct Pending(Arc<UploadTasks>);

impl UploadTasks {
    /// No task, and no thread yet.
    pub(super) fn new() -> Self {
        Self {
            threads: LazyLock::new(start_threads),
            in_flight: Semaphore::new(in_flight(platform::open_files_limit().unwrap_or(u64::MAX))),
            pending: AtomicU64::new(0),
            finished: Notify::new(),
        }
    }

    /// Starts a task.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.threads.spawn(task)
    }

    /// Starts work that blocks its thread.
    pub(super) fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
        self.threads.spawn_blocking(work)
    }

    /// Waits until this upload may use connection and disk.
    pub(super) async fn turn(&self) -> SemaphorePermit<'_> {
        self.in_flight.acquire().await.expect("the queue is never closed")
    }

    /// Counts an upload as pending until the result is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Pending {
        self.pending.fetch_add(1, Ordering::Relaxed);
        Pending(self.clone())
    }

    /// Uploads that are queued or on their way.
    pub(super) fn pending(&self) -> u64 {
        self.pending.load(Ordering::Acquire)
    }

    /// Waits until none is pending, or until `deadline`.
    pub(super) async fn wait_for_pending(&self, deadline: Instant) {
        loop {
            let finished = self.finished.notified();
            tokio::pin!(finished);
            finished.as_mut().enable();
            if self.pending() == 0 || tokio::time::timeout_at(deadline, finished).await.is_err() {
                return;
            }
        }
    }

    /// Asynchronous tasks that have not ended.
    pub(super) fn alive(&self) -> u64 {
        LazyLock::get(&self.threads).map_or(0, |threads| threads.metrics().num_alive_tasks() as u64)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Release);
        self.0.finished.notify_waiters();
    }
}

fn start_threads() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("cacheprog-upload")
        .on_thread_start(platform::step_back)
        .enable_all()
        .build()
        .expect("the system gives a process a thread and an epoll")
}

/// Uploads at the same time in a process that may have `limit` files open.
fn in_flight(limit: u64) -> usize {
    (platform::files_for_remote(limit) / FILES_EACH).clamp(1, IN_FLIGHT as u64) as usize
}

#[cfg(test)]
mod tests {
    #[test]
    fn few_files_are_few_uploads_and_never_none() {
        assert_eq!([0, 24, 64, 128, 256, u64::MAX].map(super::in_flight), [1, 1, 5, 13, 16, 16]);
    }
}
