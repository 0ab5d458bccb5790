//! The workshop's layout: a body and a metadata object for each action. Knows no packs.

pub(crate) mod objects;
pub(crate) mod remote_listing;
