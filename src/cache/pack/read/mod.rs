//! Reading packs: catalog, schedule, prefetch and unpacking.

pub(crate) mod catalog;
pub(crate) mod fetch;
pub(crate) mod prefetch;
pub(crate) mod schedule;
pub(crate) mod unpack;
