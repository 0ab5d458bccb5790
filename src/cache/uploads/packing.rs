//! Uploads in packs: entries gather, go out together, and count when a manifest tells of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{Instrument, info_span};

use crate::cache::local::index::memory::Entry;
use crate::cache::local::store::LocalStore;
use crate::cache::pack::read::prefetch::Packs;
use crate::cache::pack::write::{Batch, Compressed, PackWriter};
use crate::cache::remote::error::RemoteError;
use crate::cache::uploads::queue::{Pending, QUEUEING_CHECK, UPLOAD_PATIENCE, Uploads, patience, with_retries};
use crate::cache::uploads::unsent::Way;
use crate::cache::{Knobs, PackOption};
use crate::protocol::ActionId;

/// A session that puts nothing for so long sends what has gathered.
const IDLE: Duration = Duration::from_secs(5);

/// So many packs that no manifest tells of yet are told of before the end: some 64 MiB.
const MOST_UNTOLD: usize = 64;

/// The packs of a session on their way out.
pub struct Packing {
    writer: PackWriter<Kept>,
    /// What the session reads: the packs that it used belong to its trail.
    reader: Arc<Packs>,
    under_way: Mutex<Vec<JoinHandle<()>>>,
    /// Held while a manifest is made and sent: two must not tell of the same packs.
    publishing: tokio::sync::Mutex<()>,
    watches_idleness: AtomicBool,
}

/// What lives until an entry's pack is out.
type Kept = (Pending, OwnedSemaphorePermit);

impl Packing {
    /// Nothing gathered yet.
    pub fn new(local: Arc<LocalStore>, reader: Arc<Packs>, without: &[PackOption], knobs: Knobs) -> Self {
        Self {
            writer: PackWriter::new(local, without, knobs.zstd_level),
            reader,
            under_way: Mutex::default(),
            publishing: tokio::sync::Mutex::default(),
            watches_idleness: AtomicBool::new(false),
        }
    }
}

impl Uploads {
    /// Lets an entry gather with others.
    pub(super) fn gather(self: &Arc<Self>, packs: &Packing, action: ActionId, entry: Entry, kept: Kept) {
        if let Some(batch) = packs.writer.add(action, entry, kept) {
            self.start_pack(packs, batch);
        }
        self.watch_idleness(packs);
    }

    fn start_pack(self: &Arc<Self>, packs: &Packing, batch: Batch<Kept>) {
        let uploads = self.clone();
        self.start_task(packs, async move { uploads.upload_pack(batch).await });
    }

    fn start_task(&self, packs: &Packing, task: impl Future<Output = ()> + Send + 'static) {
        let task = self.threads.spawn(task);
        packs.under_way.lock().expect("no uploader panics").push(task);
    }

    /// Sends an output that is too large for a pack.
    pub(super) fn start_large(self: &Arc<Self>, packs: &Packing, action: ActionId, entry: Entry, kept: Kept) {
        let uploads = self.clone();
        self.start_task(packs, async move {
            uploads.upload_large(action, entry).await;
            drop(kept);
        });
        self.watch_idleness(packs);
    }

