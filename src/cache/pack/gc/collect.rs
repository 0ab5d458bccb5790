//! Reads the manifests of a bucket and keeps it small: merges them where they are many, packs small packs anew, deletes what
//! nobody needs. After go was released; any two machines may do it at the same time.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::StreamExt;

use crate::cache::pack::format::manifest::{Manifest, ManifestError, Trail};
use crate::cache::pack::gc::compaction::{GRACE_S, MOST_MANIFESTS, Merged, merge};
use crate::cache::pack::read::prefetch::Packs;
use crate::cache::pack::{MANIFESTS, MERGED, PACKS, PackId, manifest_key, merged_key, now_s, pack_key};
use crate::cache::remote::error::RemoteError;
use crate::cache::remote::purpose::Attempt;
use crate::cache::remote::s3_client::client::ListedObject;
use crate::cache::remote::store::Remote;

/// Manifests that are read at the same time. There are few, unless nobody has merged them for long.
const READS_IN_FLIGHT: usize = 16;
/// How often the manifests are listed when some of them are gone.
const LISTINGS: usize = 4;
/// The longest that each request may take: nobody waits for it.
pub(super) const ATTEMPT: Attempt =
    Attempt { limit: Duration::from_secs(30), is_last: true, go_waits: false, is_large: false };
/// Largest manifest that is read: a million entries are a tenth of it.
const MAX_MANIFEST_BYTES: usize = 64 << 20;
/// A session that only reads tells of the packs that it used when the last one that is known of was so long ago.
const TOLD_AFTER_S: i64 = 24 * 3600;

/// The manifests of a bucket.
pub(crate) struct Manifests {
    /// Those that could be read, with their keys.
    pub found: Vec<(String, Manifest)>,
    /// Keys of those that are damaged. They name nothing.
    damaged: Vec<String>,
    /// Whether that is all of them. What the others name is not known, so nothing may be deleted.
    is_complete: bool,
    /// When the newest of them was written, by the store's clock, Unix seconds; 0 where it does not tell.
    newest_s: i64,
}

impl Packs {
    /// All manifests that can be read. One that is damaged costs hits; one of a later version is left alone.
    ///
    /// # Errors
    /// When the remote does not tell which there are.
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

    /// Tells of what this session used, where that would look unused otherwise, and merges manifests where they are many.
    /// Any trouble leaves more to the next session.
    pub async fn tidy(&self) {
        let Some(loaded) = self.loaded().filter(|_| self.remote.uploads_off_reason().is_none()) else { return };
        let (trail, told) = (self.trail(), self.told_uses());
        let is_merged = loaded.manifests >= MOST_MANIFESTS;
        let is_news = told.is_none_or(|told| told < trail.len());
        let is_long_ago = loaded.last_use_s().is_some_and(|last_s| now_s() - last_s > TOLD_AFTER_S);
        // A merge takes the time from the newest manifest.
        if is_news && is_long_ago || told.is_none() && is_merged {
            let trails = vec![Trail { ended_s: now_s(), packs: trail }];
            let manifest = Manifest { trails, ..Manifest::default() };
            let _ = self.remote.put_object(&manifest_key(), manifest.encode().into(), ATTEMPT).await;
        }
        if is_merged {
            let _ = self.merge_all().await;
        }
    }

    async fn merge_all(&self) -> Result<(), RemoteError> {
        let Manifests { found, damaged, is_complete, newest_s } = self.manifests().await?;
        if found.len() < MOST_MANIFESTS {
            // Another machine was faster.
            return Ok(());
        }
        // With a key that may not delete, each merge would only add to the bucket. Nobody has this object.
        self.remote.delete_objects(&[manifest_key()], ATTEMPT).await?;
        let now_s = if newest_s > 0 { newest_s } else { now_s() };
        let (mut obsolete, manifests): (Vec<String>, Vec<Manifest>) = found.into_iter().unzip();
        let Merged { mut manifest, delete } = merge(&manifests, now_s);
        let merged = merged_key();
        self.remote.put_object(&merged, manifest.encode().into(), ATTEMPT).await?;
        if is_complete {
            obsolete.extend(damaged);
            obsolete.extend(delete.into_iter().map(pack_key));
            obsolete.extend(orphans(self.remote.list(PACKS, true).await?, &manifest));
        }
        self.remote.delete_objects(&obsolete, ATTEMPT).await?;
        // After that: where there are many small packs it takes long, and is the next session's if it takes too long.
        if self.repack(&mut manifest, now_s).await {
            self.remote.put_object(&merged_key(), manifest.encode().into(), ATTEMPT).await?;
            self.remote.delete_objects(&[merged], ATTEMPT).await?;
        }
        Ok(())
    }
}

impl Manifests {
    /// Of what was read, by key, with the time of each.
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
fn by_the_stores_clock(key: &str, mut manifest: Manifest, modified_s: i64) -> Manifest {
    if modified_s > 0 && !key.starts_with(MERGED) {
        for pack in &mut manifest.packs {
            (pack.written_s, pack.used_s) = (modified_s, modified_s);
        }
        manifest.trails.iter_mut().for_each(|trail| trail.ended_s = modified_s);
    }
    manifest
}

/// What became of reading a manifest.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    Manifest(Manifest),
    Damaged,
    Gone,
    /// Of a later version, or not to be had.
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
    use crate::cache::pack::format::manifest::PackRecord;

    #[test]
    fn a_session_counts_by_the_stores_clock_and_what_was_merged_stays() {
        let id = PackId::random();
        let pack = PackRecord { id, bytes: 1, written_s: 7, used_s: 8, fingerprints: vec![] };
        let manifest =
            Manifest { packs: vec![pack], trails: vec![Trail { ended_s: 9, packs: vec![id] }], dropped: vec![] };
        let times = |key: String, modified_s| {
            let found = by_the_stores_clock(&key, manifest.clone(), modified_s);
            (found.packs[0].written_s, found.packs[0].used_s, found.trails[0].ended_s)
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
