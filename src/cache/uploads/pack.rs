//! Uploads in packs: entries gather, go out together, and count as out when a manifest names their packs.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit};
use tokio::task::JoinHandle;
use tracing::{Instrument, info_span};

use crate::cache::local::index::entry::Entry;
use crate::cache::pack::format::manifest::LARGEST_PACKED;
use crate::cache::pack::read::packs::Packs;
use crate::cache::pack::write::compress::Compressed;
use crate::cache::pack::write::writer::{Batch, PackWriter};
use crate::cache::remote::error::RemoteError;
use crate::cache::uploads::attempts::{UPLOAD_PATIENCE, patience, with_retries};
use crate::cache::uploads::plain::PlainUploads;
use crate::cache::uploads::session::{Uploads, is_too_large};
use crate::cache::uploads::tasks::Pending;
use crate::cache::uploads::unsent::Way;
use crate::protocol::ActionId;

/// So many packs that are in no manifest yet are published before the end: some 64 MiB.
const MOST_UNPUBLISHED: usize = 64;

/// The uploads in packs of one session.
pub struct PackUploads {
    plain: Arc<PlainUploads>,
    /// Each entry goes out as the workshop's objects too.
    writes_plain: bool,
    pub(super) writer: PackWriter<Kept>,
    /// The packs that the session reads: those that it used belong to its access order.
    pub(super) reader: Arc<Packs>,
    pub(super) under_way: Mutex<Vec<JoinHandle<()>>>,
    /// Held while a manifest is made and sent: two must not publish the same packs.
    pub(super) publishing: tokio::sync::Mutex<()>,
    pub(super) watches_idleness: AtomicBool,
}

/// Lives until an entry's pack is out.
pub type Kept = (Pending, OwnedSemaphorePermit);

impl PackUploads {
    /// Nothing gathered yet. Where packs cannot be found, entries go out by `plain`; `writes_plain` sends all so too.
    pub fn new(plain: Arc<PlainUploads>, reader: Arc<Packs>, writer: PackWriter<Kept>, writes_plain: bool) -> Self {
        Self {
            plain,
            writes_plain,
            writer,
            reader,
            under_way: Mutex::default(),
            publishing: tokio::sync::Mutex::default(),
            watches_idleness: AtomicBool::new(false),
        }
    }

    /// The part that all uploads of the session share.
    pub fn uploads(&self) -> &Arc<Uploads> {
        &self.plain.uploads
    }

    /// Queues an entry; false when there is no room, and [`PackUploads::push_when_room`] has to wait for it.
    pub fn try_push(self: &Arc<Self>, action: ActionId, entry: Entry) -> bool {
        if is_too_large(&entry) {
            return true;
        }
        let room = self.uploads().room.try_take(&entry);
        let has_room = room.is_some();
        if let Some(room) = room {
            self.start(action, entry, room);
        }
        has_room
    }

    /// Queues an entry as soon as there is room. One that finds none in time counts as left.
    pub async fn push_when_room(self: &Arc<Self>, action: ActionId, entry: Entry) {
        match self.uploads().room.take(&entry).await {
            Some(room) => self.start(action, entry, room),
            None => self.skip(action),
        }
    }

    /// Counts an entry that is not uploaded.
    pub fn skip(&self, action: ActionId) {
        self.uploads().count(action, self.ways());
    }

