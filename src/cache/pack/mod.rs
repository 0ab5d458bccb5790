//! Packs: many outputs in one object, found by manifests, fetched ahead of go's questions. Knows no upload queue and no strategy.

pub mod format;
pub mod gc;
pub mod read;
pub mod write;
