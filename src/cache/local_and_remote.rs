//! The cache of one session: the local store first, then the remote by the strategy that was chosen.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::time::Instant;

use crate::cache::local::body_file::{BodyFile, CommitError};
use crate::cache::local::index::entry::{Entry, Origin};
use crate::cache::local::store::LocalStore;
use crate::cache::remote::store::Remote;
use crate::cache::strategy::choose;
use crate::cache::strategy::remote_strategy::{Options, RemoteStrategy};
use crate::cache::uploads::session::Uploads;
use crate::platform::clock::now_unix_ns;
use crate::protocol::{ActionId, OutputId};

/// A hit.
#[derive(Clone, Debug)]
pub struct StoredEntry {
    /// The stored entry.
    pub entry: Entry,
    /// Absolute path of the body.
    pub path: PathBuf,
    /// How it came into this process.
    pub origin: Origin,
}

/// The answer to a get, as far as it is known without waiting.
pub enum Lookup {
    /// It is here.
    Hit(StoredEntry),
    /// It is nowhere.
    Miss,
    /// Only the remote knows: see [`Cache::ask_remote`].
    AskRemote,
}

/// The answer to a put, as far as it is known without waiting. The body is in the local store in both cases.
pub enum Put {
    /// It can be answered.
    Done(StoredEntry),
    /// It can be answered after [`Cache::finish_put`].
    Wait(StoredEntry, PutRest),
}

/// The part of a put that is left after its body has been stored locally.
pub struct PutRest {
    action: ActionId,
    entry: Entry,
}

/// Local and remote store under one strategy.
pub struct Cache {
    local: Arc<LocalStore>,
    remote: Option<Arc<Remote>>,
    /// `None` without a remote.
    strategy: Option<Box<dyn RemoteStrategy>>,
    /// False where fault injection has switched uploads off.
    has_uploads: bool,
}

impl Cache {
    /// A cache over `local`, and `remote` if there is one.
    pub fn new(local: LocalStore, remote: Option<Remote>, options: &Options) -> Self {
        let mut remote = remote.map(|remote| remote.with(options.faults));
        if options.remembers_remote {
            remote = remote.map(|remote| remote.remembered_in(local.folder()));
        }
        let (local, remote) = (Arc::new(local.with(options.faults)), remote.map(Arc::new));
        let strategy = remote.as_ref().map(|remote| choose(&local, remote, options));
        Self { local, remote, strategy, has_uploads: !options.faults.no_upload }
    }

    /// The local store.
    pub fn local(&self) -> &LocalStore {
        &self.local
    }

    /// The remote store, if there is one.
    pub fn remote(&self) -> Option<&Remote> {
        self.remote.as_deref()
    }

    /// The uploads, if there is a remote.
    pub fn uploads(&self) -> Option<&Uploads> {
        self.uploading().map(RemoteStrategy::uploads)
    }

    /// The strategy, where it uploads.
    fn uploading(&self) -> Option<&dyn RemoteStrategy> {
        if self.has_uploads { self.strategy.as_deref() } else { None }
    }

    /// Answers a get as far as memory knows.
    pub fn get(&self, action: &ActionId) -> Lookup {
        match (self.local.get(action), &self.strategy) {
            (Some((entry, origin, path)), strategy) => {
                if let (Origin::Fetched, Some(strategy)) = (origin, strategy) {
                    strategy.used(action);
                }
                Lookup::Hit(StoredEntry { entry, path, origin })
            }
            (None, Some(strategy)) if strategy.may_have(action) => Lookup::AskRemote,
            (None, _) => Lookup::Miss,
        }
    }

    /// Asks the remote, and keeps locally what it gives. Any trouble is a miss.
    pub async fn ask_remote(&self, action: &ActionId) -> Option<StoredEntry> {
        let entry = self.strategy.as_ref()?.get(action).await?;
        Some(StoredEntry { entry, path: self.local.path_of(&entry.output), origin: Origin::Fetched })
    }

    /// Stores a body that has been read whole, and starts its upload where that can go beside the answer.
    ///
    /// # Errors
    /// [`CommitError`] when the content is not `output`, or no disk takes it.
    pub fn put(
        &self,
        action: ActionId,
        output: OutputId,
        size_bytes: u64,
        body: Option<BodyFile>,
    ) -> Result<Put, CommitError> {
        let path = match body {
            Some(body) => self.local.keep_body(body, &output, size_bytes)?,
            None => self.local.keep_empty_body(&output)?,
        };
        let entry = Entry { output, size_bytes, time_ns: i64::try_from(now_unix_ns()).unwrap_or(i64::MAX) };
        self.local.keep_entry(action, entry, Origin::PutHere);
        let found = StoredEntry { entry, path, origin: Origin::PutHere };
        match self.uploading() {
            Some(strategy) if !strategy.put(action, entry) => Ok(Put::Wait(found, PutRest { action, entry })),
            _ => Ok(Put::Done(found)),
        }
    }

    /// Does the part of a put that its answer has to wait for. Trouble with the remote never reaches go.
    pub async fn finish_put(&self, rest: PutRest) {
        if let Some(strategy) = self.uploading() {
            strategy.finish_put(rest.action, rest.entry).await;
        }
    }

    /// Sends an entry of the local store as if it were put now, and waits as that put would.
    pub async fn put_again(&self, action: ActionId, entry: Entry) {
        if let Some(strategy) = self.uploading()
            && !strategy.put(action, entry)
        {
            strategy.finish_put(action, entry).await;
        }
    }

    /// True if [`Cache::drain`] has something to wait for.
    pub fn has_uploads_left(&self) -> bool {
        self.uploading().is_some_and(|strategy| strategy.uploads().pending() > 0 || strategy.has_unpublished())
    }

    /// Waits until all uploads are out, or until `deadline`.
    pub async fn drain(&self, deadline: Instant) {
        if let Some(strategy) = self.uploading() {
            strategy.drain(deadline).await;
        }
    }

    /// Remembers the entries that are not in the remote, for the next session that uploads to it.
    pub fn remember_unsent(&self) {
        if let Some(uploads) = self.uploads() {
            uploads.remember_unsent();
        }
    }

    /// Waits until it is known whether a remote that was off works again, where this session tries that: a few seconds at
    /// most. For the time after go has been let go.
    pub fn end_probe(&self) {
        if let Some(remote) = &self.remote {
            remote.end_probe();
        }
    }

    /// Ends the fetches that are under way, and keeps the remote small. For the time after go has been let go: it takes
    /// requests of its own.
    pub async fn maintain(&self) {
        if let Some(strategy) = &self.strategy {
            strategy.maintain().await;
        }
    }
}
