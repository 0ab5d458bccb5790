//! An entry as one session knows it, with its use.

use std::num::NonZeroU32;

use crate::cache::local::index::entry::{Entry, Origin, USE_EVERY_S};

/// An entry as this session knows it. Small: there may be a million.
#[derive(Clone, Copy)]
pub struct Known {
    pub entry: Entry,
    pub origin: Origin,
    /// True once this session has given it to go.
    pub is_handed_out: bool,
    /// Its last known use, Unix seconds; `None`: none since it came into the store.
    pub used_s: Option<NonZeroU32>,
}

impl Known {
    /// An entry that has just come into the store.
    pub fn arrived(entry: Entry, origin: Origin, now_s: i64) -> Self {
        Self { entry, origin, is_handed_out: false, used_s: compact(now_s) }
    }

    /// Gives the entry to go.
    pub fn hand_out(&mut self) -> (Entry, Origin) {
        self.is_handed_out = true;
        (self.entry, self.origin)
    }

    /// True if go has the path of its body, by a get or a put.
    pub fn was_given(&self) -> bool {
        self.is_handed_out || self.origin == Origin::PutHere
    }

    /// True if the log shows a use in the day before `now_s`.
    pub fn is_noted(&self, now_s: i64) -> bool {
        let used_s = self.used_s().or_else(|| put_s(&self.entry, now_s));
        used_s.is_some_and(|used_s| now_s.abs_diff(used_s) < USE_EVERY_S as u64)
    }

    /// Its last known use, Unix seconds.
    pub fn used_s(&self) -> Option<i64> {
        self.used_s.map(|used_s| used_s.get().into())
    }
}

/// When an entry was put, Unix seconds. `None` where the clock says that this is to come.
pub fn put_s(entry: &Entry, now_s: i64) -> Option<i64> {
    let put_s = entry.time_ns.div_euclid(1_000_000_000);
    (put_s <= now_s).then_some(put_s)
}

/// Unix seconds as an entry holds them: enough until 2106.
pub fn compact(unix_s: i64) -> Option<NonZeroU32> {
    NonZeroU32::new(unix_s.clamp(1, u32::MAX.into()) as u32)
}
