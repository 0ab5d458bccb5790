//! The strategies: how local and remote store answer a get and a put together.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use tokio::time::Instant;
use tracing::{Instrument, info_span};

use crate::cache::knobs::Knobs;
use crate::cache::local::body_file::{BodyFile, CommitError};
use crate::cache::local::index::memory::{Entry, Origin};
use crate::cache::local::store::LocalStore;
use crate::cache::pack::read::prefetch::Packs;
use crate::cache::remote::store::Remote;
use crate::cache::uploads::packing::Packing;
use crate::cache::uploads::queue::Uploads;
use crate::protocol::{ActionId, OutputId};

/// How uploads and answers go together. All strategies keep the same promises on correctness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Steps 2.1 and 2.2 as the workshop's own program solves them: both uploads are done before a put is answered, and a
    /// get asks whether there is metadata, for the metadata, and for the body.
    Workshop,
    /// Uploads go out beside the answers and are waited for at the end.
    Async,
    /// Many outputs in one object, fetched before go asks for them.
    Pack,
}

impl Strategy {
    /// As arguments and files have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Workshop => "workshop",
            Self::Async => "async",
            Self::Pack => "pack",
        }
    }
}

/// A part of the strategy `pack` that can be switched off, to see what it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum PackOption {
    /// What comes next is fetched before go asks for it.
    Prefetch,
    /// Many outputs share an object.
    Packs,
    /// zstd.
    Compression,
    /// What is asked first comes first.
    Order,
    /// More than one connection.
    Connections,
}

/// How a cache works.
#[derive(Clone, Debug)]
pub struct Options {
    pub strategy: Strategy,
    /// Parts of `pack` that are off.
    pub without: Vec<PackOption>,
    /// Whether `pack` writes the workshop's objects too.
    pub writes_plain: bool,
    pub knobs: Knobs,
    /// Whether a remote that is off stays so for later sessions.
    pub remembers_remote: bool,
}

/// A hit.
#[derive(Clone, Debug)]
pub struct Found {
    /// What is stored.
    pub entry: Entry,
    /// Absolute path of the body.
    pub path: PathBuf,
    /// How it came into this process.
    pub origin: Origin,
}

/// What can be said of a get without waiting.
pub enum Lookup {
    /// It is here.
    Hit(Found),
    /// It is nowhere.
    Miss,
    /// Only the remote knows: see [`Cache::ask_remote`].
    AskRemote,
}

/// What can be said of a put without waiting. The body is in the local store in both cases.
pub enum Put {
    /// It can be answered.
    Done(Found),
    /// It can be answered after [`Cache::finish_put`].
    Wait(Found, PutRest),
}

/// What is left of a put after its body has been stored locally.
pub struct PutRest {
    action: ActionId,
    entry: Entry,
}

/// Local and remote store under one strategy.
pub struct Cache {
    local: Arc<LocalStore>,
    remote: Option<Arc<Remote>>,
    strategy: Strategy,
    uploads: Option<Arc<Uploads>>,
    /// With the strategy `pack`.
    packs: Option<Arc<Packs>>,
}

impl Cache {
    /// A cache over `local`, and `remote` if there is one.
    pub fn new(local: LocalStore, remote: Option<Remote>, options: &Options) -> Self {
        let Options { strategy, without, writes_plain, knobs, remembers_remote } = options;
        let mut remote = remote.map(|remote| remote.with(*knobs));
        if *remembers_remote {
            remote = remote.map(|remote| remote.remembered_in(local.folder()));
        }
        let (local, remote) = (Arc::new(local.with(*knobs)), remote.map(Arc::new));
        let packs = remote.as_ref().filter(|_| *strategy == Strategy::Pack);
        let packs = packs.map(|remote| Arc::new(Packs::new(remote.clone(), local.clone(), without, *knobs)));
        let packing = packs.clone().map(|packs| Packing::new(local.clone(), packs, without, *knobs));
        let uploads = remote.clone().filter(|_| !knobs.no_upload);
        let uploads = uploads.map(|remote| Uploads::new(remote, local.clone(), packing, *writes_plain));
        Self { local, remote, strategy: *strategy, uploads: uploads.map(Arc::new), packs }
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
        self.uploads.as_deref()
    }

    /// Answers a get as far as memory knows.
    pub fn get(&self, action: &ActionId) -> Lookup {
        match self.local.get(action) {
            Some((entry, origin, path)) => {
                if origin == Origin::Fetched {
                    self.packs.iter().for_each(|packs| packs.used(action));
                }
                Lookup::Hit(Found { entry, path, origin })
            }
            None if self.remote_may_have(action) => Lookup::AskRemote,
            None => Lookup::Miss,
        }
    }

