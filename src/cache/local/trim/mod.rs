//! Keeps the local store small: the entries that have not been used for long are removed, and then the least recently
//! used.

pub mod inventory;
pub mod leaving;
pub mod plan;
pub mod stamp;
pub mod trimming;
