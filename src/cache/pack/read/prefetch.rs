//! Reading packs: a get waits only for the pack that has its action, and only until the frame with its object is there.
//! Beside it the packs that earlier sessions used next are fetched, as a file system reads ahead.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::{Instrument, info_span};

use crate::cache::local::index::entry::Entry;
use crate::cache::pack::format::keys::pack_key;
use crate::cache::pack::format::manifest::{LARGEST_PACKED, PackId, PackRecord};
use crate::cache::pack::read::catalog::PackNumber;
use crate::cache::pack::read::packs::{Loaded, Packs};
use crate::cache::pack::read::schedule::{PATIENCE, Progress, Schedule, Transfer};
use crate::cache::remote::error::RemoteError;
use crate::protocol::ActionId;

/// So much longer it waits for a pack that comes in at a rate that promises its end by then. For a large output it is longer
/// by as much as that is larger than a pack may be: making it again takes longer too.
const MORE_PATIENCE: Duration = Duration::from_secs(12);

impl Packs {
    /// Notes that go was given something that was fetched ahead, and reads on from there.
    pub fn used(self: &Arc<Self>, action: &ActionId) {
        let Some(loaded) = self.loaded() else { return };
        if let Some(pack) = loaded.catalog.find(action) {
            self.want(loaded, pack);
        }
    }

    /// Waits until an action of the packs is in the local store; `None` when it is in none of them, or takes too long. The
    /// get waits since `began`.
    pub async fn fetch(self: &Arc<Self>, action: &ActionId, began: Instant) -> Option<Entry> {
        let loaded = self.loaded()?;
        let number = loaded.catalog.find(action)?;
        let pack = loaded.catalog.pack(number);
        if pack.is_large() && self.large_are_slow.load(Ordering::Relaxed) {
            self.lost().insert(*action);
            return None;
        }
        let transfer = self.want(loaded, number);
        let progress = transfer.progress.subscribe();
        transfer.hurry.notify_one();
        let mut arrival = Box::pin(self.arrival(action, pack.id, progress));
        let mut entry = tokio::time::timeout(PATIENCE.saturating_sub(began.elapsed()), arrival.as_mut()).await;
        let more_patience = more_patience(pack);
        if entry.is_err() && transfer.ends_within(more_patience, pack.bytes) {
            entry = tokio::time::timeout(more_patience, arrival.as_mut()).await;
        }
        drop(arrival);
        if entry.is_err() && pack.is_large() {
            self.give_up_large(&transfer, pack);
        }
        // A large output that comes slowly is no fault of the remote, nor is it one that packs wait for each other.
        if entry.is_err() && !transfer.is_queued() && !(pack.is_large() && transfer.has_begun()) {
            let (key, waited) = (pack_key(pack.id), began.elapsed());
            self.remote.let_go_wait(&RemoteError::TooSlow { key, seconds: waited.as_secs() }, waited);
        }
        let entry = entry.ok().flatten();
        if entry.is_none() {
            self.lost().insert(*action);
        }
        entry
    }

    /// Ends a fetch that came too slowly, unless another get waits for it or its end is near: then a later build has it.
    fn give_up_large(&self, transfer: &Transfer, pack: &PackRecord) {
        self.large_are_slow.store(true, Ordering::Relaxed);
        if transfer.progress.receiver_count() == 0 && !transfer.ends_within(more_patience(pack), pack.bytes) {
            let _ = transfer.given_up.set(());
        }
    }

    async fn arrival(&self, action: &ActionId, pack: PackId, mut progress: watch::Receiver<Progress>) -> Option<Entry> {
        loop {
            // In this order: what came last is there before the end is seen.
            let now = *progress.borrow_and_update();
            let has_ended = now == Progress::Ended;
            if let Some((entry, ..)) = self.local.get(action) {
                return Some(entry);
            }
            if has_ended || progress.changed().instrument(now.wait(pack)).await.is_err() {
                return None;
            }
        }
    }

    /// Notes a get that a pack answers, and reads on from there where that is news or the window has grown.
    fn want(self: &Arc<Self>, loaded: &Loaded, pack: PackNumber) -> Arc<Transfer> {
        let mut schedule = loaded.schedule();
        let is_large = loaded.catalog.pack(pack).is_large();
        let (transfer, reads_on) = schedule.want(pack, is_large);
        if reads_on && !self.is_full.load(Ordering::Relaxed) {
            let is_small = |number: &PackNumber| !loaded.catalog.pack(*number).is_large();
            let after: Vec<PackNumber> = loaded.catalog.after(pack).iter().copied().filter(is_small).collect();
            schedule.read_ahead(&after);
            self.start(loaded, &mut schedule);
        }
        transfer
    }

    /// Starts as many fetches as there are connections.
    fn start(self: &Arc<Self>, loaded: &Loaded, schedule: &mut Schedule) {
        while let Some((number, transfer)) = schedule.start().or_else(|| schedule.start_large()) {
            let packs = self.clone();
            let fetch = async move { packs.fetch_pack(number, &transfer).await };
            self.fetches.spawn_on(fetch, &loaded.runtime);
        }
    }

    async fn fetch_pack(self: Arc<Self>, number: PackNumber, transfer: &Transfer) {
        let Some(loaded) = self.loaded() else { return };
        let record = loaded.catalog.pack(number);
        let span = info_span!(parent: None, "prefetch", pack = %record.id, bytes = record.bytes);
        let key = pack_key(record.id);
        let read = async {
            if record.is_large() {
                self.read_large(&key, record, transfer).instrument(span).await
            } else {
                self.read_pack(&key, transfer).instrument(span).await
            }
        };
        // What is dropped in its middle leaves no file behind.
        let on_its_way = tokio::select! {
            biased;
            _ = self.ending.wait() => return,
            _ = transfer.given_up.wait() => None,
            on_its_way = read => on_its_way,
        };
        transfer.progress.send_replace(Progress::Ended);
        let mut schedule = loaded.schedule();
        if record.is_large() {
            schedule.large_ended();
        } else {
            schedule.ended(on_its_way);
        }
        self.start(loaded, &mut schedule);
    }
}

/// How much longer than its patience a get waits for a pack that comes in well.
fn more_patience(pack: &PackRecord) -> Duration {
    MORE_PATIENCE.mul_f64((f64::from(pack.bytes) / LARGEST_PACKED as f64).max(1.0))
}
