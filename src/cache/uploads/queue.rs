//! Uploads: at once for a put that waits, or queued beside the answers, bounded in bytes, drained at the end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::{Notify, OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{Instrument, info_span};

use crate::cache::local::index::memory::{Entry, Origin};
use crate::cache::local::store::LocalStore;
use crate::cache::local::verify::digest_of;
use crate::cache::pack::LARGEST_PACKED;
use crate::cache::pack::format::large::HEAD_BYTES;
use crate::cache::remote::error::RemoteError;
use crate::cache::remote::purpose::Attempt;
use crate::cache::remote::retry::retry;
use crate::cache::remote::s3_client::client::MOST_PUT_BYTES;
use crate::cache::remote::store::Remote;
use crate::cache::uploads::packing::Packing;
use crate::cache::uploads::unsent::{Unsent, Way};
use crate::cache::uploads::upload_time::Busy;
use crate::cache::uploads::upload_time::Stages;
use crate::note::note;
use crate::platform;
use crate::protocol::{ActionId, OutputId};

/// Bytes of bodies that may wait to be uploaded, in KiB. The bodies are on disk; this bounds how far uploads lag.
const QUEUE_KIB: u32 = 512 << 10;
/// Uploads at the same time.
const IN_FLIGHT: usize = 16;
/// Files for an upload: its connection and its body, and three times as many for the rest of [`platform::files_for_remote`].
const FILES_EACH: u64 = 8;
/// The longest that a put of the `workshop` strategy waits for each of its two uploads.
const PUT_PATIENCE: Duration = Duration::from_secs(30);
/// The longest that one upload beside the answers may take.
pub(crate) const UPLOAD_PATIENCE: Duration = Duration::from_secs(600);
/// The longest that puts wait for room while the queue does not move.
const ROOM_PATIENCE: Duration = Duration::from_secs(2);
/// Waits before the second and the third attempt.
const RETRY_AFTER: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];
/// No larger output is sent: with what is in front of it, it is the largest object that one PUT may write.
const LARGEST_SENT: u64 = MOST_PUT_BYTES - HEAD_BYTES as u64;
/// What a large output takes of the room, KiB: it is streamed, and go must not wait for it.
const LARGE_COST_KIB: u32 = 1 << 10;
/// A large output gets more time, as a link of this rate takes.
const SLOWEST_BYTES_PER_S: u64 = 1 << 20;
/// How often the end of a session looks whether what earlier ones left is queued.
pub(crate) const QUEUEING_CHECK: Duration = Duration::from_millis(1);

/// Threads that upload. One sends some thousand objects a second; two would mostly wake each other.
const THREADS: usize = 1;

/// What became of the entries that were to be uploaded.
#[derive(Clone, Copy, Debug, Default)]
pub struct UploadCounts {
    /// Entries whose body and metadata are both out.
    pub done: u64,
    /// Entries that are not out: still pending, or given up.
    pub left: u64,
}

/// Uploads of one session.
pub struct Uploads {
    /// Started by the first upload. They step back: theirs is the time in which no other thread has work.
    pub(crate) threads: LazyLock<Runtime>,
    pub(crate) remote: Arc<Remote>,
    pub(crate) local: Arc<LocalStore>,
    room: Arc<Semaphore>,
    pub(crate) in_flight: Semaphore,
    /// One cell an output: each body goes up once, and no metadata before its body.
    bodies: Mutex<HashMap<OutputId, Arc<OnceCell<()>>>>,
    /// Entries that were to go out.
    pub(crate) entries: AtomicU64,
    pending: AtomicU64,
    /// Whether a put has waited for room in vain: the later ones do not wait at all.
    gave_up_waiting: AtomicBool,
    pub(crate) finished: Notify,
    /// Where entries gather for packs; `None` when each goes out by itself.
    pub(crate) packs: Option<Packing>,
    /// Whether each goes out by itself, beside the packs if there are any.
    pub(crate) writes_plain: bool,
    pub(crate) unsent: Unsent,
    pub(crate) stages: Stages,
    /// Whether it was told that the remote does not take all sizes.
    told_refusal: AtomicBool,
    /// Queues what earlier sessions left, once.
    pub(crate) sending_again: OnceLock<JoinHandle<()>>,
}

