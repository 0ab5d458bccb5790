//! The keys of a small remote, learned from one listing: a get of anything else is a miss without a request.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

/// A listing older than this is renewed. Other machines may be filling the remote too.
const RENEWED_AFTER: Duration = Duration::from_secs(15);
/// How long a listing is believed that could not be renewed.
const BELIEVED_FOR: Duration = Duration::from_secs(60);
/// The wait after a listing that failed. It doubles with each failure in a row, ...
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// ... up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// The keys in a remote, as far as they are known.
#[derive(Default)]
pub struct RemoteListing {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    is_listing: bool,
    /// There are too many keys, or the remote does not list them to us.
    is_hopeless: bool,
    /// All keys, and when the listing began that gave them.
    all: Option<(HashSet<String>, Instant)>,
    /// When the last listing failed, and how long the next one waits after that: each costs a store in trouble more than
    /// many gets.
    failed: Option<(Instant, Duration)>,
}

/// The result of a listing.
pub enum Listed {
    /// All keys.
    All(HashSet<String>),
    /// There are too many, or they are not for us to see.
    Hopeless,
    /// Nothing, this time.
    Failed,
}

impl RemoteListing {
    /// True if the remote may hold an object of this key: any key while a listing is due, see [`RemoteListing::begin`].
    pub fn may_hold(&self, key: &str) -> bool {
        let known = self.lock();
        let believed = known.all.as_ref().filter(|(_, since)| since.elapsed() <= BELIEVED_FOR);
        known.is_due() || believed.is_none_or(|(keys, _)| keys.contains(key))
    }

    /// True if the caller should list the remote now, and call [`RemoteListing::learn`]; false for all others meanwhile.
    pub fn begin(&self) -> bool {
        let mut known = self.lock();
        let is_due = known.is_due();
        known.is_listing |= is_due;
        is_due
    }

    /// Takes what a listing that began at `since` gave.
    pub fn learn(&self, listed: Listed, since: Instant) {
        let mut known = self.lock();
        known.is_listing = false;
        match listed {
            Listed::All(keys) => {
                known.all = Some((keys, since));
                known.failed = None;
            }
            Listed::Hopeless => *known = Known { is_hopeless: true, ..Known::default() },
            Listed::Failed => {
                let wait = known.failed.map_or(FIRST_WAIT, |(_, wait)| (wait * 2).min(LONGEST_WAIT));
                known.failed = Some((Instant::now(), wait));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("nobody panics with it")
    }
}

impl Known {
    fn is_due(&self) -> bool {
        let is_old = self.all.as_ref().is_none_or(|(_, since)| since.elapsed() > RENEWED_AFTER);
        let waits = self.failed.is_some_and(|(since, wait)| since.elapsed() < wait);
        is_old && !waits && !self.is_listing && !self.is_hopeless
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn all(keys: &[&str]) -> Listed {
        Listed::All(keys.iter().map(|key| (*key).to_owned()).collect())
    }

    #[test]
    fn anything_may_be_there_until_the_whole_is_known() {
        let listing = RemoteListing::default();
        assert!(listing.may_hold("a"));
        assert!(listing.begin());
        assert!(listing.may_hold("a"));
        listing.learn(all(&["a"]), Instant::now());
        assert!(listing.may_hold("a"));
        assert!(!listing.may_hold("b"));
    }

    #[test]
    fn one_caller_lists_and_one_listing_is_enough() {
        let listing = RemoteListing::default();
        assert!(listing.begin());
        assert!(!listing.begin());
        listing.learn(all(&[]), Instant::now());
        assert!(!listing.begin());
    }

    #[test]
    fn too_many_keys_are_not_listed_again() {
        let listing = RemoteListing::default();
        assert!(listing.begin());
        listing.learn(Listed::Hopeless, Instant::now());
        assert!(listing.may_hold("a") && !listing.begin());
    }

    #[tokio::test(start_paused = true)]
    async fn a_listing_that_fails_is_tried_again_after_a_wait_that_doubles() {
        let listing = RemoteListing::default();
        for wait_s in [5, 10, 20, 40, 80, 160, 300, 300] {
            assert!(listing.begin());
            listing.learn(Listed::Failed, Instant::now());
            assert!(listing.may_hold("a") && !listing.begin());
            advance(Duration::from_secs(wait_s - 1)).await;
            assert!(!listing.begin(), "{wait_s} s");
            advance(Duration::from_secs(1)).await;
        }
        assert!(listing.begin());
        listing.learn(all(&["a"]), Instant::now());
        assert_eq!(listing.lock().failed, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_listing_is_renewed_and_believed_meanwhile() {
        let listing = RemoteListing::default();
        listing.learn(all(&[]), Instant::now());
        advance(Duration::from_secs(20)).await;
        assert!(listing.may_hold("a"), "somebody has to begin the listing");
        assert!(listing.begin());
        assert!(!listing.may_hold("a"));
        listing.learn(all(&["a"]), Instant::now());
        assert!(listing.may_hold("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_listing_that_cannot_be_renewed_is_not_believed_for_long() {
        let listing = RemoteListing::default();
        listing.learn(all(&[]), Instant::now());
        advance(Duration::from_secs(61)).await;
        assert!(listing.begin());
        assert!(listing.may_hold("a"));
    }
}
