//! Writing packs: puts gather, are compressed, and a manifest names their packs. Sends nothing itself.

pub(crate) mod compress;
pub(crate) mod writer;
