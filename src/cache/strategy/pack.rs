//! The strategy `pack`: many outputs in one object, found by manifests and fetched ahead of go's questions. Where a bucket has
//! no manifests, or does not show them, the workshop's objects are read and written.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use tracing::{Instrument, info_span};

use crate::cache::local::index::entry::Entry;
use crate::cache::local::store::LocalStore;
use crate::cache::pack::read::packs::Packs;
use crate::cache::pack::write::writer::PackWriter;
use crate::cache::plain::objects::PlainObjects;
use crate::cache::remote::store::Remote;
use crate::cache::strategy::remote_strategy::{Options, RemoteStrategy};
use crate::cache::uploads::pack::PackUploads;
use crate::cache::uploads::plain::PlainUploads;
use crate::cache::uploads::session::Uploads;
use crate::config::strategy::PackOption;
use crate::protocol::ActionId;

/// The longest that a session collects garbage in the remote; later sessions go on with it.
const GARBAGE_COLLECTION_LIMIT: Duration = Duration::from_secs(30);

/// Packs, prefetched.
pub struct PackStrategy {
    remote: Arc<Remote>,
    objects: Arc<PlainObjects>,
    packs: Arc<Packs>,
    uploads: Arc<PackUploads>,
    /// False where fault injection has switched uploads off, and without packs: repacking would make some.
    collects_garbage: bool,
}

impl PackStrategy {
    /// The strategy over both stores, without the parts that `options` switch off.
    pub fn new(local: &Arc<LocalStore>, remote: &Arc<Remote>, options: &Options) -> Self {
        let (objects, plain) = PlainUploads::over(local, remote);
        let packs =
            Arc::new(Packs::new(objects.clone(), remote.clone(), local.clone(), &options.without, options.faults));
        let writer = PackWriter::new(local.clone(), &options.without, options.faults.zstd_level);
        let uploads = Arc::new(PackUploads::new(plain, packs.clone(), writer, options.writes_plain));
        let collects_garbage = !options.faults.no_upload && !options.without.contains(&PackOption::Packs);
        Self { remote: remote.clone(), objects, packs, uploads, collects_garbage }
    }

    async fn fetch(&self, action: &ActionId) -> Option<Entry> {
        let began = Instant::now();
        // Boxed, because the compiler reaches its type-length limit otherwise. No answer in time is a miss.
        if self.packs.load().instrument(info_span!("wait.manifests")).boxed().await? {
            self.packs.fetch(action, began).instrument(info_span!("wait.pack")).boxed().await
        } else {
            self.objects.fetch_listed(action).await
        }
    }
}

impl RemoteStrategy for PackStrategy {
    fn may_have(&self, action: &ActionId) -> bool {
        match self.packs.may_have(action) {
            Some(may_have) => self.remote.is_on() && may_have,
            None => self.objects.may_have(action),
        }
    }

    fn get<'a>(&'a self, action: &'a ActionId) -> BoxFuture<'a, Option<Entry>> {
        self.fetch(action).boxed()
    }

    fn used(&self, action: &ActionId) {
        self.packs.used(action);
    }

    fn put(&self, action: ActionId, entry: Entry) -> bool {
        if !self.uploads().are_on() {
            self.uploads.skip(action);
            return true;
        }
        // After each link go puts its empty output, whether it was asked for or not.
        let is_there = entry.size_bytes == 0 && self.packs.surely_have(&action);
        is_there || self.uploads.try_push(action, entry)
    }

    fn finish_put(&self, action: ActionId, entry: Entry) -> BoxFuture<'_, ()> {
        self.uploads.push_when_room(action, entry).boxed()
    }

    fn uploads(&self) -> &Uploads {
        self.uploads.uploads()
    }

    fn has_unpublished(&self) -> bool {
        self.uploads.has_unpublished()
    }

    fn drain(&self, deadline: tokio::time::Instant) -> BoxFuture<'_, ()> {
        self.uploads.drain(deadline).boxed()
    }

    fn maintain(&self) -> LocalBoxFuture<'_, ()> {
        async {
            self.packs.end().await;
            if self.collects_garbage {
                let _ = tokio::time::timeout(GARBAGE_COLLECTION_LIMIT, self.packs.collect_garbage()).await;
            }
        }
        .boxed_local()
    }
}
