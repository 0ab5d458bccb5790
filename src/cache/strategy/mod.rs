//! The strategies: each says how a get asks the remote, and how a put gets there. One file a strategy; they share the objects
//! and uploads of `plain`, `pack` and `uploads`, and do not know each other.

mod asynchronous;
mod pack;
pub(crate) mod remote_strategy;
mod workshop;

use std::sync::Arc;

use crate::cache::local::store::LocalStore;
use crate::cache::remote::store::Remote;
use crate::cache::strategy::asynchronous::AsyncStrategy;
use crate::cache::strategy::pack::PackStrategy;
use crate::cache::strategy::remote_strategy::{Options, RemoteStrategy};
use crate::cache::strategy::workshop::WorkshopStrategy;
use crate::config::strategy::Strategy;

/// The strategy that `options` name.
pub fn choose(local: &Arc<LocalStore>, remote: &Arc<Remote>, options: &Options) -> Box<dyn RemoteStrategy> {
    match options.strategy {
        Strategy::Workshop => Box::new(WorkshopStrategy::new(local, remote)),
        Strategy::Async => Box::new(AsyncStrategy::new(local, remote)),
        Strategy::Pack => Box::new(PackStrategy::new(local, remote, options)),
    }
}