impl Uploads {
    /// An empty queue. Entries go out in packs where there are `packs`, and as the workshop's objects where there are none
    /// or `writes_plain` says so.
    pub fn new(remote: Arc<Remote>, local: Arc<LocalStore>, packs: Option<Packing>, writes_plain: bool) -> Self {
        Self {
            threads: LazyLock::new(start_threads),
            unsent: Unsent::new(local.folder(), &remote.name()),
            remote,
            local,
            room: Arc::new(Semaphore::new(QUEUE_KIB as usize)),
            in_flight: Semaphore::new(in_flight(platform::open_files_limit().unwrap_or(u64::MAX))),
            bodies: Mutex::default(),
            entries: AtomicU64::new(0),
            pending: AtomicU64::new(0),
            gave_up_waiting: AtomicBool::new(false),
            finished: Notify::new(),
            stages: Stages::default(),
            told_refusal: AtomicBool::new(false),
            sending_again: OnceLock::new(),
            writes_plain: writes_plain || packs.is_none(),
            packs,
        }
    }

    /// Queues an upload; `false` when there is no room, and [`Uploads::push_when_room`] has to wait for it.
    pub fn try_push(self: &Arc<Self>, action: ActionId, entry: Entry) -> bool {
        if entry.size_bytes > LARGEST_SENT {
            return true;
        }
        match self.room.clone().try_acquire_many_owned(cost_kib(&entry)) {
            Ok(room) => {
                self.start(action, entry, room);
                true
            }
            Err(_) => false,
        }
    }

    /// Queues an upload as soon as there is room. A link that is slower than the build must not hold it for long: an
    /// entry that finds no room counts as left.
    pub async fn push_when_room(self: &Arc<Self>, action: ActionId, entry: Entry) {
        let room = self.room.clone().acquire_many_owned(cost_kib(&entry));
        let patience = if self.gave_up_waiting.load(Ordering::Relaxed) { Duration::ZERO } else { ROOM_PATIENCE };
        match tokio::time::timeout(patience, room).await {
            Ok(room) => self.start(action, entry, room.expect("the queue is never closed")),
            Err(_) => {
                self.gave_up_waiting.store(true, Ordering::Relaxed);
                self.skip(action);
            }
        }
    }

    fn start(self: &Arc<Self>, action: ActionId, entry: Entry, room: OwnedSemaphorePermit) {
        self.entries.fetch_add(1, Ordering::Relaxed);
        let ways = self.ways();
        self.unsent.waits(action, ways);
        if ways.contains(&Way::Plain) {
            self.start_plain(action, entry);
        }
        if ways.contains(&Way::Packs)
            && let Some(packs) = &self.packs
        {
            let kept = (self.pending_one(), room);
            match entry.size_bytes > LARGEST_PACKED {
                true => self.start_large(packs, action, entry, kept),
                false => self.gather(packs, action, entry, kept),
            }
        }
    }

