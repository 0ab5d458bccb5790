//! Garbage collection of a bucket: merges manifests, repacks small packs, deletes what nobody uses.

pub mod collect;
pub mod compaction;
pub mod repack;
