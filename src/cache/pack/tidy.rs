//! Reads the manifests of a bucket and keeps it small: merges them where they are many, packs small packs anew, deletes what
//! nobody needs. After go was released; any two machines may do it at the same time.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::StreamExt;

use super::compaction::{GRACE_S, MOST_MANIFESTS, Merged, merge};
use super::manifest::{Manifest, Trail};
use super::prefetch::Packs;
use super::{MANIFESTS, MERGED, PACKS, PackId, manifest_key, merged_key, now_s, pack_key};
use crate::cache::remote::{Attempt, Remote, RemoteError, retry};
use crate::cache::s3_client::ListedObject;

/// Manifests that are read at the same time. There are few, unless nobody has merged them for long.
const READS_IN_FLIGHT: usize = 16;
/// How often the manifests are listed when some of them are gone.
const LISTINGS: usize = 2;
/// The longest that each request may take: nobody waits for it.
pub(super) const ATTEMPT: Attempt = Attempt { limit: Duration::from_secs(30), is_last: true, go_waits: false };
/// Waits before the second and the third attempt at what go waits for.
const RETRY_AFTER: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(200)];
/// Largest manifest that is read: a million entries are a tenth of it.
const MAX_MANIFEST_BYTES: usize = 64 << 20;
/// A session that only reads tells of the packs that it used when the last one that is known of was so long ago.
const TOLD_AFTER_S: i64 = 24 * 3600;

/// The manifests of a bucket.
pub(super) struct Manifests {
    /// Those that could be read.
    pub found: Vec<Found>,
    /// Whether that is all of them. What the others name is not known, so nothing may be deleted.
    is_complete: bool,
}

/// A manifest that could be read.
pub(super) struct Found {
    pub key: String,
    pub manifest: Manifest,
    /// By the store's clock, Unix seconds; 0 where it does not tell.
    modified_s: i64,
}

impl Packs {
    /// All manifests that can be read. One that is damaged costs hits; one of a later version is left alone.
    ///
    /// # Errors
    /// When the remote does not tell which there are.
    pub(super) async fn manifests(&self) -> Result<Manifests, RemoteError> {
        let mut found = HashMap::new();
        // Some may be merged into another by somebody else meanwhile: then there is one more to be read.
        for _ in 0..LISTINGS {
            let listed = self.remote.list(MANIFESTS).await?;
            let news = listed.into_iter().filter(|object| !found.contains_key(&object.key));
            let fetched = news.map(|object| read(&self.remote, object)).collect::<Vec<_>>();
            let mut fetched = futures_util::stream::iter(fetched).buffer_unordered(READS_IN_FLIGHT);
            let mut is_gone = false;
            while let Some((key, manifest)) = fetched.next().await {
                is_gone |= matches!(manifest, Read::Gone);
                found.insert(key, manifest);
            }
            if !is_gone {
                break;
            }
        }
        let count = found.len();
        let readable = |(key, read)| match read {
            Read::Manifest(manifest, modified_s) => Some(Found { key, manifest, modified_s }),
            Read::Gone | Read::Useless => None,
        };
        let found: Vec<Found> = found.into_iter().filter_map(readable).collect();
        Ok(Manifests { is_complete: found.len() == count, found })
    }

    /// Tells of what this session used, where that would look unused otherwise, and merges manifests where they are many.
    /// Any trouble leaves more to the next session.
    pub async fn tidy(&self, has_published: bool) {
        let Some(loaded) = self.loaded() else { return };
        if !has_published && loaded.last_use_s().is_some_and(|last_s| now_s() - last_s > TOLD_AFTER_S) {
            let trails = vec![Trail { ended_s: now_s(), packs: self.trail() }];
            let manifest = Manifest { trails, ..Manifest::default() };
            let _ = self.remote.put_object(&manifest_key(), manifest.encode().into(), ATTEMPT).await;
        }
        if loaded.manifests >= MOST_MANIFESTS {
            let _ = self.merge_all().await;
        }
    }

    async fn merge_all(&self) -> Result<(), RemoteError> {
        let Manifests { found, is_complete } = self.manifests().await?;
        let newest_s = found.iter().map(|found| found.modified_s).max();
        let now_s = newest_s.filter(|newest_s| *newest_s > 0).unwrap_or_else(now_s);
        let keys: Vec<String> = found.iter().map(|found| found.key.clone()).collect();
        let manifests: Vec<Manifest> = found.into_iter().map(by_the_stores_clock).collect();
        let Merged { mut manifest, delete } = merge(&manifests, now_s);
        self.repack(&mut manifest, now_s).await;
        self.remote.put_object(&merged_key(), manifest.encode().into(), ATTEMPT).await?;
        let mut obsolete = keys;
        if is_complete {
            obsolete.extend(delete.into_iter().map(pack_key));
            obsolete.extend(orphans(self.remote.list(PACKS).await?, &manifest));
        }
        self.remote.delete_objects(&obsolete, ATTEMPT).await
    }
}