    /// How an entry that is put now goes out.
    fn ways(&self) -> &'static [Way] {
        match (self.writes_packs(), self.writes_plain) {
            (true, true) => &[Way::Packs, Way::Plain],
            (true, false) => &[Way::Packs],
            (false, _) => &[Way::Plain],
        }
    }

    /// Packs that cannot be found would be written for nothing.
    fn writes_packs(&self) -> bool {
        self.packs.is_some() && !self.remote.hides_packs()
    }

    pub(crate) fn start_plain(self: &Arc<Self>, action: ActionId, entry: Entry) {
        let queued = Instant::now();
        let pending = self.pending_one();
        self.threads.spawn(async move {
            // The whole of it has to live in the task.
            let uploads = pending.0.clone();
            let _turn = uploads.in_flight.acquire().await.expect("the queue is never closed");
            let (key, bytes, waited_ns) = (action.graph_key(), entry.size_bytes, queued.elapsed().as_nanos() as u64);
            let span = info_span!(parent: None, "upload", action = %key, bytes, waited_ns);
            let _sending = uploads.stages.sending();
            if !uploads.is_sound(&action, &entry).await {
                return uploads.give_up(&[action], &RemoteError::Gone { key: key.to_string() });
            }
            match uploads.upload(&action, &entry).instrument(span).await {
                Ok(()) => {
                    uploads.unsent.sent_in(Way::Plain, &[action]);
                    uploads.send_again();
                }
                Err(error) => uploads.give_up(&[action], &error),
            }
            drop(pending);
        });
    }

    /// Queues what earlier sessions could not send, once the first upload of this one has shown that it can be sent. What
    /// finds no room stays for the next.
    pub(crate) fn send_again(self: &Arc<Self>) {
        self.sending_again.get_or_init(|| {
            let pending = self.pending_one();
            self.threads.spawn_blocking(move || {
                let uploads = &pending.0;
                for action in uploads.unsent.left_before() {
                    match uploads.local.peek(&action) {
                        Some((entry, Origin::Stored)) if uploads.local.has_body(&entry.output, entry.size_bytes) => {
                            uploads.try_push(action, entry);
                        }
                        // Nobody can send what is gone, and what this session put is on its way.
                        Some((_, Origin::PutHere)) => {}
                        _ => uploads.unsent.gone(&[action]),
                    }
                }
            })
        });
    }

    pub(crate) fn pending_one(self: &Arc<Self>) -> Pending {
        self.pending.fetch_add(1, Ordering::Relaxed);
        Pending(self.clone())
    }

    /// Whether a body is what its name says. One that this session did not put may have been damaged since, and what goes out
    /// reaches every machine.
    pub(crate) async fn is_sound(&self, action: &ActionId, entry: &Entry) -> bool {
        if matches!(self.local.peek(action), Some((_, Origin::PutHere))) {
            return true;
        }
        let (path, expected) = (self.local.path_of(&entry.output), (entry.output, entry.size_bytes));
        let checked = tokio::task::spawn_blocking(move || digest_of(&path)).await;
        matches!(checked, Ok(Ok(found)) if found == expected)
    }

    async fn upload(&self, action: &ActionId, entry: &Entry) -> Result<(), RemoteError> {
        let cell = self.bodies.lock().expect("no uploader panics").entry(entry.output).or_default().clone();
        let put_body = |attempt| self.remote.put_body(entry, &self.local, attempt);
        cell.get_or_try_init(|| with_retries(patience(entry), put_body)).await?;
        // The last put of an action wins: a later one brings its own metadata.
        if self.local.peek(action).is_some_and(|(newest, _)| newest != *entry) {
            return Ok(());
        }
        with_retries(UPLOAD_PATIENCE, |attempt| self.remote.put_metadata(action, entry, attempt)).await
    }

    /// Uploads body, then metadata, once each and without a second attempt: what a put of the workshop waits for.
    pub async fn upload_now(self: &Arc<Self>, action: &ActionId, entry: &Entry) {
        let attempt = Attempt { limit: PUT_PATIENCE, is_last: true, go_waits: true, is_large: false };
        self.entries.fetch_add(1, Ordering::Relaxed);
        self.unsent.waits(*action, &[Way::Plain]);
        let body = self.remote.put_body(entry, &self.local, attempt).await;
        let sent = match body {
            Ok(()) => self.remote.put_metadata(action, entry, attempt).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => {
                self.unsent.sent_in(Way::Plain, &[*action]);
                self.send_again();
            }
            Err(error) => self.give_up(&[*action], &error),
        }
    }

    /// Takes what an upload in vain tells: of these entries, which no later session can send either, or of the remote.
    pub(crate) fn give_up(&self, actions: &[ActionId], error: &RemoteError) {
        if !error.refuses_object() {
            return self.remote.give_up_upload(error);
        }
        self.entries.fetch_sub(actions.len() as u64, Ordering::Relaxed);
        self.unsent.gone(actions);
        if error.is_answer() && !self.told_refusal.swap(true, Ordering::Relaxed) {
            note(format_args!("what is too large for the remote stays on this machine: {error}"));
        }
    }

    /// Counts an entry that is not uploaded.
    pub fn skip(&self, action: ActionId) {
        self.entries.fetch_add(1, Ordering::Relaxed);
        self.unsent.waits(action, self.ways());
    }

    /// Remembers what is not out, for the next session.
    pub fn remember_unsent(&self) {
        self.unsent.write();
    }

    /// Entries that are queued or on their way.
    pub fn pending(&self) -> u64 {
        self.pending.load(Ordering::Acquire)
    }

    /// Whether [`Uploads::drain`] has something to do: packs that are out need a manifest too.
    pub fn has_work(&self) -> bool {
        self.pending() > 0 || self.has_untold()
    }

    /// Whether a manifest has something to tell of, or may have.
    pub(crate) fn has_untold(&self) -> bool {
        self.packs.is_some() && self.unsent.left() > 0 && self.remote.uploads_off_reason().is_none()
    }

    /// Asynchronous tasks that have not ended.
    pub fn tasks(&self) -> u64 {
        LazyLock::get(&self.threads).map_or(0, |threads| threads.metrics().num_alive_tasks() as u64)
    }

    /// Bytes of the bodies that are queued or on their way, each rounded up to whole KiB.
    pub fn queued_bytes(&self) -> u64 {
        let free = self.room.available_permits() as u64;
        u64::from(QUEUE_KIB).saturating_sub(free) * 1024
    }

    /// What uploads have been busy with so far.
    pub fn busy(&self) -> Busy {
        self.stages.busy()
    }

    /// What became of the entries so far. Uploads may be going on.
    pub fn counts(&self) -> UploadCounts {
        let left = self.unsent.left();
        UploadCounts { done: self.entries.load(Ordering::Relaxed).saturating_sub(left), left }
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

/// An upload under way. However it ends, even by a panic, whoever drains the queue learns of it.
pub(crate) struct Pending(Arc<Uploads>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Release);
        self.0.finished.notify_waiters();
    }
}

