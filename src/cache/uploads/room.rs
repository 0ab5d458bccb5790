//! The room for entries that wait to go out in packs, in bytes of their bodies.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::cache::local::index::entry::Entry;
use crate::cache::pack::format::manifest::LARGEST_PACKED;

/// Bodies that may wait to go out in packs, KiB. They are on disk; this bounds how far uploads lag. Plain uploads have no bound.
const ROOM_KIB: u32 = 512 << 10;
/// The longest that puts wait for room while the queue does not move.
const ROOM_PATIENCE: Duration = Duration::from_secs(2);
/// Room that a large output takes, KiB: it is streamed, and go must not wait for it.
const LARGE_COST_KIB: u32 = 1 << 10;

/// The room, all of it free at first.
pub(super) struct Room {
    free: Arc<Semaphore>,
    /// True once a put has waited for room in vain: the later ones do not wait at all.
    gave_up_waiting: AtomicBool,
}

impl Default for Room {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(ROOM_KIB as usize)), gave_up_waiting: AtomicBool::new(false) }
    }
}

impl Room {
    /// Takes room for an entry, until the permit is dropped; `None` when there is too little.
    pub(super) fn try_take(&self, entry: &Entry) -> Option<OwnedSemaphorePermit> {
        self.free.clone().try_acquire_many_owned(cost_kib(entry)).ok()
    }

    /// Waits for room. A link that is slower than the build must not hold it for long: then it is `None`.
    pub(super) async fn take(&self, entry: &Entry) -> Option<OwnedSemaphorePermit> {
        let room = self.free.clone().acquire_many_owned(cost_kib(entry));
        let patience = if self.gave_up_waiting.load(Ordering::Relaxed) { Duration::ZERO } else { ROOM_PATIENCE };
        match tokio::time::timeout(patience, room).await {
            Ok(room) => Some(room.expect("the room is never closed")),
            Err(_) => {
                self.gave_up_waiting.store(true, Ordering::Relaxed);
                None
            }
        }
    }

    /// Bytes that are taken; each entry is rounded up to whole KiB.
    pub(super) fn taken_bytes(&self) -> u64 {
        u64::from(ROOM_KIB).saturating_sub(self.free.available_permits() as u64) * 1024
    }
}

/// Room that an upload takes: at least one, so that the number of tasks is bounded too.
fn cost_kib(entry: &Entry) -> u32 {
    if entry.size_bytes > LARGEST_PACKED {
        return LARGE_COST_KIB;
    }
    u32::try_from(entry.size_bytes.div_ceil(1024)).unwrap_or(ROOM_KIB).clamp(1, ROOM_KIB)
}
