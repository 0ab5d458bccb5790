//! Writing packs: puts gather until they are worth an object, are compressed and sent, and a manifest names them.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tokio::sync::Semaphore;
use tracing::info_span;

use crate::cache::local::index::entry::Entry;
use crate::cache::local::store::LocalStore;
use crate::cache::pack::format::builder::{LEVEL, is_full};
use crate::cache::pack::format::keys::{manifest_key, pack_key};
use crate::cache::pack::format::large;
use crate::cache::pack::format::manifest::{AccessOrder, Fingerprint, Manifest, PackId, PackRecord};
use crate::cache::pack::write::compress::{Compressed, Packed, compress};
use crate::config::strategy::PackOption;
use crate::platform::clock::now_s;
use crate::protocol::ActionId;

/// Packs that are compressed at the same time.
const COMPRESSORS: usize = 2;

/// Entries that go out together. `T` is what has to live until they are out.
pub struct Batch<T> {
    pub entries: Vec<(ActionId, Entry, T)>,
    plain_bytes: u64,
    /// Its place among the batches of the session.
    number: u64,
}

/// A large output that is to be sent as an object of its own.
pub struct Large {
    pub id: PackId,
    /// The bytes in front of it.
    pub head: Bytes,
    action: ActionId,
    size_bytes: u64,
    number: u64,
}

/// A manifest that is ready to be sent.
pub struct NewManifest {
    pub key: String,
    pub content: Bytes,
    /// All actions in its packs.
    pub actions: Vec<ActionId>,
    packs: Vec<PackId>,
}

/// The packs that one session writes.
pub struct PackWriter<T> {
    local: Arc<LocalStore>,
    open: Mutex<Batch<T>>,
    written: Mutex<Vec<Written>>,
    compressors: Semaphore,
    /// Parts that are switched off.
    without: Vec<PackOption>,
    /// zstd's; `None`: nothing is compressed.
    level: Option<i32>,
}

/// A pack that is in the remote.
struct Written {
    number: u64,
    record: PackRecord,
    actions: Vec<ActionId>,
    /// True once a manifest names it.
    is_published: bool,
}

impl<T> PackWriter<T> {
    /// Nothing gathered yet.
    pub fn new(local: Arc<LocalStore>, without: &[PackOption], level: Option<i32>) -> Self {
        let open = Mutex::new(Batch { entries: Vec::new(), plain_bytes: 0, number: 0 });
        Self {
            local,
            open,
            written: Mutex::default(),
            compressors: Semaphore::new(COMPRESSORS),
            without: without.to_vec(),
            level: (!without.contains(&PackOption::Compression)).then_some(level.unwrap_or(LEVEL)),
        }
    }

    /// Adds an entry; gives what has gathered once it is enough.
    pub fn add(&self, action: ActionId, entry: Entry, keep: T) -> Option<Batch<T>> {
        let mut open = self.open();
        open.plain_bytes += entry.size_bytes;
        open.entries.push((action, entry, keep));
        let is_alone = self.without.contains(&PackOption::Packs);
        let is_enough = is_alone || is_full(open.plain_bytes, open.entries.len());
        is_enough.then(|| open.take())
    }

    /// Gives what has gathered so far, if there is anything.
    pub fn take(&self) -> Option<Batch<T>> {
        let mut open = self.open();
        (!open.entries.is_empty()).then(|| open.take())
    }

    /// Compresses a batch. Gives back what was to be kept.
    pub async fn pack(&self, batch: Batch<T>) -> (Compressed, Vec<T>) {
        let Batch { entries, number, .. } = batch;
        let (entries, keep): (Vec<_>, Vec<_>) =
            entries.into_iter().map(|(action, entry, keep)| ((action, entry), keep)).unzip();
        let _turn = self.compressors.acquire().await.expect("the semaphore is never closed");
        let mut entries = entries;
        if self.without.contains(&PackOption::Order) {
            entries.sort_by_key(|(action, _)| *action);
        }
        let (local, level) = (self.local.clone(), self.level);
        let work = move || {
            let span = info_span!(parent: None, "pack.compress");
            span.in_scope(|| compress(&local, &entries, number, level))
        };
        let packed = tokio::task::spawn_blocking(work).await;
        (packed.unwrap_or_default(), keep)
    }

