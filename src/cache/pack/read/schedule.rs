//! Which packs are fetched when: what go waits for first, then what earlier sessions used next, a few at first and more the
//! more of them go asks for. Decides, and does nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, SetOnce, watch};
use tracing::{Span, info_span};

use crate::cache::pack::format::manifest::PackId;
use crate::cache::pack::read::catalog::PackNumber;

/// The longest that a get waits: compiling is sooner done then, and the second time the remote goes off. More than the
/// client's own limit for a silence, so that a remote that says nothing is named as such.
pub const PATIENCE: Duration = Duration::from_secs(6);
/// Packs that are fetched at the same time.
pub const CONNECTIONS: usize = 8;
/// Large outputs that are fetched beside them: they must not keep the connections from what comes soon.
const LARGE_CONNECTIONS: usize = 2;
/// On a slow link this number is enough.
const FEWEST_AHEAD: usize = 2;
/// A pack that takes longer on its way shares the link with too many others: one that go waits for would take as long.
const SLOW: Duration = Duration::from_millis(250);
/// Packs that are read ahead at first, and at most.
const FIRST_WINDOW: usize = 4;
const WIDEST_WINDOW: usize = 64;
/// Hits after which twice as many are read ahead: `go list` asks for some dozens, a build for hundreds.
const HITS_TO_DOUBLE: usize = 32;

/// The packs that are fetched, and those that are next.
pub struct Schedule {
    /// Packs that go waits for, before those that it may ask for.
    urgent: VecDeque<PackNumber>,
    ahead: VecDeque<PackNumber>,
    in_flight: usize,
    /// Large outputs that go waits for.
    large: VecDeque<PackNumber>,
    large_in_flight: usize,
    packs: HashMap<PackNumber, Fetch>,
    /// Packs that go used, in that order.
    used: Vec<PackNumber>,
    /// Gets that the packs answered, or will.
    hits: usize,
    most_in_flight: usize,
    /// How many may be in flight when one more is started that go does not wait for.
    most_ahead: usize,
    reads_ahead: bool,
}

/// One pack that is fetched, or will be.
pub struct Fetch {
    pub transfer: Arc<Transfer>,
    is_used: bool,
}

/// A pack on its way, as those who wait for it see it.
pub struct Transfer {
    pub progress: watch::Sender<Progress>,
    /// Told when a get waits for it.
    pub hurry: Notify,
    /// Set when no get waits any more for a large output that would take long.
    pub given_up: SetOnce<()>,
    /// When its last attempt began, and the bytes that have come since.
    came: Mutex<Option<(Instant, u64)>>,
}

impl Transfer {
    /// Notes that an attempt begins.
    pub fn begins(&self) {
        let is_first = self.came().replace((Instant::now(), 0)).is_none();
        self.progress.send_replace(if is_first { Progress::Asked } else { Progress::AskedAgain });
    }

    /// Notes that bytes have come.
    pub fn received(&self, bytes: usize) {
        if let Some((_, received)) = self.came().as_mut() {
            *received += bytes as u64;
        }
        if matches!(*self.progress.borrow(), Progress::Asked | Progress::AskedAgain) {
            self.progress.send_replace(Progress::Frames(0));
        }
    }

    /// True if the rest of `bytes` comes within `limit` if it goes on as so far.
    pub fn ends_within(&self, limit: Duration, bytes: u32) -> bool {
        let Some((began, received)) = *self.came() else { return false };
        let left = u64::from(bytes).saturating_sub(received);
        left as f64 * began.elapsed().as_secs_f64() <= limit.as_secs_f64() * received as f64
    }

    /// True if it waits for its turn: how long says nothing of the remote.
    pub fn is_queued(&self) -> bool {
        *self.progress.borrow() == Progress::Queued
    }

    /// True if any of its bytes have come.
    pub fn has_begun(&self) -> bool {
        self.came().is_some_and(|(_, received)| received > 0)
    }

    fn came(&self) -> MutexGuard<'_, Option<(Instant, u64)>> {
        self.came.lock().expect("nobody panics with it")
    }
}

/// How far a pack is. Those who wait see each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It waits for its turn.
    Queued,
    /// It was asked for, and no answer has come.
    Asked,
    /// It was asked for after an attempt that failed, and no answer has come.
    AskedAgain,
    /// An attempt has failed, and the next has to wait.
    BacksOff,
    /// It comes in; this number of its frames are in the local store.
    Frames(usize),
    /// One of its frames is taken apart.
    Unpacks,
    /// There will be no more.
    Ended,
}

