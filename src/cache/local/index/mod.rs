//! The local index: which output an action gave. In memory, behind an append-only log that several sessions share.

pub(crate) mod entry;
pub(crate) mod hasher;
pub(crate) mod known;
pub(crate) mod log;
pub(crate) mod memory;
pub(crate) mod record;