    /// Notes that a pack is in the remote.
    pub fn sent(&self, packed: &Packed) {
        self.note_sent(packed.id, packed.bytes.len() as u64, packed.number, packed.actions.clone());
    }

    /// A large output, in its place among the packs.
    pub fn large(&self, action: ActionId, entry: &Entry) -> Large {
        let (id, number) = (PackId::random(), self.open().number);
        Large { id, head: large::head(&action, entry), action, size_bytes: entry.size_bytes, number }
    }

    /// Notes that a large output is in the remote.
    pub fn sent_large(&self, large: Large) {
        let bytes = large.head.len() as u64 + large.size_bytes;
        self.note_sent(large.id, bytes, large.number, vec![large.action]);
    }

    fn note_sent(&self, id: PackId, bytes: u64, number: u64, actions: Vec<ActionId>) {
        let fingerprints = actions.iter().map(Fingerprint::of).collect();
        let (bytes, now_s) = (u32::try_from(bytes).unwrap_or(u32::MAX), now_s());
        let record = PackRecord { id, bytes, written_s: now_s, used_s: now_s, fingerprints };
        self.written().push(Written { number, record, actions, is_published: false });
    }

    /// Packs that are in the remote, and in no manifest.
    pub fn unpublished(&self) -> usize {
        self.written().iter().filter(|pack| !pack.is_published).count()
    }

    /// Notes that a manifest is in the remote.
    pub fn published(&self, manifest: &NewManifest) {
        for pack in self.written().iter_mut().filter(|pack| manifest.packs.contains(&pack.record.id)) {
            pack.is_published = true;
        }
    }

    /// A manifest of the packs that are out and in none yet; `None` without any. Each has a key of its own: another machine
    /// may merge the earlier ones meanwhile, and delete them. `used` are the packs of others that the session used, which
    /// come first in its access order.
    pub fn manifest(&self, used: Vec<PackId>) -> Option<NewManifest> {
        let mut written = self.written();
        written.sort_by_key(|pack| pack.number);
        let unpublished = || written.iter().filter(|pack| !pack.is_published);
        let actions = unpublished().flat_map(|pack| &pack.actions).copied().collect();
        let records: Vec<PackRecord> = unpublished().map(|pack| pack.record.clone()).collect();
        let mut access_order: Vec<PackId> = used.into_iter().chain(written.iter().map(|pack| pack.record.id)).collect();
        drop(written);
        if records.is_empty() {
            return None;
        }
        if self.without.contains(&PackOption::Order) {
            access_order.sort();
        }
        let packs = records.iter().map(|pack| pack.id).collect();
        let access_orders = vec![AccessOrder { ended_s: now_s(), packs: access_order }];
        let content = Manifest { packs: records, access_orders, dropped: Vec::new() }.encode().into();
        Some(NewManifest { key: manifest_key(), content, actions, packs })
    }

    fn open(&self) -> MutexGuard<'_, Batch<T>> {
        self.open.lock().expect("nobody panics with it")
    }

    fn written(&self) -> MutexGuard<'_, Vec<Written>> {
        self.written.lock().expect("nobody panics with it")
    }
}

impl<T> Batch<T> {
    /// Leaves an empty one behind.
    fn take(&mut self) -> Self {
        let next = Self { entries: Vec::new(), plain_bytes: 0, number: self.number + 1 };
        std::mem::replace(self, next)
    }
}

impl Large {
    /// Its key.
    pub fn key(&self) -> String {
        pack_key(self.id)
    }
}
