//! Loading the manifests: once, by the first get that asks the remote.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::cache::pack::format::keys::MANIFESTS;
use crate::cache::pack::read::catalog::Catalog;
use crate::cache::pack::read::packs::{Found, Loaded, Packs};
use crate::cache::pack::read::schedule::{PATIENCE, Schedule};
use crate::cache::remote::error::RemoteError;
use crate::cache::remote::retry::retry;
use crate::config::strategy::PackOption;
use crate::note::note;

/// Waits before the manifests are asked for again, when the remote has said to come later: without them all is compiled.
const LOAD_AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];

impl Packs {
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
            // Plain objects it is: what a small bucket has of them is known from here on.
            self.objects.list_when_due().await;
            return Some(Found::Nothing);
        }
        let count = manifests.len();
        let catalog = Catalog::new(manifests.into_iter().map(|(_, manifest)| manifest).collect());
        let reads_ahead = !self.without.contains(&PackOption::Prefetch);
        let schedule = Mutex::new(Schedule::new(reads_ahead, self.connections));
        let loaded = Loaded { catalog, manifests: count, runtime: Handle::current(), schedule };
        Some(Found::Manifests(Box::new(loaded)))
    }
}
