//! Keeping a bucket small: many manifests become one, packs that nobody used for long leave it, and are deleted once no
//! reader can want them any more. Nothing here is in the way of a build, and any two machines may do it at the same time.

use std::collections::{HashMap, HashSet};

use crate::cache::pack::format::manifest::{Manifest, PackId, PackRecord, Trail};

/// A session that finds so many manifests merges them.
pub const MOST_MANIFESTS: usize = 8;
/// Trails that a merged manifest keeps: the newest.
const TRAILS_KEPT: usize = 16;
/// A pack that no session used for so long leaves the manifest: 30 days.
const UNUSED_S: i64 = 30 * 24 * 3600;
/// A pack that left is deleted after so long: no session reads manifests of that age.
pub const GRACE_S: i64 = 24 * 3600;

/// What manifests come to together.
#[derive(Debug, PartialEq, Eq)]
pub struct Merged {
    /// In the place of all of them.
    pub manifest: Manifest,
    /// Packs that can be deleted now.
    pub delete: Vec<PackId>,
}

/// Merges manifests at `now_s` (Unix seconds).
pub fn merge(manifests: &[Manifest], now_s: i64) -> Merged {
    let mut trails: Vec<&Trail> = manifests.iter().flat_map(|manifest| &manifest.trails).collect();
    trails.sort_by_key(|trail| std::cmp::Reverse(trail.ended_s));
    trails.dedup();
    let used_s = last_uses(manifests, &trails);
    let mut seen = HashSet::new();
    let all = manifests.iter().flat_map(|manifest| &manifest.packs).filter(|pack| seen.insert(pack.id));
    let with_use = all.map(|pack| PackRecord { used_s: used_s[&pack.id], ..pack.clone() });
    let (unused, mut packs): (Vec<_>, Vec<_>) = with_use.partition(|pack| is_older(pack.used_s, UNUSED_S, now_s));
    packs.sort_by_key(|pack| (pack.written_s, pack.id));
    let mut dropped: HashMap<PackId, i64> = unused.into_iter().map(|pack| (pack.id, now_s)).collect();
    for (id, since_s) in manifests.iter().flat_map(|manifest| &manifest.dropped) {
        // One that somebody else still has in a manifest is not dropped.
        if !seen.contains(id) {
            let since = dropped.entry(*id).or_insert(*since_s);
            *since = (*since).min(*since_s);
        }
    }
    let mut dropped: Vec<(PackId, i64)> = dropped.into_iter().collect();
    dropped.sort();
    let (delete, waiting) =
        dropped.into_iter().partition::<Vec<_>, _>(|(_, since_s)| is_older(*since_s, GRACE_S, now_s));
    let delete = delete.into_iter().map(|(id, _)| id).collect();
    Merged { manifest: Manifest { packs, trails: worth_keeping(&trails), dropped: waiting }, delete }
}

fn is_older(since_s: i64, limit_s: i64, now_s: i64) -> bool {
    now_s.saturating_sub(since_s) > limit_s
}

/// A pack may be in several manifests, and each may know of another use.
fn last_uses(manifests: &[Manifest], trails: &[&Trail]) -> HashMap<PackId, i64> {
    let mut used_s: HashMap<PackId, i64> = HashMap::new();
    let of_trails = trails.iter().flat_map(|trail| trail.packs.iter().map(|id| (*id, trail.ended_s)));
    let of_packs = manifests.iter().flat_map(|manifest| &manifest.packs).map(|pack| (pack.id, pack.used_s));
    for (id, at_s) in of_trails.chain(of_packs) {
        let last_s = used_s.entry(id).or_insert(at_s);
        *last_s = at_s.max(*last_s);
    }
    used_s
}

