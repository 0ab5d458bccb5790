//! Reading packs: a get waits only for the pack that has its action, and only until the frame with its object is there.
//! Beside it the packs that earlier sessions used next are fetched, as a file system reads ahead.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SetOnce, watch};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info_span};

use crate::cache::local::index::memory::Entry;
use crate::cache::local::store::LocalStore;
use crate::cache::pack::format::manifest::PackRecord;
use crate::cache::pack::read::catalog::{Catalog, PackNumber};
use crate::cache::pack::read::schedule::{CONNECTIONS, Progress, Schedule, Transfer};
use crate::cache::pack::{LARGEST_PACKED, MANIFESTS, PackId, pack_key};
use crate::cache::remote::error::RemoteError;
use crate::cache::remote::retry::retry;
use crate::cache::remote::store::Remote;
use crate::cache::{Knobs, PackOption};
use crate::note::note;
use crate::protocol::ActionId;

/// Packs that are decompressed and written at the same time: go needs the cores too.
const DECODERS: usize = 2;
/// The longest that a get waits: compiling is sooner done then, and the second time the remote goes off. More than the
/// client's own limit for a silence, so that a remote that says nothing is named as such.
const PATIENCE: Duration = Duration::from_secs(6);
/// So much longer it waits for a pack that comes in at a rate that promises its end by then. For a large output it is longer
/// by as much as that is larger than a pack may be: making it again takes longer too.
const MORE_PATIENCE: Duration = Duration::from_secs(12);
/// The longest that the end of a session waits until fetches have ended.
const END_PATIENCE: Duration = Duration::from_secs(1);
/// Waits before the manifests are asked for again, when the remote has said to come later: without them all is compiled.
const LOAD_AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];

/// The packs of a remote as one session reads them.
pub struct Packs {
    pub(crate) remote: Arc<Remote>,
    pub(super) local: Arc<LocalStore>,
    /// Parts that are switched off.
    without: Vec<PackOption>,
    /// Packs that are fetched at the same time.
    connections: usize,
    is_loading: AtomicBool,
    found: SetOnce<Found>,
    /// The manifests could not be had: how often the remote had come back by then. They are asked for again after the next
    /// time.
    in_trouble: watch::Sender<Option<u64>>,
    pub(super) decoders: Semaphore,
    /// The local store takes no more: everything is a miss.
    pub(super) is_full: AtomicBool,
    /// A large output came too slowly: the others are made again at once.
    large_are_slow: AtomicBool,
    /// Ends the fetches when the session ends.
    ending: SetOnce<()>,
    fetches: TaskTracker,
    /// What the packs should have and did not give: it is put anew.
    lost: Mutex<HashSet<ActionId>>,
    /// How many of the packs that go used a manifest of this session has told of; `None` before the first.
    told_uses: Mutex<Option<usize>>,
}

/// What a session has found where manifests may be.
enum Found {
    Manifests(Box<Loaded>),
    /// None, or none that this key is shown: plain objects are asked for.
    Nothing,
}

pub(crate) struct Loaded {
    catalog: Catalog,
    /// Number of manifests that it was made of.
    pub(crate) manifests: usize,
    runtime: Handle,
    schedule: Mutex<Schedule>,
}

impl Packs {
    /// Packs that have not been looked at yet.
    pub fn new(remote: Arc<Remote>, local: Arc<LocalStore>, without: &[PackOption], knobs: Knobs) -> Self {
        let most = if without.contains(&PackOption::Connections) { 1 } else { CONNECTIONS };
        Self {
            connections: knobs.connections.unwrap_or(most),
            remote,
            local,
            without: without.to_vec(),
            is_loading: AtomicBool::new(false),
            found: SetOnce::new(),
            in_trouble: watch::Sender::new(None),
            decoders: Semaphore::new(DECODERS),
            is_full: AtomicBool::new(false),
            large_are_slow: AtomicBool::new(false),
            ending: SetOnce::new(),
            fetches: TaskTracker::new(),
            lost: Mutex::default(),
            told_uses: Mutex::default(),
        }
    }

    /// Starts to read the manifests, once, and once more each time that the remote comes back.
    fn start_loading(self: &Arc<Self>) {
        if self.are_in_trouble() || self.is_loading.swap(true, Ordering::Relaxed) {
            return;
        }
        let (packs, returns) = (self.clone(), self.remote.returns());
        // In a task: a get that gives up waiting must not end it.
        tokio::spawn(async move {
            match packs.find_manifests().await {
                Some(found) => drop(packs.found.set(found)),
                None => {
                    packs.in_trouble.send_replace(Some(returns));
                    packs.is_loading.store(false, Ordering::Relaxed);
                }
            }
        });
    }

    /// Whether the manifests could not be had, and the remote has not come back since. Then everything is a miss: asking for
    /// each object would ask a remote in trouble a thousand times.
    fn are_in_trouble(&self) -> bool {
        *self.in_trouble.borrow() == Some(self.remote.returns())
    }

    /// Waits until the manifests are read; whether there are any. `None`: they cannot be had.
    async fn loading(&self) -> Option<bool> {
        let mut trouble = self.in_trouble.subscribe();
        tokio::select! {
            biased;
            found = self.found.wait() => Some(matches!(found, Found::Manifests(_))),
            _ = trouble.wait_for(|_| self.are_in_trouble()) => None,
        }
    }

