//! The strategy `workshop`, as Steps 2.1 and 2.2 have it: a put is answered when both of its objects are uploaded, and a get
//! asks whether there is metadata, for the metadata, and for the body.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::cache::local::index::entry::Entry;
use crate::cache::local::store::LocalStore;
use crate::cache::plain::objects::PlainObjects;
use crate::cache::remote::store::Remote;
use crate::cache::strategy::remote_strategy::RemoteStrategy;
use crate::cache::uploads::plain::PlainUploads;
use crate::cache::uploads::session::Uploads;
use crate::cache::uploads::unsent::Way;
use crate::protocol::ActionId;

/// The workshop's own way.
pub struct WorkshopStrategy {
    objects: Arc<PlainObjects>,
    uploads: Arc<PlainUploads>,
}

impl WorkshopStrategy {
    /// The strategy over both stores.
    pub fn new(local: &Arc<LocalStore>, remote: &Arc<Remote>) -> Self {
        let (objects, uploads) = PlainUploads::over(local, remote);
        Self { objects, uploads }
    }

    async fn fetch(&self, action: &ActionId) -> Option<Entry> {
        // The workshop's own program asks whether there is metadata before it asks for it: its library says so only then.
        if self.objects.has_metadata(action).await.ok()? {
            return self.objects.fetch(action).await;
        }
        if self.objects.is_bucket_in_doubt() {
            let objects = self.objects.clone();
            tokio::spawn(async move { objects.look_for_bucket().await });
        }
        None
    }
}

impl RemoteStrategy for WorkshopStrategy {
    fn may_have(&self, action: &ActionId) -> bool {
        self.objects.may_have(action)
    }

    fn get<'a>(&'a self, action: &'a ActionId) -> BoxFuture<'a, Option<Entry>> {
        self.fetch(action).boxed()
    }

    fn put(&self, action: ActionId, _entry: Entry) -> bool {
        let is_off = !self.uploads().are_on();
        if is_off {
            self.uploads().count(action, &[Way::Plain]);
        }
        is_off
    }

    fn finish_put(&self, action: ActionId, entry: Entry) -> BoxFuture<'_, ()> {
        self.uploads.upload_now(action, entry).boxed()
    }

    fn uploads(&self) -> &Uploads {
        &self.uploads.uploads
    }
}
