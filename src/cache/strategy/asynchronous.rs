//! The strategy `async`: the workshop's objects, uploaded beside the answers; a get asks for metadata and body.

use std::future::ready;
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

/// Uploads beside the answers.
pub struct AsyncStrategy {
    objects: Arc<PlainObjects>,
    uploads: Arc<PlainUploads>,
}

impl AsyncStrategy {
    /// The strategy over both stores.
    pub fn new(local: &Arc<LocalStore>, remote: &Arc<Remote>) -> Self {
        let (objects, uploads) = PlainUploads::over(local, remote);
        Self { objects, uploads }
    }
}

impl RemoteStrategy for AsyncStrategy {
    fn may_have(&self, action: &ActionId) -> bool {
        self.objects.may_have(action)
    }

    fn get<'a>(&'a self, action: &'a ActionId) -> BoxFuture<'a, Option<Entry>> {
        self.objects.fetch_listed(action).boxed()
    }

    fn put(&self, action: ActionId, entry: Entry) -> bool {
        if self.uploads().are_on() {
            self.uploads.push(action, entry);
        } else {
            self.uploads().count(action, &[Way::Plain]);
        }
        true
    }

    fn finish_put(&self, _action: ActionId, _entry: Entry) -> BoxFuture<'_, ()> {
        // `put` takes every entry.
        ready(()).boxed()
    }

    fn uploads(&self) -> &Uploads {
        &self.uploads.uploads
    }
}
