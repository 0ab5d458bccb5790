//! What a session has moved to and from the remote.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What was moved to and from the remote so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests sent.
    pub requests: u64,
    /// Requests that failed or gave something unusable; an object that is not there is no failure, nor is a remote that
    /// does not list to us.
    pub errors: u64,
    /// Bytes of object bodies received.
    pub bytes_down: u64,
    /// Bytes of object bodies sent.
    pub bytes_up: u64,
    /// Most downloads at the same time.
    pub most_downloads: u64,
}

/// Counts while it goes on.
#[derive(Default)]
pub struct Meter {
    pub requests: AtomicU64,
    pub errors: AtomicU64,
    pub bytes_down: AtomicU64,
    pub bytes_up: AtomicU64,
    /// Objects written.
    pub objects_up: AtomicUsize,
    downloads: AtomicU64,
    most_downloads: AtomicU64,
}

/// A download under way.
pub struct Download<'a>(&'a Meter);

impl Drop for Download<'_> {
    fn drop(&mut self) {
        self.0.downloads.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Meter {
    /// Counts so far.
    pub fn traffic(&self) -> Traffic {
        let Meter { requests, errors, bytes_down, bytes_up, most_downloads, .. } = self;
        let [requests, errors, bytes_down, bytes_up, most_downloads] =
            [requests, errors, bytes_down, bytes_up, most_downloads].map(|counter| counter.load(Ordering::Relaxed));
        Traffic { requests, errors, bytes_down, bytes_up, most_downloads }
    }

    /// Counts a download until it is dropped.
    pub fn download(&self) -> Download<'_> {
        let now = self.downloads.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_downloads.fetch_max(now, Ordering::Relaxed);
        Download(self)
    }
}