impl Progress {
    /// The span of a get that waits for this pack meanwhile.
    pub fn wait(self, pack: PackId) -> Span {
        match self {
            Self::Queued | Self::Ended => info_span!("wait.turn", pack = %pack),
            Self::Asked => info_span!("wait.first_byte", pack = %pack),
            Self::AskedAgain => info_span!("wait.retry", pack = %pack),
            Self::BacksOff => info_span!("wait.back_off", pack = %pack),
            Self::Frames(_) => info_span!("wait.transfer", pack = %pack),
            Self::Unpacks => info_span!("wait.unpack", pack = %pack),
        }
    }
}

impl Schedule {
    /// Nothing to do yet. Without reading ahead only what go asks for is fetched; at most `most` at a time.
    pub fn new(reads_ahead: bool, most: usize) -> Self {
        Self {
            urgent: VecDeque::new(),
            ahead: VecDeque::new(),
            in_flight: 0,
            large: VecDeque::new(),
            large_in_flight: 0,
            packs: HashMap::new(),
            used: Vec::new(),
            hits: 0,
            most_in_flight: most,
            most_ahead: most,
            reads_ahead,
        }
    }

    /// Notes that a get finds its answer in a pack: how far that is, and whether to read on from there.
    pub fn want(&mut self, pack: PackNumber, is_large: bool) -> (Arc<Transfer>, bool) {
        self.hits += 1;
        let is_new = !self.packs.contains_key(&pack);
        let fetch = self.packs.entry(pack).or_default();
        let is_first_use = !std::mem::replace(&mut fetch.is_used, true);
        let transfer = fetch.transfer.clone();
        if is_first_use {
            self.used.push(pack);
        }
        if is_new {
            if is_large { &mut self.large } else { &mut self.urgent }.push_back(pack);
        } else if is_first_use && let Some(at) = self.ahead.iter().position(|waiting| *waiting == pack) {
            self.ahead.remove(at);
            self.urgent.push_back(pack);
        }
        (transfer, is_first_use || self.hits.is_multiple_of(HITS_TO_DOUBLE))
    }

    /// Queues what comes after a pack that was used, the nearest first.
    pub fn read_ahead(&mut self, after: &[PackNumber]) {
        let doublings = (self.hits / HITS_TO_DOUBLE).min(WIDEST_WINDOW.ilog2() as usize);
        let window = (FIRST_WINDOW << doublings).min(WIDEST_WINDOW);
        for pack in after.iter().take(if self.reads_ahead { window } else { 0 }) {
            if !self.packs.contains_key(pack) {
                self.packs.insert(*pack, Fetch::default());
                self.ahead.push_back(*pack);
            }
        }
    }

    /// The pack to be fetched next, if there is a connection for it.
    pub fn start(&mut self) -> Option<(PackNumber, Arc<Transfer>)> {
        if self.in_flight >= self.most_in_flight {
            return None;
        }
        let next = self
            .urgent
            .pop_front()
            .or_else(|| if self.in_flight < self.most_ahead { self.ahead.pop_front() } else { None })?;
        self.in_flight += 1;
        self.packs.get(&next).map(|fetch| (next, fetch.transfer.clone()))
    }

    /// The large output to be fetched next, if there is a connection for it.
    pub fn start_large(&mut self) -> Option<(PackNumber, Arc<Transfer>)> {
        if self.large_in_flight >= LARGE_CONNECTIONS.min(self.most_in_flight) {
            return None;
        }
        let next = self.large.pop_front()?;
        self.large_in_flight += 1;
        self.packs.get(&next).map(|fetch| (next, fetch.transfer.clone()))
    }

    /// Notes that the fetch of a large output is over.
    pub fn large_ended(&mut self) {
        self.large_in_flight -= 1;
    }

    /// Notes that a fetch is over, and how long the pack was on its way; `None` when it did not come. On a slow link fewer
    /// share it from then on, so that one that go waits for comes sooner; the link is full with few of them too.
    pub fn ended(&mut self, on_its_way: Option<Duration>) {
        self.in_flight -= 1;
        match on_its_way {
            Some(took) if took > SLOW => {
                self.most_ahead = (self.most_ahead - 1).max(FEWEST_AHEAD.min(self.most_in_flight));
            }
            Some(took) if took < SLOW / 2 => self.most_ahead = (self.most_ahead + 1).min(self.most_in_flight),
            // A remote in trouble gets no more to do.
            _ => {}
        }
    }

    /// The packs that go used, in that order.
    pub fn used(&self) -> &[PackNumber] {
        &self.used
    }
}

impl Default for Fetch {
    fn default() -> Self {
        let progress = watch::Sender::new(Progress::Queued);
        let transfer = Transfer { progress, hurry: Notify::new(), given_up: SetOnce::new(), came: Mutex::default() };
        Self { transfer: Arc::new(transfer), is_used: false }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
