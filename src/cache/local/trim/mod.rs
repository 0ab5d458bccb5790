//! Keeps the local store small: the entries that have not been used for long are removed, and then the least recently
//! used.

pub(crate) mod inventory;
pub(crate) mod leaving;
pub(crate) mod plan;
pub(crate) mod stamp;
pub(crate) mod trimming;
