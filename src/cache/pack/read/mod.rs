//! Reading packs: manifests, catalog, schedule, prefetch and unpacking. Writes nothing to the remote.

pub mod catalog;
mod fetch;
mod load;
pub mod manifests;
pub mod packs;
mod prefetch;
pub mod schedule;
mod unpack;