/// Uploads at the same time in a process that may have `limit` files open.
fn in_flight(limit: u64) -> usize {
    (platform::files_for_remote(limit) / FILES_EACH).clamp(1, IN_FLIGHT as u64) as usize
}

/// Room that an upload takes: at least one, so that the number of tasks is bounded too.
fn cost_kib(entry: &Entry) -> u32 {
    if entry.size_bytes > LARGEST_PACKED {
        return LARGE_COST_KIB;
    }
    u32::try_from(entry.size_bytes.div_ceil(1024)).unwrap_or(QUEUE_KIB).clamp(1, QUEUE_KIB)
}

/// The longest that the upload of a body may take: by an estimate, because one that stops is noticed earlier.
pub(crate) fn patience(entry: &Entry) -> Duration {
    UPLOAD_PATIENCE + Duration::from_secs(entry.size_bytes / SLOWEST_BYTES_PER_S)
}

pub(crate) async fn with_retries<F>(limit: Duration, mut upload: impl FnMut(Attempt) -> F) -> Result<(), RemoteError>
where
    F: Future<Output = Result<(), RemoteError>>,
{
    let attempt = |is_last| upload(Attempt { limit, is_last, go_waits: false, is_large: false });
    retry(RETRY_AFTER, RemoteError::is_passing, attempt).await
}

#[cfg(test)]
mod tests {
    #[test]
    fn few_files_are_few_uploads_and_never_none() {
        assert_eq!([0, 24, 64, 128, 256, u64::MAX].map(super::in_flight), [1, 1, 5, 13, 16, 16]);
    }
}
