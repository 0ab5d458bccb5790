//! Reading packs: manifests, catalog, schedule, prefetch and unpacking. Writes nothing to the remote.

pub(crate) mod catalog;
mod fetch;
mod load;
pub(crate) mod manifests;
pub(crate) mod packs;
mod prefetch;
pub(crate) mod schedule;
mod unpack;
