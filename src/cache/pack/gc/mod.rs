//! Garbage collection of a bucket: merges manifests, repacks small packs, deletes what nobody uses.

pub(crate) mod collect;
pub(crate) mod compaction;
pub(crate) mod repack;