    /// Waits until the manifests are read; whether there are any. `None`: they cannot be had, or not within a get's patience.
    pub async fn load(self: &Arc<Self>) -> Option<bool> {
        self.start_loading();
        match tokio::time::timeout(PATIENCE, self.loading()).await {
            Ok(loaded) => loaded,
            Err(_) => {
                let error = RemoteError::TooSlow { key: MANIFESTS.to_owned(), seconds: PATIENCE.as_secs() };
                self.remote.let_go_wait(&error, PATIENCE);
                None
            }
        }
    }

    /// `None`: they cannot be had now.
    async fn find_manifests(&self) -> Option<Found> {
        let helps = RemoteError::is_passing_answer;
        let manifests = match retry(LOAD_AGAIN_AFTER, helps, |_| self.manifests()).await {
            Ok(manifests) => manifests.found,
            Err(error) if error.denies_listing() => {
                note(format_args!("packs cannot be found, this build reads and writes plain objects: {error}"));
                return Some(Found::Nothing);
            }
            Err(error) => {
                if error.is_timeout() {
                    // All gets waited for this one: it weighs as much as two of theirs.
                    self.remote.let_go_wait(&error, PATIENCE);
                }
                self.remote.note_trouble(&error);
                return None;
            }
        };
        if manifests.is_empty() {
            if self.remote.contents_are_due() {
                // Plain objects it is: what a small bucket has of them is known from here on.
                self.remote.learn_contents().await;
            }
            return Some(Found::Nothing);
        }
        let count = manifests.len();
        let catalog = Catalog::new(manifests.into_iter().map(|(_, manifest)| manifest).collect());
        let reads_ahead = !self.without.contains(&PackOption::Prefetch);
        let schedule = Mutex::new(Schedule::new(reads_ahead, self.connections));
        let loaded = Loaded { catalog, manifests: count, runtime: Handle::current(), schedule };
        Some(Found::Manifests(Box::new(loaded)))
    }

    pub(crate) fn loaded(&self) -> Option<&Loaded> {
        match self.found.get()? {
            Found::Manifests(loaded) => Some(loaded),
            Found::Nothing => None,
        }
    }

    /// Whether the packs may have an action; `None` while the manifests are not read, or when there are none.
    pub fn may_have(&self, action: &ActionId) -> Option<bool> {
        match self.found.get() {
            Some(Found::Manifests(loaded)) => {
                let catalog = &loaded.catalog;
                Some(catalog.find(action).is_some() && !self.is_full.load(Ordering::Relaxed))
            }
            Some(Found::Nothing) => None,
            None if self.are_in_trouble() => Some(false),
            None => None,
        }
    }

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

    /// Ends what is on its way, so that nothing of it stays on disk. For the end of the session.
    pub async fn end(&self) {
        let _ = self.ending.set(());
        self.fetches.close();
        let _ = tokio::time::timeout(END_PATIENCE, self.fetches.wait()).await;
    }

    /// Whether the packs have an action, as far as nothing has told otherwise: an upload would only repeat it.
    pub fn surely_have(&self, action: &ActionId) -> bool {
        self.may_have(action) == Some(true) && !self.lost().contains(action)
    }

    fn lost(&self) -> MutexGuard<'_, HashSet<ActionId>> {
        self.lost.lock().expect("nobody panics with it")
    }

    async fn arrival(&self, action: &ActionId, pack: PackId, mut progress: watch::Receiver<Progress>) -> Option<Entry> {
        loop {
            // In this order: what came last is there before the end is told.
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

    /// The packs that go used, in that order.
    pub fn trail(&self) -> Vec<PackId> {
        let Some(loaded) = self.loaded() else { return Vec::new() };
        let used = loaded.schedule().used().to_vec();
        used.into_iter().map(|number| loaded.catalog.pack(number).id).collect()
    }

    /// How many of them a manifest of this session has told of; `None`: there is no such manifest.
    pub(crate) fn told_uses(&self) -> Option<usize> {
        *self.told_uses.lock().expect("nobody panics with it")
    }

    /// Notes that a manifest of this session tells of the first `uses` of them.
    pub fn told(&self, uses: usize) {
        *self.told_uses.lock().expect("nobody panics with it") = Some(uses);
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
            match record.is_large() {
                true => self.read_large(&key, record, transfer).instrument(span).await,
                false => self.read_pack(&key, transfer).instrument(span).await,
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
        match record.is_large() {
            true => schedule.large_ended(),
            false => schedule.ended(on_its_way),
        }
        self.start(loaded, &mut schedule);
    }
}

/// How much longer than its patience a get waits for a pack that comes in well.
fn more_patience(pack: &PackRecord) -> Duration {
    MORE_PATIENCE.mul_f64((f64::from(pack.bytes) / LARGEST_PACKED as f64).max(1.0))
}

impl Loaded {
    /// When the pack that was used longest ago, of those that this session used, was used before; Unix seconds.
    pub(crate) fn last_use_s(&self) -> Option<i64> {
        self.schedule().used().iter().map(|pack| self.catalog.pack(*pack).used_s).min()
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().expect("no user of the schedule panics")
    }
}
