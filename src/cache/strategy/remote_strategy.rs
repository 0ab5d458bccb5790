//! The interface of a strategy.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, LocalBoxFuture, ready};
use tokio::time::Instant;

use crate::cache::local::index::entry::Entry;
use crate::cache::uploads::session::Uploads;
use crate::config::strategy::{PackOption, Strategy};
use crate::platform::fault_injection::FaultSettings;
use crate::protocol::ActionId;

/// How a cache works.
#[derive(Clone, Debug)]
pub struct Options {
    pub strategy: Strategy,
    /// Parts of `pack` that are off.
    pub without: Vec<PackOption>,
    /// Makes `pack` write the workshop's objects too.
    pub writes_plain: bool,
    pub faults: FaultSettings,
    /// Lets later sessions know that a remote is off.
    pub remembers_remote: bool,
}

/// How the remote is read and written. A local hit never comes here.
pub trait RemoteStrategy: Send + Sync {
    /// True if the remote may have the action, so that a request is worth its time.
    fn may_have(&self, action: &ActionId) -> bool;

    /// Fetches an entry from the remote and stores it locally. `None` is a miss: not there, an error, or too late.
    fn get<'a>(&'a self, action: &'a ActionId) -> BoxFuture<'a, Option<Entry>>;

    /// Notes that an entry that this session fetched was a hit for go.
    fn used(&self, _action: &ActionId) {}

    /// Takes an entry for its upload. False when the put has to wait for [`RemoteStrategy::finish_put`].
    fn put(&self, action: ActionId, entry: Entry) -> bool;

    /// Uploads, or queues, an entry that `put` did not take.
    fn finish_put(&self, action: ActionId, entry: Entry) -> BoxFuture<'_, ()>;

    /// The uploads so far.
    fn uploads(&self) -> &Uploads;

    /// True if [`RemoteStrategy::drain`] has something to do though no upload is pending.
    fn has_unpublished(&self) -> bool {
        false
    }

    /// Waits until all uploads are out, or until `deadline`.
    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        self.uploads().drain(deadline).boxed()
    }

    /// Works on the remote for the sake of later sessions, after go has been let go.
    fn maintain(&self) -> LocalBoxFuture<'_, ()> {
        ready(()).boxed_local()
    }
}
