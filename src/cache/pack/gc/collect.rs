//! Keeps a bucket small: merges manifests where they are many, repacks small packs, deletes what no manifest needs. It runs after
//! go was released; any two machines may do it at the same time.

use std::collections::HashSet;
use std::time::Duration;

use crate::cache::pack::format::keys::{PACKS, manifest_key, merged_key, pack_key};
use crate::cache::pack::format::manifest::{AccessOrder, GRACE_S, Manifest, PackId};
use crate::cache::pack::gc::compaction::{MOST_MANIFESTS, Merged, merge};
use crate::cache::pack::read::manifests::Manifests;
use crate::cache::pack::read::packs::Packs;
use crate::cache::remote::error::RemoteError;
use crate::cache::remote::purpose::Attempt;
use crate::cache::remote::s3_client::client::ListedObject;
use crate::platform::clock::now_s;

/// The longest that each request may take: nobody waits for it.
pub(super) const ATTEMPT: Attempt =
    Attempt { limit: Duration::from_secs(30), is_last: true, go_waits: false, is_large: false };
/// A session that only reads publishes the packs that it used when their last known use was so long ago.
const PUBLISHED_AFTER_S: i64 = 24 * 3600;

impl Packs {
    /// Publishes what this session used, where that would look unused otherwise, and merges manifests where they are many.
    /// Any trouble leaves more to the next session.
    pub async fn collect_garbage(&self) {
        let Some(loaded) = self.loaded() else { return };
        if self.remote.uploads_off_reason().is_some() {
            return;
        }
        let (access_order, published) = (self.access_order(), self.published_uses());
        let is_merged = loaded.manifests >= MOST_MANIFESTS;
        let is_news = published.is_none_or(|published| published < access_order.len());
        let is_long_ago = loaded.last_use_s().is_some_and(|last_s| now_s() - last_s > PUBLISHED_AFTER_S);
        // A merge takes the time from the newest manifest.
        if is_news && is_long_ago || published.is_none() && is_merged {
            let access_orders = vec![AccessOrder { ended_s: now_s(), packs: access_order }];
            let manifest = Manifest { access_orders, ..Manifest::default() };
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

/// Keys of the packs of a listing that no manifest names: their session was killed before it could.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::pack::format::manifest::PackRecord;

    #[test]
    fn an_orphan_is_a_day_old_and_in_no_manifest() {
        let [named, dropped, killed, young] = [(); 4].map(|()| PackId::random());
        let pack = PackRecord { id: named, bytes: 1, written_s: 0, used_s: 0, fingerprints: vec![] };
        let manifest = Manifest { packs: vec![pack], access_orders: vec![], dropped: vec![(dropped, 0)] };
        let now_s = 10 * GRACE_S;
        let times = [(named, 0), (dropped, 0), (killed, now_s - GRACE_S - 1), (young, now_s)];
        let listed = |id, modified_s| ListedObject { key: pack_key(id), size_bytes: 1, modified_s };
        let of_all = times.map(|(id, modified_s)| listed(id, modified_s));
        assert_eq!(orphans(of_all.to_vec(), &manifest), [pack_key(killed)]);
        assert_eq!(orphans(vec![listed(killed, 0)], &manifest), Vec::<String>::new(), "a store that tells no times");
    }
}
