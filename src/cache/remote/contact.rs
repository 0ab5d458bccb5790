//! Facts that a session learns of its remote: if it answers, lists, and lets the key read.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{OnceCell, SetOnce};

/// A remote that has never sent a byte, and sends none for so long, is off. A slow one that sends is not.
pub const SILENCE: Duration = Duration::from_secs(3);

/// Facts about a remote, each learned once.
#[derive(Default)]
pub struct Contact {
    /// Set by the first answer.
    pub(super) heard: SetOnce<()>,
    /// The first question, where a session has to ask one before it can go on.
    pub(super) greeting: OnceCell<()>,
    /// The other question.
    pub(super) otherwise: OnceCell<()>,
    /// True where the remote lists to this key; unset while that was not asked.
    pub(super) lists: OnceLock<bool>,
    has_read: AtomicBool,
    /// Gets that were denied in place of "there is no such object".
    denials: AtomicU32,
}

impl Contact {
    /// Notes that the remote has answered.
    pub fn hear(&self) {
        let _ = self.heard.set(());
    }

    /// True if the remote has ever answered in this session.
    pub fn has_heard(&self) -> bool {
        self.heard.get().is_some()
    }

    /// Notes whether the remote has listed to this key.
    pub fn note_listing(&self, lists: bool) {
        let _ = self.lists.set(lists);
    }

    /// True if the remote is known not to list to this key.
    pub fn is_listing_denied(&self) -> bool {
        self.lists.get() == Some(&false)
    }

    /// Notes that the key may read: an object was read, or was missing.
    pub fn note_read(&self) {
        self.has_read.store(true, Ordering::Relaxed);
    }

    /// Notes that a get was denied; whether `most` were, and nothing was read.
    pub(super) fn denied_for_long(&self, most: u32) -> bool {
        let denials = self.denials.fetch_add(1, Ordering::Relaxed) + 1;
        denials >= most && !self.has_read()
    }

    /// True if an object was read.
    pub fn has_read(&self) -> bool {
        self.has_read.load(Ordering::Relaxed)
    }
}
