//! The packs of a remote as one session knows them: the manifests that were read, and what is being fetched.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SetOnce, watch};
use tokio_util::task::TaskTracker;

use crate::cache::local::store::LocalStore;
use crate::cache::pack::format::manifest::PackId;
use crate::cache::pack::read::catalog::Catalog;
use crate::cache::pack::read::schedule::{CONNECTIONS, Schedule};
use crate::cache::plain::objects::PlainObjects;
use crate::cache::remote::store::Remote;
use crate::config::strategy::PackOption;
use crate::platform::fault_injection::FaultSettings;
use crate::protocol::ActionId;

/// Packs that are decompressed and written at the same time: go needs the cores too.
const DECODERS: usize = 2;
/// The longest that the end of a session waits until fetches have ended.
const END_PATIENCE: Duration = Duration::from_secs(1);
/// The packs of a remote as one session reads them.
pub struct Packs {
    /// The objects that are read where there are no packs.
    pub(super) objects: Arc<PlainObjects>,
    pub(crate) remote: Arc<Remote>,
    pub(super) local: Arc<LocalStore>,
    /// Parts that are switched off.
    pub(super) without: Vec<PackOption>,
    /// Packs that are fetched at the same time.
    pub(super) connections: usize,
    pub(super) is_loading: AtomicBool,
    pub(super) found: SetOnce<Found>,
    /// The manifests could not be had: how often the remote had come back by then. They are asked for again after the next
    /// time.
    pub(super) in_trouble: watch::Sender<Option<u64>>,
    pub(super) decoders: Semaphore,
    /// The local store takes no more: everything is a miss.
    pub(super) is_full: AtomicBool,
    /// A large output came too slowly: the others are made again at once.
    pub(super) large_are_slow: AtomicBool,
    /// Ends the fetches when the session ends.
    pub(super) ending: SetOnce<()>,
    pub(super) fetches: TaskTracker,
    /// Actions that the packs should have and did not give: they are put anew.
    lost: Mutex<HashSet<ActionId>>,
    /// How many of the packs that go used a manifest of this session names; `None` before the first.
    published_uses: Mutex<Option<usize>>,
}

/// The result of looking for manifests.
pub(super) enum Found {
    Manifests(Box<Loaded>),
    /// None, or none that this key is shown: plain objects are asked for.
    Nothing,
}

pub(crate) struct Loaded {
    pub(super) catalog: Catalog,
    /// Number of manifests that it was made of.
    pub(crate) manifests: usize,
    pub(super) runtime: Handle,
    pub(super) schedule: Mutex<Schedule>,
}

impl Packs {
    /// Packs that have not been looked at yet.
    pub fn new(
        objects: Arc<PlainObjects>,
        remote: Arc<Remote>,
        local: Arc<LocalStore>,
        without: &[PackOption],
        faults: FaultSettings,
    ) -> Self {
        let most = if without.contains(&PackOption::Connections) { 1 } else { CONNECTIONS };
        Self {
            connections: faults.connections.unwrap_or(most),
            objects,
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
            published_uses: Mutex::default(),
        }
    }

    /// True if the manifests could not be had, and the remote has not come back since. Then everything is a miss: asking for
    /// each object would ask a remote in trouble a thousand times.
    pub(super) fn are_in_trouble(&self) -> bool {
        *self.in_trouble.borrow() == Some(self.remote.returns())
    }

    pub(crate) fn loaded(&self) -> Option<&Loaded> {
        match self.found.get()? {
            Found::Manifests(loaded) => Some(loaded),
            Found::Nothing => None,
        }
    }

    /// Says if the packs may have an action; `None` while the manifests are not read, or when there are none.
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

    /// Ends what is on its way, so that nothing of it stays on disk. For the end of the session.
    pub async fn end(&self) {
        let _ = self.ending.set(());
        self.fetches.close();
        let _ = tokio::time::timeout(END_PATIENCE, self.fetches.wait()).await;
    }

    /// True if the packs have an action, as far as is known: an upload would only repeat it.
    pub fn surely_have(&self, action: &ActionId) -> bool {
        self.may_have(action) == Some(true) && !self.lost().contains(action)
    }

    pub(super) fn lost(&self) -> MutexGuard<'_, HashSet<ActionId>> {
        self.lost.lock().expect("nobody panics with it")
    }

    /// The packs that go used, in that order.
    pub fn access_order(&self) -> Vec<PackId> {
        let Some(loaded) = self.loaded() else { return Vec::new() };
        let used = loaded.schedule().used().to_vec();
        used.into_iter().map(|number| loaded.catalog.pack(number).id).collect()
    }

    /// How many of them a manifest of this session names; `None`: there is no such manifest.
    pub(crate) fn published_uses(&self) -> Option<usize> {
        *self.published_uses.lock().expect("nobody panics with it")
    }

    /// Notes that a manifest of this session names the first `uses` of them.
    pub fn published(&self, uses: usize) {
        *self.published_uses.lock().expect("nobody panics with it") = Some(uses);
    }
}

impl Loaded {
    /// When the pack that was used longest ago, of those that this session used, was used before; Unix seconds.
    pub(crate) fn last_use_s(&self) -> Option<i64> {
        self.schedule().used().iter().map(|pack| self.catalog.pack(*pack).used_s).min()
    }

    pub(super) fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().expect("no user of the schedule panics")
    }
}
