//! The keys of packs and manifests in a bucket.

use crate::cache::pack::format::manifest::PackId;
use crate::platform::clock::now_s;

/// Keys of the manifests begin so, below the configured prefix.
pub const MANIFESTS: &str = "manifests-v1/";
/// Keys of those that several sessions' were merged into.
pub const MERGED: &str = "manifests-v1/merged-";
/// Keys of the packs begin so.
pub const PACKS: &str = "packs-v1/";

/// True for the key of a pack or a manifest of this version.
pub fn is_pack_key(key: &str) -> bool {
    [MANIFESTS, PACKS].iter().any(|prefix| key.starts_with(prefix))
}

/// A new key for a manifest. Later sessions' keys sort later, which nobody depends on.
pub fn manifest_key() -> String {
    format!("{MANIFESTS}{:012}-{:016x}", now_s(), fastrand::u64(..))
}

/// A new key for a manifest that several were merged into.
pub fn merged_key() -> String {
    format!("{MERGED}{:012}-{:016x}", now_s(), fastrand::u64(..))
}

/// The key of a pack.
pub fn pack_key(id: PackId) -> String {
    format!("{PACKS}{id}")
}
