//! Keeping a bucket small: many manifests become one, packs that nobody used for long leave it, and are deleted once no
//! reader can want them any more. Nothing here is in the way of a build, and any two machines may do it at the same time.

use std::collections::{HashMap, HashSet};

use crate::cache::pack::format::manifest::{AccessOrder, GRACE_S, Manifest, PackId, PackRecord};

/// A session that finds so many manifests merges them.
pub const MOST_MANIFESTS: usize = 8;
/// Trails that a merged manifest keeps: the newest.
const ACCESS_ORDERS_KEPT: usize = 16;
/// A pack that no session used for so long leaves the manifest: 30 days.
const UNUSED_S: i64 = 30 * 24 * 3600;

/// Several manifests as one.
#[derive(Debug, PartialEq, Eq)]
pub struct Merged {
    /// In the place of all of them.
    pub manifest: Manifest,
    /// Packs that can be deleted now.
    pub delete: Vec<PackId>,
}

/// Merges manifests at `now_s` (Unix seconds).
pub fn merge(manifests: &[Manifest], now_s: i64) -> Merged {
    let mut access_orders: Vec<&AccessOrder> = manifests.iter().flat_map(|manifest| &manifest.access_orders).collect();
    access_orders.sort_by_key(|access_order| std::cmp::Reverse(access_order.ended_s));
    access_orders.dedup();
    let used_s = last_uses(manifests, &access_orders);
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
    Merged { manifest: Manifest { packs, access_orders: worth_keeping(&access_orders), dropped: waiting }, delete }
}

fn is_older(since_s: i64, limit_s: i64, now_s: i64) -> bool {
    now_s.saturating_sub(since_s) > limit_s
}

/// A pack may be in several manifests, and each may know of another use.
fn last_uses(manifests: &[Manifest], access_orders: &[&AccessOrder]) -> HashMap<PackId, i64> {
    let mut used_s: HashMap<PackId, i64> = HashMap::new();
    let of_access_orders =
        access_orders.iter().flat_map(|access_order| access_order.packs.iter().map(|id| (*id, access_order.ended_s)));
    let of_packs = manifests.iter().flat_map(|manifest| &manifest.packs).map(|pack| (pack.id, pack.used_s));
    for (id, at_s) in of_access_orders.chain(of_packs) {
        let last_s = used_s.entry(id).or_insert(at_s);
        *last_s = at_s.max(*last_s);
    }
    used_s
}

/// The access orders that say what comes after some pack: for a pack the newest one counts. They come newest first.
fn worth_keeping(access_orders: &[&AccessOrder]) -> Vec<AccessOrder> {
    let mut known = HashSet::new();
    let tells = |access_order: &&&AccessOrder| {
        let mut news = false;
        access_order.packs.iter().for_each(|pack| news |= known.insert(*pack));
        news && access_order.packs.len() > 1
    };
    access_orders.iter().filter(tells).take(ACCESS_ORDERS_KEPT).map(|access_order| (*access_order).clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000 * 24 * 3600;
    const DAY: i64 = 24 * 3600;

    fn manifest(packs: &[(PackId, i64)], access_order: (i64, &[PackId])) -> Manifest {
        let pack = |(id, written_s): &(PackId, i64)| PackRecord {
            id: *id,
            bytes: 1,
            written_s: *written_s,
            used_s: *written_s,
            fingerprints: vec![],
        };
        let access_order = AccessOrder { ended_s: access_order.0, packs: access_order.1.to_vec() };
        Manifest { packs: packs.iter().map(pack).collect(), access_orders: vec![access_order], dropped: Vec::new() }
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
        assert_eq!((merged.manifest.packs.len(), merged.manifest.access_orders.len()), (3, 1));
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
    fn a_use_is_remembered_when_its_access_order_is_forgotten() {
        let id = PackId::random();
        let mut many: Vec<Manifest> = (0..20).map(|n| manifest(&[], (NOW - n, &[]))).collect();
        many.push(manifest(&[(id, NOW - 40 * DAY)], (NOW - 10 * DAY, &[id])));
        let merged = merge(&many, NOW).manifest;
        assert!(merged.access_orders.is_empty());
        assert_eq!(merge(&[merged], NOW + 15 * DAY).manifest.packs.len(), 1, "25 days after its last use");
    }

    #[test]
    fn only_the_newest_access_orders_are_kept() {
        let two = || [PackId::random(), PackId::random()];
        let many: Vec<Manifest> = (0..40).map(|n| manifest(&[], (n, &two()))).collect();
        let access_orders = merge(&many, NOW).manifest.access_orders;
        assert_eq!(
            access_orders.iter().map(|access_order| access_order.ended_s).collect::<Vec<_>>(),
            (24..40).rev().collect::<Vec<_>>()
        );
    }

    #[test]
    fn access_orders_that_tell_nothing_push_out_none_that_do() {
        let build: Vec<PackId> = (0..3).map(|_| PackId::random()).collect();
        let mut many = vec![manifest(&[], (1, &build)), manifest(&[], (0, &build[..2]))];
        many.extend((2..40).map(|n| manifest(&[], (n, &[PackId::random()]))));
        let access_orders = merge(&many, NOW).manifest.access_orders;
        assert_eq!(access_orders, [AccessOrder { ended_s: 1, packs: build }]);
    }
}