    /// Waits for the turn of an upload; `None` where the remote takes none.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let turn = self.in_flight.acquire().await.expect("the queue is never closed");
        self.remote.meet(false).await;
        if self.remote.uploads_off_reason().is_some() { None } else { Some(turn) }
    }

    async fn upload_large(self: &Arc<Self>, action: ActionId, entry: Entry) {
        let Some(packs) = &self.packs else { return };
        let Some(_turn) = self.turn().await else { return };
        if self.remote.hides_packs() {
            return self.send_plainly(action, entry);
        }
        if !self.is_sound(&action, &entry).await {
            return self.give_up(&[action], &RemoteError::Gone { key: action.graph_key().to_string() });
        }
        let large = packs.writer.large(action, &entry);
        let (key, bytes) = (large.key(), entry.size_bytes);
        let span = info_span!(parent: None, "upload", pack = %large.id, bytes, entries = 1);
        let put = |attempt| self.remote.put_large(&key, large.head.clone(), &entry, &self.local, attempt);
        self.unsent.may_be_cut_off(action, true);
        let sending = self.stages.sending();
        let outcome = with_retries(patience(&entry), put).instrument(span).await;
        drop(sending);
        // Where no manifest will tell of it, a later session sends it again.
        self.unsent.may_be_cut_off(action, false);
        match outcome {
            Ok(()) => {
                packs.writer.sent_large(large);
                self.send_again();
            }
            Err(error) => self.give_up(&[action], &error),
        }
    }

    /// Compresses and sends what has gathered. Its entries count when a manifest tells of them.
    async fn upload_pack(self: &Arc<Self>, batch: Batch<Kept>) {
        let Some(packs) = &self.packs else { return };
        let Some(_turn) = self.turn().await else { return };
        if self.remote.hides_packs() {
            // They gathered before that was known.
            return batch.entries.into_iter().for_each(|(action, entry, _)| self.send_plainly(action, entry));
        }
        let compressing = self.stages.compressing();
        let (Compressed { packed, gone, repeated }, kept) = packs.writer.pack(batch).await;
        drop(compressing);
        self.entries.fetch_sub((gone.len() + repeated.len()) as u64, Ordering::Relaxed);
        self.unsent.gone(&gone);
        self.unsent.sent_in(Way::Packs, &repeated);
        let Some(packed) = packed else { return };
        let (key, bytes) = (packed.key(), packed.bytes.len());
        let span = info_span!(parent: None, "upload", pack = %packed.id, bytes, entries = kept.len());
        let put = |attempt| self.remote.put_object(&key, packed.bytes.clone(), attempt);
        let sending = self.stages.sending();
        let outcome = with_retries(UPLOAD_PATIENCE, put).instrument(span).await;
        drop(sending);
        match outcome {
            Ok(()) => {
                packs.writer.sent(&packed);
                self.send_again();
            }
            Err(error) => self.give_up(packed.actions(), &error),
        }
        // A long build that is ended by force shall not have uploaded for nothing.
        if packs.writer.untold() >= MOST_UNTOLD {
            self.tell().await;
        }
    }

    /// Sends an entry plainly that was to go out in packs, unless it goes out so as well.
    fn send_plainly(self: &Arc<Self>, action: ActionId, entry: Entry) {
        if self.writes_plain {
            return self.unsent.sent_in(Way::Packs, &[action]);
        }
        self.unsent.turns_plain(action);
        self.start_plain(action, entry);
    }

    /// Sends what has gathered, waits for the packs on their way until `deadline`, and tells of those that are out.
    pub(super) async fn publish(self: &Arc<Self>, deadline: Option<Instant>) {
        let Some(packs) = &self.packs else { return };
        if let Some(batch) = packs.writer.take() {
            self.start_pack(packs, batch);
        }
        let under_way = std::mem::take(&mut *packs.under_way.lock().expect("no uploader panics"));
        // A panic there is a pack that is missing, and counted as left.
        let all = futures_util::future::join_all(under_way);
        match deadline {
            Some(deadline) => drop(tokio::time::timeout_at(deadline, all).await),
            None => drop(all.await),
        }
        self.tell().await;
    }

    /// The same, and with what earlier sessions left where that has been queued meanwhile.
    pub(super) async fn publish_all(self: &Arc<Self>, deadline: Instant) {
        self.publish(Some(deadline)).await;
        while self.sending_again.get().is_some_and(|task| !task.is_finished()) && Instant::now() < deadline {
            tokio::time::sleep(QUEUEING_CHECK).await;
        }
        self.publish(Some(deadline)).await;
    }

    /// Tells of the packs that are out in a manifest.
    async fn tell(&self) {
        let Some(packs) = &self.packs else { return };
        let _alone = packs.publishing.lock().await;
        let used = packs.reader.trail();
        let uses = used.len();
        let Some(told) = packs.writer.manifest(used) else { return };
        let (bytes, entries) = (told.content.len(), told.actions.len());
        let span = info_span!(parent: None, "upload", manifest = %told.key, bytes, entries);
        let put = |attempt| self.remote.put_object(&told.key, told.content.clone(), attempt);
        let _sending = self.stages.sending();
        match with_retries(UPLOAD_PATIENCE, put).instrument(span).await {
            Ok(()) => {
                packs.writer.told(&told);
                packs.reader.told(uses);
                self.unsent.sent_in(Way::Packs, &told.actions);
            }
            Err(error) => self.remote.give_up_upload(&error),
        }
    }

    /// `go run ./server` may hold the session for days: what was put goes out when nothing more comes.
    fn watch_idleness(self: &Arc<Self>, packs: &Packing) {
        if packs.watches_idleness.swap(true, Ordering::Relaxed) {
            return;
        }
        let uploads = self.clone();
        self.threads.spawn(async move {
            let mut before = 0;
            loop {
                tokio::time::sleep(IDLE).await;
                let now = uploads.entries.load(Ordering::Relaxed);
                if now == before && uploads.counts().left > 0 {
                    // The end of the session waits for the manifest too.
                    let manifest = uploads.pending_one();
                    uploads.publish(None).await;
                    drop(manifest);
                }
                before = now;
            }
        });
    }
}
