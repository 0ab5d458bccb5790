//! Reads the manifests of a bucket.

use std::collections::HashMap;

use futures_util::StreamExt;

use crate::cache::pack::format::keys::{MANIFESTS, MERGED};
use crate::cache::pack::format::manifest::{GRACE_S, Manifest, ManifestError};
use crate::cache::pack::read::packs::Packs;
use crate::cache::remote::error::RemoteError;
use crate::cache::remote::s3_client::client::ListedObject;
use crate::cache::remote::store::Remote;

/// Manifests that are read at the same time. There are few, unless nobody has merged them for long.
const READS_IN_FLIGHT: usize = 16;
/// How often the manifests are listed when some of them are gone.
const LISTINGS: usize = 4;
/// Largest manifest that is read: a million entries are a tenth of it.
const MAX_MANIFEST_BYTES: usize = 64 << 20;
/// The manifests of a bucket.
pub(crate) struct Manifests {
    /// Those that could be read, with their keys.
    pub found: Vec<(String, Manifest)>,
    /// Keys of those that are damaged. They name nothing.
    pub damaged: Vec<String>,
    /// True if that is all of them. What the others name is not known, so nothing may be deleted.
    pub is_complete: bool,
    /// When the newest of them was written, by the store's clock, Unix seconds; 0 where it does not tell.
    pub newest_s: i64,
}

impl Packs {
    /// All manifests that can be read. One that is damaged costs hits; one of a later version is left alone.
    ///
    /// # Errors
    /// When the remote does not list them.
    pub(crate) async fn manifests(&self) -> Result<Manifests, RemoteError> {
        let mut all = HashMap::new();
        // Some may be merged into another by somebody else meanwhile: then there is one more to be read.
        for _ in 0..LISTINGS {
            let listed = self.remote.retry_ahead(|is_last| self.remote.list(MANIFESTS, is_last)).await?;
            let news = listed.into_iter().filter(|object| !all.contains_key(&object.key));
            let fetched = news.map(|object| read(&self.remote, object)).collect::<Vec<_>>();
            let mut fetched = futures_util::stream::iter(fetched).buffer_unordered(READS_IN_FLIGHT);
            let mut is_gone = false;
            while let Some((object, content)) = fetched.next().await {
                is_gone |= matches!(content, Read::Gone);
                all.insert(object.key, (object.modified_s, content));
            }
            if !is_gone {
                break;
            }
        }
        Ok(Manifests::of(all))
    }
}

impl Manifests {
    /// Sorts the results of reading, which come by key with the time of each.
    fn of(all: HashMap<String, (i64, Read)>) -> Self {
        let newest_s = all.values().map(|(modified_s, _)| *modified_s).max().unwrap_or_default();
        let mut manifests = Self { found: Vec::new(), damaged: Vec::new(), is_complete: true, newest_s };
        for (key, (modified_s, content)) in all {
            match content {
                Read::Manifest(manifest) => {
                    let manifest = by_the_stores_clock(&key, manifest, modified_s);
                    manifests.found.push((key, manifest));
                }
                // It does not get better. A young one may have been damaged on its way to us.
                Read::Damaged if newest_s - modified_s > GRACE_S => manifests.damaged.push(key),
                Read::Damaged | Read::Gone | Read::Unknown => manifests.is_complete = false,
            }
        }
        manifests
    }
}

/// A session's own times are those of its machine, whose clock may be off by days. Merged ones have been put right.
fn by_the_stores_clock(key: &str, mut manifest: Manifest, modified_s: i64) -> Manifest {
    if modified_s > 0 && !key.starts_with(MERGED) {
        for pack in &mut manifest.packs {
            (pack.written_s, pack.used_s) = (modified_s, modified_s);
        }
        manifest.access_orders.iter_mut().for_each(|access_order| access_order.ended_s = modified_s);
    }
    manifest
}

/// The result of reading a manifest.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    Manifest(Manifest),
    Damaged,
    Gone,
    /// It is of a later version, or not to be had.
    Unknown,
}

async fn read(remote: &Remote, object: ListedObject) -> (ListedObject, Read) {
    let fetched = remote.retry_ahead(|is_last| remote.object(&object.key, MAX_MANIFEST_BYTES, is_last)).await;
    let content = match fetched.map(|found| found.map(|bytes| Manifest::decode(&bytes))) {
        Ok(Some(Ok(manifest))) => Read::Manifest(manifest),
        Ok(Some(Err(ManifestError::Damaged))) => Read::Damaged,
        Ok(None) => Read::Gone,
        Ok(Some(Err(ManifestError::Version))) | Err(_) => Read::Unknown,
    };
    (object, content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::pack::format::keys::{manifest_key, merged_key};
    use crate::cache::pack::format::manifest::{AccessOrder, PackId, PackRecord};

    #[test]
    fn a_session_counts_by_the_stores_clock_and_what_was_merged_stays() {
        let id = PackId::random();
        let pack = PackRecord { id, bytes: 1, written_s: 7, used_s: 8, fingerprints: vec![] };
        let manifest = Manifest {
            packs: vec![pack],
            access_orders: vec![AccessOrder { ended_s: 9, packs: vec![id] }],
            dropped: vec![],
        };
        let times = |key: String, modified_s| {
            let found = by_the_stores_clock(&key, manifest.clone(), modified_s);
            (found.packs[0].written_s, found.packs[0].used_s, found.access_orders[0].ended_s)
        };
        assert_eq!(times(manifest_key(), 1000), (1000, 1000, 1000));
        assert_eq!(times(manifest_key(), 0), (7, 8, 9), "a store without a clock");
        assert_eq!(times(merged_key(), 1000), (7, 8, 9));
    }

    #[test]
    fn what_cannot_be_read_keeps_everything_unless_it_is_old_and_damaged() {
        let of = |modified_s, content| {
            let young = (10 * GRACE_S, Read::Manifest(Manifest::default()));
            let all = HashMap::from([("young".to_owned(), young), ("other".to_owned(), (modified_s, content))]);
            let Manifests { found, damaged, is_complete, newest_s } = Manifests::of(all);
            assert_eq!(newest_s, 10 * GRACE_S);
            (found.len(), damaged.len(), is_complete)
        };
        assert_eq!(of(0, Read::Manifest(Manifest::default())), (2, 0, true));
        assert_eq!(of(0, Read::Damaged), (1, 1, true));
        assert_eq!(of(10 * GRACE_S, Read::Damaged), (1, 0, false));
        assert_eq!(of(0, Read::Unknown), (1, 0, false));
        assert_eq!(of(0, Read::Gone), (1, 0, false));
    }
}
