//! Packs: many outputs in one object, found by manifests, fetched ahead of go's questions. Knows no upload queue and no strategy.

pub(crate) mod format;
pub(crate) mod gc;
pub(crate) mod read;
pub(crate) mod write;
