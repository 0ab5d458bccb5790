//! The part that all uploads of a session share, whichever objects they write: tasks, room, and the count of what is out.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::task::JoinHandle;

use crate::cache::local::index::entry::{Entry, Origin};
use crate::cache::local::store::LocalStore;
use crate::cache::local::verify::digest_of;
use crate::cache::pack::format::large::HEAD_BYTES;
use crate::cache::remote::error::RemoteError;
use crate::cache::remote::s3_client::client::MOST_PUT_BYTES;
use crate::cache::remote::store::Remote;
use crate::cache::uploads::room::Room;
use crate::cache::uploads::tasks::UploadTasks;
use crate::cache::uploads::unsent::{Unsent, Way};
use crate::cache::uploads::upload_time::{Busy, Stages};
use crate::note::note;
use crate::protocol::ActionId;

/// No larger output is sent: with what is in front of it, it is the largest object that one PUT may write.
const LARGEST_SENT: u64 = MOST_PUT_BYTES - HEAD_BYTES as u64;

/// Numbers of the entries that were to be uploaded.
#[derive(Clone, Copy, Debug, Default)]
pub struct UploadCounts {
    /// Entries whose body and metadata are both out.
    pub done: u64,
    /// Entries that are not out: still pending, or given up.
    pub left: u64,
}

/// The uploads of one session.
pub struct Uploads {
    pub(super) remote: Arc<Remote>,
    pub(super) local: Arc<LocalStore>,
    pub(super) tasks: Arc<UploadTasks>,
    pub(super) room: Room,
    pub(super) stages: Stages,
    pub(super) unsent: Unsent,
    /// Entries that were to go out.
    entries: AtomicU64,
    /// True once the user was told that the remote does not take all sizes.
    has_noted_refusal: AtomicBool,
    /// Queues what earlier sessions left, once.
    sending_again: OnceLock<JoinHandle<()>>,
}

impl Uploads {
    /// No upload yet.
    pub fn new(remote: Arc<Remote>, local: Arc<LocalStore>) -> Self {
        Self {
            tasks: Arc::new(UploadTasks::new()),
            room: Room::default(),
            stages: Stages::default(),
            unsent: Unsent::new(local.folder(), &remote.name()),
            entries: AtomicU64::new(0),
            has_noted_refusal: AtomicBool::new(false),
            sending_again: OnceLock::new(),
            remote,
            local,
        }
    }

    /// True if the remote takes uploads, as far as is known.
    pub fn are_on(&self) -> bool {
        self.remote.is_on() && self.remote.uploads_off_reason().is_none()
    }

    /// Counts an entry that is to go out in these ways. One that is not queued then counts as left.
    pub fn count(&self, action: ActionId, ways: &[Way]) {
        self.entries.fetch_add(1, Ordering::Relaxed);
        self.unsent.waits(action, ways);
    }

    /// Takes entries out of the count that need not go out.
    pub(super) fn discount(&self, entries: u64) {
        self.entries.fetch_sub(entries, Ordering::Relaxed);
    }

    /// Number of the entries that were to go out so far.
    pub(super) fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    /// Queues what earlier sessions could not send, by `push`, once the first upload of this one has shown that it can be
    /// sent. What finds no room stays for the next.
    pub(super) fn send_again(self: &Arc<Self>, push: impl Fn(ActionId, Entry) + Send + 'static) {
        self.sending_again.get_or_init(|| {
            let (uploads, pending) = (self.clone(), self.tasks.begin());
            self.tasks.spawn_blocking(move || {
                for action in uploads.unsent.left_before() {
                    match uploads.local.peek(&action) {
                        Some((entry, Origin::Stored)) if uploads.local.has_body(&entry.output, entry.size_bytes) => {
                            push(action, entry);
                        }
                        // Nobody can send what is gone, and what this session put is on its way.
                        Some((_, Origin::PutHere)) => {}
                        _ => _ = uploads.unsent.gone(&[action]),
                    }
                }
                drop(pending);
            })
        });
    }

    /// True while entries of earlier sessions are being queued.
    pub(super) fn is_sending_again(&self) -> bool {
        self.sending_again.get().is_some_and(|task| !task.is_finished())
    }

    /// True if a body has the content that its name says. One that this session did not put may have been damaged since, and
    /// what goes out reaches every machine.
    pub(super) async fn is_sound(&self, action: &ActionId, entry: &Entry) -> bool {
        if matches!(self.local.peek(action), Some((_, Origin::PutHere))) {
            return true;
        }
        let (path, expected) = (self.local.path_of(&entry.output), (entry.output, entry.size_bytes));
        let checked = tokio::task::spawn_blocking(move || digest_of(&path)).await;
        matches!(checked, Ok(Ok(found)) if found == expected)
    }

    /// Draws the conclusions from an upload that failed: for these entries, which no later session can send either, or for
    /// the remote.
    pub(super) fn give_up(&self, actions: &[ActionId], error: &RemoteError) {
        if !error.refuses_object() {
            return self.remote.give_up_upload(error);
        }
        self.discount(self.unsent.gone(actions));
        if error.is_answer() && !self.has_noted_refusal.swap(true, Ordering::Relaxed) {
            note(format_args!("what is too large for the remote stays on this machine: {error}"));
        }
    }

    /// Remembers what is not out, for the next session.
    pub fn remember_unsent(&self) {
        self.unsent.write();
    }

    /// Uploads that are queued or on their way.
    pub fn pending(&self) -> u64 {
        self.tasks.pending()
    }

    /// Asynchronous tasks that have not ended.
    pub fn tasks(&self) -> u64 {
        self.tasks.alive()
    }

    /// Bytes of the bodies that wait to go out in packs, each rounded up to whole KiB.
    pub fn queued_bytes(&self) -> u64 {
        self.room.taken_bytes()
    }

    /// Time that uploads have spent sending and compressing so far.
    pub fn busy(&self) -> Busy {
        self.stages.busy()
    }

    /// Numbers of the entries so far. Uploads may be going on.
    pub fn counts(&self) -> UploadCounts {
        let left = self.unsent.left();
        UploadCounts { done: self.entries().saturating_sub(left), left }
    }
}

/// True if no PUT may write an output of this size.
pub(super) fn is_too_large(entry: &Entry) -> bool {
    entry.size_bytes > LARGEST_SENT
}
