//! What a small remote holds, learned from one listing: a get of anything else is a miss without a request.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How long a listing is believed. Other machines may be filling the remote too: what they add is found after that.
const BELIEVED_FOR: Duration = Duration::from_secs(60);

/// What is known of the keys in a remote.
#[derive(Default)]
pub struct Contents {
    known: Mutex<Known>,
}

#[derive(Default)]
enum Known {
    #[default]
    NotListed,
    /// A listing is under way.
    Listing,
    /// These, and no others.
    All { keys: HashSet<String>, since: Instant },
    /// There are too many to list them, or the remote does not list them to us.
    TooMany,
}

impl Contents {
    /// Whether the remote may hold an object of this key.
    pub fn may_hold(&self, key: &str) -> bool {
        match &*self.lock() {
            Known::All { keys, since } => keys.contains(key) || since.elapsed() > BELIEVED_FOR,
            Known::NotListed | Known::Listing | Known::TooMany => true,
        }
    }

    /// Whether the caller should list the remote now, and [`Contents::learn`] from it; no other caller is told so
    /// meanwhile.
    pub fn begin_listing(&self) -> bool {
        let mut known = self.lock();
        let is_due = match &*known {
            Known::NotListed => true,
            Known::All { since, .. } => since.elapsed() > BELIEVED_FOR,
            Known::Listing | Known::TooMany => false,
        };
        if is_due {
            *known = Known::Listing;
        }
        is_due
    }

    /// Takes what a listing that began at `since` gave: all keys, or nothing when there are too many of them.
    pub fn learn(&self, keys: Option<HashSet<String>>, since: Instant) {
        *self.lock() = keys.map_or(Known::TooMany, |keys| Known::All { keys, since });
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("nobody panics with it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(of: &[&str]) -> Option<HashSet<String>> {
        Some(of.iter().map(|key| (*key).to_owned()).collect())
    }

    #[test]
    fn anything_may_be_there_until_the_whole_is_known() {
        let contents = Contents::default();
        assert!(contents.may_hold("a"));
        assert!(contents.begin_listing());
        assert!(contents.may_hold("a"));
        contents.learn(keys(&["a"]), Instant::now());
        assert!(contents.may_hold("a"));
        assert!(!contents.may_hold("b"));
    }

    #[test]
    fn one_caller_lists_and_one_listing_is_enough() {
        let contents = Contents::default();
        assert!(contents.begin_listing());
        assert!(!contents.begin_listing());
        contents.learn(keys(&[]), Instant::now());
        assert!(!contents.begin_listing());
    }

    #[test]
    fn too_many_keys_are_not_listed_again() {
        let contents = Contents::default();
        assert!(contents.begin_listing());
        contents.learn(None, Instant::now());
        assert!(contents.may_hold("a"));
        assert!(!contents.begin_listing());
    }

    #[test]
    fn an_old_listing_is_not_believed_and_is_made_again() {
        let contents = Contents::default();
        let Some(long_ago) = Instant::now().checked_sub(BELIEVED_FOR + Duration::from_secs(1)) else { return };
        contents.learn(keys(&[]), long_ago);
        assert!(contents.may_hold("a"));
        assert!(contents.begin_listing());
    }
}
