//! Writing packs: puts gather, are compressed, and a manifest names their packs. Sends nothing itself.

pub mod compress;
pub mod writer;
