//! Writing packs: puts gather until they are worth an object, are compressed and sent, and a manifest tells of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use ring::digest::{SHA256, digest};
use tokio::sync::Semaphore;
use tracing::info_span;

use crate::cache::PackOption;
use crate::cache::local::index::memory::{Entry, Origin};
use crate::cache::local::store::LocalStore;
use crate::cache::pack::format::builder::PackBuilder;
use crate::cache::pack::format::large;
use crate::cache::pack::format::manifest::{Fingerprint, Manifest, PackId, PackRecord, Trail};
use crate::cache::pack::{manifest_key, now_s, pack_key};
use crate::protocol::ActionId;

/// Plain bytes from which what has gathered makes a pack: about 1 MiB when it is compressed.
const PACK_BYTES: u64 = 4 << 20;
/// Entries from which it does: many are empty.
const PACK_ENTRIES: usize = 1000;
/// zstd's level. 1 gives a twentieth more bytes, 6 takes twice the time.
pub const LEVEL: i32 = 3;
/// Packs that are compressed at the same time.
const COMPRESSORS: usize = 2;

/// What goes out together. `T` is what has to live until it is out.
pub struct Batch<T> {
    pub entries: Vec<(ActionId, Entry, T)>,
    plain_bytes: u64,
    /// Its place among the batches of the session.
    number: u64,
}

/// A pack that is ready to be sent.
pub struct Packed {
    pub id: PackId,
    pub bytes: Bytes,
    actions: Vec<ActionId>,
    number: u64,
}

/// A large output that is to be sent as an object of its own.
pub struct Large {
    pub id: PackId,
    /// What is in front of it.
    pub head: Bytes,
    action: ActionId,
    size_bytes: u64,
    number: u64,
}

/// What compressing a batch gave.
#[derive(Default)]
pub struct Compressed {
    /// `None` when nothing of it could be packed.
    pub packed: Option<Packed>,
    /// What is gone from the local store, or damaged there: nobody can send it.
    pub gone: Vec<ActionId>,
    /// Entries that were put again later in the same batch.
    pub repeated: Vec<ActionId>,
}

/// What a manifest tells of, ready to be sent.
pub struct Told {
    pub key: String,
    pub content: Bytes,
    /// All actions that are in it.
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
    /// Whether a manifest tells of it.
    is_told: bool,
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
        self.written().push(Written { number, record, actions, is_told: false });
    }

    /// Packs that are in the remote, and in no manifest.
    pub fn untold(&self) -> usize {
        self.written().iter().filter(|pack| !pack.is_told).count()
    }

    /// Notes that a manifest is in the remote.
    pub fn told(&self, told: &Told) {
        for pack in self.written().iter_mut().filter(|pack| told.packs.contains(&pack.record.id)) {
            pack.is_told = true;
        }
    }

    /// A manifest of the packs that are out and in none yet; `None` without any. Each has a key of its own: another machine
    /// may merge the earlier ones meanwhile, and delete them. `used` are the packs of others that the session used, which
    /// come first on its trail.
    pub fn manifest(&self, used: Vec<PackId>) -> Option<Told> {
        let mut written = self.written();
        written.sort_by_key(|pack| pack.number);
        let untold = || written.iter().filter(|pack| !pack.is_told);
        let actions = untold().flat_map(|pack| &pack.actions).copied().collect();
        let records: Vec<PackRecord> = untold().map(|pack| pack.record.clone()).collect();
        let mut trail: Vec<PackId> = used.into_iter().chain(written.iter().map(|pack| pack.record.id)).collect();
        drop(written);
        if records.is_empty() {
            return None;
        }
        if self.without.contains(&PackOption::Order) {
            trail.sort();
        }
        let packs = records.iter().map(|pack| pack.id).collect();
        let trails = vec![Trail { ended_s: now_s(), packs: trail }];
        let content = Manifest { packs: records, trails, dropped: Vec::new() }.encode().into();
        Some(Told { key: manifest_key(), content, actions, packs })
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

impl Packed {
    /// The actions that are in it.
    pub fn actions(&self) -> &[ActionId] {
        &self.actions
    }

    /// Its key.
    pub fn key(&self) -> String {
        pack_key(self.id)
    }
}

/// Whether so much makes a pack.
pub fn is_full(plain_bytes: u64, entries: usize) -> bool {
    plain_bytes >= PACK_BYTES || entries >= PACK_ENTRIES
}

fn compress(local: &LocalStore, entries: &[(ActionId, Entry)], number: u64, level: Option<i32>) -> Compressed {
    let mut compressed = Compressed::default();
    let Ok(mut builder) = PackBuilder::new(level) else { return compressed };
    // The last put of an action counts.
    let last: HashMap<&ActionId, usize> = entries.iter().enumerate().map(|(at, (action, _))| (action, at)).collect();
    for (at, (action, entry)) in entries.iter().enumerate() {
        if last[action] != at {
            compressed.repeated.push(*action);
        } else if builder.add(*action, entry, || content(local, action, entry)).is_err() {
            compressed.gone.push(*action);
        }
    }
    let finished = builder.finish().ok().filter(|(_, actions)| !actions.is_empty());
    let packed = |(bytes, actions): (Vec<u8>, _)| Packed { id: PackId::random(), bytes: bytes.into(), actions, number };
    compressed.packed = finished.map(packed);
    compressed
}

/// A body from the local store. One that this session did not put may have been damaged since, and what goes out reaches every
/// machine.
fn content(local: &LocalStore, action: &ActionId, entry: &Entry) -> std::io::Result<Vec<u8>> {
    let content = std::fs::read(local.path_of(&entry.output))?;
    let is_ours = matches!(local.peek(action), Some((_, Origin::PutHere)));
    if !is_ours && digest(&SHA256, &content).as_ref() != entry.output.as_bytes() {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "the body is damaged"));
    }
    Ok(content)
}
