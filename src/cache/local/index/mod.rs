//! The local index: which output an action gave. In memory, behind an append-only log that several sessions share.

pub mod entry;
pub mod hasher;
pub mod known;
pub mod log;
pub mod memory;
pub mod record;
