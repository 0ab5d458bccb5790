//! The workshop's layout: a body and a metadata object for each action. Knows no packs.

pub mod objects;
pub mod remote_listing;