/// Keys of the packs of a listing that no manifest tells of: their session was killed before it could.
fn orphans(listed: Vec<ListedObject>, manifest: &Manifest) -> Vec<String> {
    let known: HashSet<String> = ids(manifest).map(pack_key).collect();
    // By one clock: a pack may be older than its manifest by the length of a session.
    let newest_s = listed.iter().map(|object| object.modified_s).max().unwrap_or_default();
    let is_orphan = |object: &ListedObject| !known.contains(&object.key) && newest_s - object.modified_s > GRACE_S;
    listed.into_iter().filter(is_orphan).map(|object| object.key).collect()
}

fn ids(manifest: &Manifest) -> impl Iterator<Item = PackId> {
    let packs = manifest.packs.iter().map(|pack| pack.id);
    packs.chain(manifest.dropped.iter().map(|(id, _)| *id))
}

/// A session's own times are those of its machine, whose clock may be off by days. Merged ones have been put right.
fn by_the_stores_clock(found: Found) -> Manifest {
    let Found { key, mut manifest, modified_s } = found;
    if modified_s > 0 && !key.starts_with(MERGED) {
        for pack in &mut manifest.packs {
            (pack.written_s, pack.used_s) = (modified_s, modified_s);
        }
        manifest.trails.iter_mut().for_each(|trail| trail.ended_s = modified_s);
    }
    manifest
}

/// Tries again, twice, after what passes.
pub(super) async fn again_if_it_helps<T, F>(mut work: impl FnMut() -> F) -> Result<T, RemoteError>
where
    F: Future<Output = Result<T, RemoteError>>,
{
    // Waiting for the same silence once more helps nobody.
    let helps = |error: &RemoteError| error.is_passing() && !error.is_timeout();
    retry(RETRY_AFTER, helps, |_| work()).await
}

enum Read {
    Manifest(Manifest, i64),
    Gone,
    /// Damaged, or not to be had.
    Useless,
}

async fn read(remote: &Remote, object: ListedObject) -> (String, Read) {
    let fetched = again_if_it_helps(|| remote.object(&object.key, MAX_MANIFEST_BYTES)).await;
    let read = match fetched {
        Ok(None) => Read::Gone,
        Ok(Some(bytes)) => Manifest::decode(&bytes).map_or(Read::Useless, |it| Read::Manifest(it, object.modified_s)),
        Err(_) => Read::Useless,
    };
    (object.key, read)
}

#[cfg(test)]
mod tests {
    use super::super::manifest::PackRecord;
    use super::*;

    #[test]
    fn a_session_counts_by_the_stores_clock_and_what_was_merged_stays() {
        let id = PackId::random();
        let pack = PackRecord { id, bytes: 1, written_s: 7, used_s: 8, fingerprints: vec![] };
        let manifest =
            Manifest { packs: vec![pack], trails: vec![Trail { ended_s: 9, packs: vec![id] }], dropped: vec![] };
        let times = |key: String, modified_s| {
            let found = by_the_stores_clock(Found { key, manifest: manifest.clone(), modified_s });
            (found.packs[0].written_s, found.packs[0].used_s, found.trails[0].ended_s)
        };
        assert_eq!(times(manifest_key(), 1000), (1000, 1000, 1000));
        assert_eq!(times(manifest_key(), 0), (7, 8, 9), "a store without a clock");
        assert_eq!(times(merged_key(), 1000), (7, 8, 9));
    }

    #[test]
    fn an_orphan_is_a_day_old_and_in_no_manifest() {
        let [told, dropped, killed, young] = [(); 4].map(|()| PackId::random());
        let pack = PackRecord { id: told, bytes: 1, written_s: 0, used_s: 0, fingerprints: vec![] };
        let manifest = Manifest { packs: vec![pack], trails: vec![], dropped: vec![(dropped, 0)] };
        let now_s = 10 * GRACE_S;
        let times = [(told, 0), (dropped, 0), (killed, now_s - GRACE_S - 1), (young, now_s)];
        let listed = |id, modified_s| ListedObject { key: pack_key(id), size_bytes: 1, modified_s };
        let of_all = times.map(|(id, modified_s)| listed(id, modified_s));
        assert_eq!(orphans(of_all.to_vec(), &manifest), [pack_key(killed)]);
        assert_eq!(orphans(vec![listed(killed, 0)], &manifest), Vec::<String>::new(), "a store that tells no times");
    }
}