    /// How an entry that is put now goes out. Packs that cannot be found would be written for nothing.
    fn ways(&self) -> &'static [Way] {
        match (self.uploads().remote.hides_packs(), self.writes_plain) {
            (true, _) => &[Way::Plain],
            (false, true) => &[Way::Packs, Way::Plain],
            (false, false) => &[Way::Packs],
        }
    }

    fn start(self: &Arc<Self>, action: ActionId, entry: Entry, room: OwnedSemaphorePermit) {
        let ways = self.ways();
        self.uploads().count(action, ways);
        if ways.contains(&Way::Plain) {
            self.start_plain(action, entry);
        }
        if ways.contains(&Way::Packs) {
            let kept = (self.uploads().tasks.begin(), room);
            if entry.size_bytes > LARGEST_PACKED {
                self.start_large(action, entry, kept);
            } else {
                self.gather(action, entry, kept);
            }
        }
    }

    fn start_plain(self: &Arc<Self>, action: ActionId, entry: Entry) {
        let packs = self.clone();
        self.plain.start(action, entry, move || packs.send_again());
    }

    fn send_again(self: &Arc<Self>) {
        let packs = self.clone();
        self.uploads().send_again(move |action, entry| {
            packs.try_push(action, entry);
        });
    }

    /// Lets an entry gather with others.
    fn gather(self: &Arc<Self>, action: ActionId, entry: Entry, kept: Kept) {
        if let Some(batch) = self.writer.add(action, entry, kept) {
            self.start_pack(batch);
        }
        self.watch_idleness();
    }

    pub(super) fn start_pack(self: &Arc<Self>, batch: Batch<Kept>) {
        let packs = self.clone();
        self.start_task(async move { packs.upload_pack(batch).await });
    }

    fn start_task(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = self.uploads().tasks.spawn(task);
        self.under_way.lock().expect("no uploader panics").push(task);
    }

    /// Sends an output that is too large for a pack.
    fn start_large(self: &Arc<Self>, action: ActionId, entry: Entry, kept: Kept) {
        let packs = self.clone();
        self.start_task(async move {
            packs.upload_large(action, entry).await;
            drop(kept);
        });
        self.watch_idleness();
    }

    /// Waits for the turn of an upload; `None` where the remote takes none.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let turn = self.uploads().tasks.turn().await;
        self.uploads().remote.meet(false).await;
        if self.uploads().remote.uploads_off_reason().is_some() { None } else { Some(turn) }
    }

    async fn upload_large(self: &Arc<Self>, action: ActionId, entry: Entry) {
        let Some(_turn) = self.turn().await else { return };
        if self.uploads().remote.hides_packs() {
            return self.send_plainly(action, entry);
        }
        if !self.uploads().is_sound(&action, &entry).await {
            return self.uploads().give_up(&[action], &RemoteError::Gone { key: action.graph_key().to_string() });
        }
        let large = self.writer.large(action, &entry);
        let (key, bytes) = (large.key(), entry.size_bytes);
        let span = info_span!(parent: None, "upload", pack = %large.id, bytes, entries = 1);
        let put =
            |attempt| self.uploads().remote.put_large(&key, large.head.clone(), &entry, &self.uploads().local, attempt);
        self.uploads().unsent.may_be_cut_off(action, true);
        let sending = self.uploads().stages.sending();
        let outcome = with_retries(patience(&entry), put).instrument(span).await;
        drop(sending);
        // Where no manifest will tell of it, a later session sends it again.
        self.uploads().unsent.may_be_cut_off(action, false);
        match outcome {
            Ok(()) => {
                self.writer.sent_large(large);
                self.send_again();
            }
            Err(error) => self.uploads().give_up(&[action], &error),
        }
    }

    /// Compresses and sends what has gathered. Its entries count when a manifest tells of them.
    async fn upload_pack(self: &Arc<Self>, batch: Batch<Kept>) {
        let Some(_turn) = self.turn().await else { return };
        if self.uploads().remote.hides_packs() {
            // They gathered before that was known.
            return batch.entries.into_iter().for_each(|(action, entry, _)| self.send_plainly(action, entry));
        }
        let compressing = self.uploads().stages.compressing();
        let (Compressed { packed, gone, repeated }, kept) = self.writer.pack(batch).await;
        drop(compressing);
        let unsendable = self.uploads().unsent.gone(&gone);
        // What another pack has goes out all the same where it goes out plainly too.
        let repetitions = if self.writes_plain { 0 } else { repeated.len() as u64 };
        self.uploads().discount(unsendable + repetitions);
        self.uploads().unsent.sent_in(Way::Packs, &repeated);
        let Some(packed) = packed else { return };
        let (key, bytes) = (packed.key(), packed.bytes.len());
        let span = info_span!(parent: None, "upload", pack = %packed.id, bytes, entries = kept.len());
        let put = |attempt| self.uploads().remote.put_object(&key, packed.bytes.clone(), attempt);
        let sending = self.uploads().stages.sending();
        let outcome = with_retries(UPLOAD_PATIENCE, put).instrument(span).await;
        drop(sending);
        match outcome {
            Ok(()) => {
                self.writer.sent(&packed);
                self.send_again();
            }
            Err(error) => self.uploads().give_up(packed.actions(), &error),
        }
        // A long build that is ended by force shall not have uploaded for nothing.
        if self.writer.unpublished() >= MOST_UNPUBLISHED {
            self.publish_manifest().await;
        }
    }

    /// Sends an entry plainly that was to go out in packs, unless it goes out so as well.
    fn send_plainly(self: &Arc<Self>, action: ActionId, entry: Entry) {
        if self.writes_plain {
            return self.uploads().unsent.sent_in(Way::Packs, &[action]);
        }
        self.uploads().unsent.turns_plain(action);
        self.start_plain(action, entry);
    }
}