/// Of trails, the newest first, those that tell what comes after some pack: of a pack the newest one counts.
fn worth_keeping(trails: &[&Trail]) -> Vec<Trail> {
    let mut known = HashSet::new();
    let tells = |trail: &&&Trail| {
        let mut news = false;
        trail.packs.iter().for_each(|pack| news |= known.insert(*pack));
        news && trail.packs.len() > 1
    };
    trails.iter().filter(tells).take(TRAILS_KEPT).map(|trail| (*trail).clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000 * 24 * 3600;
    const DAY: i64 = 24 * 3600;

    fn manifest(packs: &[(PackId, i64)], trail: (i64, &[PackId])) -> Manifest {
        let pack = |(id, written_s): &(PackId, i64)| PackRecord {
            id: *id,
            bytes: 1,
            written_s: *written_s,
            used_s: *written_s,
            fingerprints: vec![],
        };
        let trail = Trail { ended_s: trail.0, packs: trail.1.to_vec() };
        Manifest { packs: packs.iter().map(pack).collect(), trails: vec![trail], dropped: Vec::new() }
    }

    #[test]
    fn what_nobody_used_leaves_and_is_deleted_a_day_later() {
        let [old, used, new] = [PackId::random(), PackId::random(), PackId::random()];
        let one = manifest(&[(old, NOW - 40 * DAY), (used, NOW - 40 * DAY)], (NOW - 40 * DAY, &[old, used]));
        let two = manifest(&[(new, NOW - DAY)], (NOW - DAY, &[used, new]));
        let merged = merge(&[one, two], NOW);
        let ids: Vec<PackId> = merged.manifest.packs.iter().map(|pack| pack.id).collect();
        assert_eq!((ids, &merged.manifest.dropped, &merged.delete), (vec![used, new], &vec![(old, NOW)], &vec![]));
        let soon = merge(std::slice::from_ref(&merged.manifest), NOW + 3600);
        assert_eq!((soon.manifest.dropped, soon.delete), (vec![(old, NOW)], vec![]));
        let later = merge(&[merged.manifest], NOW + 2 * DAY);
        assert_eq!((later.manifest.dropped, later.delete), (vec![], vec![old]));
    }

    #[test]
    fn merging_what_two_machines_merged_gives_each_pack_once() {
        let ids: Vec<PackId> = (0..3).map(|_| PackId::random()).collect();
        let one = manifest(&[(ids[0], NOW), (ids[1], NOW)], (NOW, &ids));
        let two = manifest(&[(ids[1], NOW), (ids[2], NOW)], (NOW, &ids));
        let merged = merge(&[one, two], NOW);
        assert_eq!((merged.manifest.packs.len(), merged.manifest.trails.len()), (3, 1));
        assert_eq!(merge(std::slice::from_ref(&merged.manifest), NOW).manifest, merged.manifest);
    }

    #[test]
    fn a_pack_that_another_manifest_still_has_is_not_deleted() {
        let id = PackId::random();
        let mut one = manifest(&[], (NOW, &[]));
        one.dropped.push((id, NOW - 9 * DAY));
        let merged = merge(&[one, manifest(&[(id, NOW)], (NOW, &[id]))], NOW);
        assert_eq!((merged.delete.len(), merged.manifest.dropped.len(), merged.manifest.packs.len()), (0, 0, 1));
    }

    #[test]
    fn a_use_is_remembered_when_its_trail_is_forgotten() {
        let id = PackId::random();
        let mut many: Vec<Manifest> = (0..20).map(|n| manifest(&[], (NOW - n, &[]))).collect();
        many.push(manifest(&[(id, NOW - 40 * DAY)], (NOW - 10 * DAY, &[id])));
        let merged = merge(&many, NOW).manifest;
        assert!(merged.trails.is_empty());
        assert_eq!(merge(&[merged], NOW + 15 * DAY).manifest.packs.len(), 1, "25 days after its last use");
    }

    #[test]
    fn only_the_newest_trails_are_kept() {
        let two = || [PackId::random(), PackId::random()];
        let many: Vec<Manifest> = (0..40).map(|n| manifest(&[], (n, &two()))).collect();
        let trails = merge(&many, NOW).manifest.trails;
        assert_eq!(trails.iter().map(|trail| trail.ended_s).collect::<Vec<_>>(), (24..40).rev().collect::<Vec<_>>());
    }

    #[test]
    fn trails_that_tell_nothing_push_out_none_that_do() {
        let build: Vec<PackId> = (0..3).map(|_| PackId::random()).collect();
        let mut many = vec![manifest(&[], (1, &build)), manifest(&[], (0, &build[..2]))];
        many.extend((2..40).map(|n| manifest(&[], (n, &[PackId::random()]))));
        let trails = merge(&many, NOW).manifest.trails;
        assert_eq!(trails, [Trail { ended_s: 1, packs: build }]);
    }
}
