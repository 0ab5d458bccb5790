//! Plain objects, the workshop's layout: a body and a metadata object for each action.

pub(crate) mod metadata;
pub(crate) mod objects;
pub(crate) mod remote_listing;