    /// Asks the remote for metadata, then for the body; keeps both locally. Any trouble is a miss.
    pub async fn ask_remote(&self, action: &ActionId) -> Option<Found> {
        let began = std::time::Instant::now();
        // Boxed: the compiler gives up on futures this deep. Without an answer in time it is a miss.
        if let Some(packs) = self.packs.as_ref()
            && packs.load().instrument(info_span!("wait.manifests")).boxed().await?
        {
            let entry = packs.fetch(action, began).instrument(info_span!("wait.pack")).boxed().await?;
            return Some(Found { entry, path: self.local.path_of(&entry.output), origin: Origin::Fetched });
        }
        let remote = self.remote.as_ref()?;
        if self.strategy != Strategy::Workshop && remote.contents_are_due() {
            let remote = remote.clone();
            tokio::spawn(async move { remote.learn_contents().await });
        }
        // The workshop's own program asks whether there is metadata before it asks for it: its library says so only then.
        if self.strategy == Strategy::Workshop && !remote.has_metadata(action).await.ok()? {
            if remote.is_bucket_in_doubt() {
                let remote = remote.clone();
                tokio::spawn(async move { remote.look_for_bucket().await });
            }
            return None;
        }
        let entry = remote.get_metadata(action).await.ok()??;
        if entry.size_bytes == 0 {
            self.local.keep_empty_body(&entry.output).ok()?;
        } else if !self.local.reuse_body(&entry.output, entry.size_bytes)
            && !remote.get_body(&entry, &self.local).await.ok()?
        {
            return None;
        }
        self.local.keep_entry(*action, entry, Origin::Fetched);
        Some(Found { entry, path: self.local.path_of(&entry.output), origin: Origin::Fetched })
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
        let entry = Entry { output, size_bytes, time_ns: now_ns() };
        self.local.keep_entry(action, entry, Origin::PutHere);
        let found = Found { entry, path, origin: Origin::PutHere };
        let is_on = |remote: &Arc<Remote>| remote.is_on() && remote.uploads_off_reason().is_none();
        if !self.remote.as_ref().is_some_and(is_on) || self.uploads.is_none() {
            self.uploads.iter().for_each(|uploads| uploads.skip(action));
            return Ok(Put::Done(found));
        }
        // After each link go puts its empty output, whether it was asked for or not.
        let is_there = size_bytes == 0 && self.packs.as_ref().is_some_and(|packs| packs.surely_have(&action));
        let queued = is_there || self.queue(action, entry);
        Ok(if queued { Put::Done(found) } else { Put::Wait(found, PutRest { action, entry }) })
    }

    /// Queues an upload where that can go beside the answer, and there is room.
    fn queue(&self, action: ActionId, entry: Entry) -> bool {
        match (self.strategy, &self.uploads) {
            (Strategy::Async | Strategy::Pack, Some(uploads)) => uploads.try_push(action, entry),
            _ => false,
        }
    }

    /// Does what a put has to wait for. Trouble with the remote never reaches go.
    pub async fn finish_put(&self, rest: PutRest) {
        let PutRest { action, entry } = rest;
        let Some(uploads) = &self.uploads else { return };
        match self.strategy {
            Strategy::Workshop => uploads.upload_now(&action, &entry).await,
            Strategy::Async | Strategy::Pack => uploads.push_when_room(action, entry).await,
        }
    }

    /// Sends what the local store holds as if it were put now, and waits as that put would.
    pub async fn put_again(&self, action: ActionId, entry: Entry) {
        if !self.queue(action, entry) {
            self.finish_put(PutRest { action, entry }).await;
        }
    }

    /// Waits until all uploads are out, or until `deadline`.
    pub async fn drain(&self, deadline: Instant) {
        if let Some(uploads) = &self.uploads {
            uploads.drain(deadline).await;
        }
    }

    /// Remembers what is not in the remote, for the next session that uploads to it.
    pub fn remember_unsent(&self) {
        self.uploads.iter().for_each(|uploads| uploads.remember_unsent());
    }

    /// Waits until it is known whether a remote that was off works again, where this session tries that: a few seconds at
    /// most. For the time after go has been let go.
    pub fn end_probe(&self) {
        self.remote.iter().for_each(|remote| remote.end_probe());
    }

    /// Ends what is still fetched ahead. For the time after go has been let go.
    pub async fn end_fetches(&self) {
        if let Some(packs) = &self.packs {
            packs.end().await;
        }
    }

    /// Keeps the remote small. For the time after go has been let go: it takes requests of its own.
    pub async fn tidy(&self) {
        if let Some(packs) = self.packs.as_ref().filter(|_| self.uploads.is_some()) {
            packs.tidy().await;
        }
    }

    fn remote_may_have(&self, action: &ActionId) -> bool {
        let packs_may = self.packs.as_ref().and_then(|packs| packs.may_have(action));
        self.remote
            .as_ref()
            .is_some_and(|remote| remote.is_on() && packs_may.unwrap_or_else(|| remote.may_have(action)))
    }
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
