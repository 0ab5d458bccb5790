//! Packs: many outputs in one object, found by manifests, fetched ahead of go's questions.

pub(crate) mod format;
pub(crate) mod gc;
pub(crate) mod read;
pub(crate) mod write;

use crate::cache::clock::now_s;
use crate::cache::pack::format::manifest::PackId;

/// Larger outputs are objects of their own: a pack is made and taken apart in memory.
pub const LARGEST_PACKED: u64 = 64 << 20;

/// Keys of the manifests begin so, below the configured prefix.
const MANIFESTS: &str = "manifests-v1/";
/// Keys of those that several sessions' were merged into.
const MERGED: &str = "manifests-v1/merged-";
/// Keys of the packs begin so.
const PACKS: &str = "packs-v1/";

/// Whether a key is that of a pack or a manifest of this version.
pub fn is_pack_key(key: &str) -> bool {
    [MANIFESTS, PACKS].iter().any(|prefix| key.starts_with(prefix))
}

/// A new one. Later sessions' keys sort later, which nobody depends on.
fn manifest_key() -> String {
    format!("{MANIFESTS}{:012}-{:016x}", now_s(), fastrand::u64(..))
}

fn merged_key() -> String {
    format!("{MERGED}{:012}-{:016x}", now_s(), fastrand::u64(..))
}

fn pack_key(id: PackId) -> String {
    format!("{PACKS}{id}")
}
