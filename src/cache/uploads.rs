//! Uploads: at once for a put that waits, or queued beside the answers, bounded in bytes, drained at the end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tracing::{Instrument, info_span};

use super::index::Entry;
use super::local::LocalStore;
use super::remote::{Remote, RemoteError};
use crate::protocol::{ActionId, OutputId};

/// Bytes of bodies that may wait to be uploaded, in KiB. The bodies are on disk; this bounds how far uploads lag.
const QUEUE_KIB: u32 = 512 << 10;
/// Uploads at the same time.
const IN_FLIGHT: usize = 16;
/// Waits before the second and the third attempt.
const RETRY_AFTER: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// Uploads of one session.
pub struct Uploads {
    remote: Arc<Remote>,
    local: Arc<LocalStore>,
    room: Arc<Semaphore>,
    in_flight: Semaphore,
    /// One cell an output: each body goes up once, and no metadata before its body.
    bodies: Mutex<HashMap<OutputId, Arc<OnceCell<()>>>>,
    pending: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    finished: Notify,
}

impl Uploads {
    /// An empty queue.
    pub fn new(remote: Arc<Remote>, local: Arc<LocalStore>) -> Self {
        Self {
            remote,
            local,
            room: Arc::new(Semaphore::new(QUEUE_KIB as usize)),
            in_flight: Semaphore::new(IN_FLIGHT),
            bodies: Mutex::default(),
            pending: AtomicU64::new(0),
            done: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            finished: Notify::new(),
        }
    }

    /// Queues an upload; `false` when there is no room, and [`Uploads::push_when_room`] has to wait for it.
    pub fn try_push(self: &Arc<Self>, runtime: &Handle, action: ActionId, entry: Entry) -> bool {
        match self.room.clone().try_acquire_many_owned(cost_kib(&entry)) {
            Ok(room) => {
                self.start(runtime, action, entry, room);
                true
            }
            Err(_) => false,
        }
    }

    /// Queues an upload as soon as there is room.
    pub async fn push_when_room(self: &Arc<Self>, action: ActionId, entry: Entry) {
        let room = self.room.clone().acquire_many_owned(cost_kib(&entry)).await;
        self.start(&Handle::current(), action, entry, room.expect("the queue is never closed"));
    }

    fn start(self: &Arc<Self>, runtime: &Handle, action: ActionId, entry: Entry, room: OwnedSemaphorePermit) {
        self.pending.fetch_add(1, Ordering::Relaxed);
        let uploads = self.clone();
        let span = info_span!(parent: None, "upload", action = %action, bytes = entry.size_bytes);
        let work = async move {
            let result = uploads.upload(&action, &entry).await;
            uploads.count(result.is_ok());
            drop(room);
            uploads.pending.fetch_sub(1, Ordering::Release);
            uploads.finished.notify_waiters();
        };
        runtime.spawn(work.instrument(span));
    }

    async fn upload(&self, action: &ActionId, entry: &Entry) -> Result<(), RemoteError> {
        let _turn = self.in_flight.acquire().await.expect("the queue is never closed");
        let cell = self.bodies.lock().expect("no uploader panics").entry(entry.output).or_default().clone();
        let put_body = || self.remote.put_body(&entry.output, entry.size_bytes, &self.local);
        cell.get_or_try_init(|| with_retries(put_body)).await?;
        with_retries(|| self.remote.put_metadata(action, entry)).await
    }

    /// Uploads body, then metadata, once each and without a second attempt: what a put of the workshop waits for.
    pub async fn upload_now(&self, action: &ActionId, entry: &Entry) {
        let work = async {
            self.remote.put_body(&entry.output, entry.size_bytes, &self.local).await?;
            self.remote.put_metadata(action, entry).await
        };
        self.count(work.await.is_ok());
    }

    fn count(&self, is_out: bool) {
        let counter = if is_out { &self.done } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until nothing is pending, or until `deadline`.
    pub async fn drain(&self, deadline: Instant) {
        loop {
            let finished = self.finished.notified();
            tokio::pin!(finished);
            finished.as_mut().enable();
            if self.pending() == 0 {
                return;
            }
            if tokio::time::timeout_at(deadline, finished).await.is_err() {
                return;
            }
        }
    }

    /// Entries that are queued or on their way.
    pub fn pending(&self) -> u64 {
        self.pending.load(Ordering::Acquire)
    }

    /// Entries whose body and metadata are both out.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Entries that are not out: still pending, or given up.
    pub fn left(&self) -> u64 {
        self.pending() + self.failed.load(Ordering::Relaxed)
    }
}

/// Room that an upload takes: at least one, so that the number of tasks is bounded too.
fn cost_kib(entry: &Entry) -> u32 {
    u32::try_from(entry.size_bytes.div_ceil(1024)).unwrap_or(QUEUE_KIB).clamp(1, QUEUE_KIB)
}

async fn with_retries<F>(mut attempt: impl FnMut() -> F) -> Result<(), RemoteError>
where
    F: Future<Output = Result<(), RemoteError>>,
{
    for wait in RETRY_AFTER {
        match attempt().await {
            Err(error) if error.is_passing() => tokio::time::sleep(wait).await,
            other => return other,
        }
    }
    attempt().await
}
