//! The manifests of a bucket together, in memory: in which pack an action is, and what was used after it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::cache::pack::format::manifest::{AccessOrder, Fingerprint, Manifest, PackId, PackRecord};
use crate::protocol::ActionId;

/// Place of a pack in a catalog.
pub type PackNumber = u32;

/// Packs and actions. An action may be in none of the packs that it is looked up in: a fingerprint is no proof.
#[derive(Default)]
pub struct Catalog {
    packs: Vec<PackRecord>,
    by_fingerprint: HashMap<u64, PackNumber, BuildHasherDefault<AsItIs>>,
    /// For each pack the newest access_order that has it, and where.
    in_access_order: Vec<Option<(u32, u32)>>,
    /// Newest last.
    access_orders: Vec<Vec<PackNumber>>,
}

/// Fingerprints are parts of a hash already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        // The table takes its place from the low bits and a tag from the high ones.
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

impl Catalog {
    /// Puts manifests together. Where several packs have an action, the newest counts.
    pub fn new(manifests: Vec<Manifest>) -> Self {
        let mut packs: Vec<PackRecord> = Vec::new();
        let mut access_orders = Vec::new();
        let mut numbers: HashMap<PackId, PackNumber> = HashMap::new();
        for manifest in manifests {
            packs.extend(manifest.packs);
            access_orders.extend(manifest.access_orders);
        }
        packs.sort_by_key(|pack| (pack.written_s, pack.id));
        // Two merged manifests may name the same pack.
        packs.dedup_by(|one, two| one.id == two.id);
        let mut catalog = Self { by_fingerprint: HashMap::default(), ..Self::default() };
        catalog.by_fingerprint.reserve(packs.iter().map(|pack| pack.fingerprints.len()).sum());
        for (pack, number) in packs.iter().zip(0..) {
            numbers.insert(pack.id, number);
            for fingerprint in &pack.fingerprints {
                catalog.by_fingerprint.insert(fingerprint.number(), number);
            }
        }
        access_orders.sort_by_key(|access_order| access_order.ended_s);
        catalog.in_access_order = vec![None; packs.len()];
        for (AccessOrder { ended_s, packs: ids }, order_number) in access_orders.into_iter().zip(0..) {
            let access_order: Vec<PackNumber> = ids.iter().filter_map(|id| numbers.get(id).copied()).collect();
            for (pack, at) in access_order.iter().zip(0..) {
                catalog.in_access_order[*pack as usize] = Some((order_number, at));
                let used_s = &mut packs[*pack as usize].used_s;
                *used_s = ended_s.max(*used_s);
            }
            catalog.access_orders.push(access_order);
        }
        catalog.packs = packs;
        catalog
    }

    /// The pack that may have an action.
    pub fn find(&self, action: &ActionId) -> Option<PackNumber> {
        self.by_fingerprint.get(&Fingerprint::of(action).number()).copied()
    }

    /// A pack's record.
    pub fn pack(&self, number: PackNumber) -> &PackRecord {
        &self.packs[number as usize]
    }

    /// The packs that were used after one, by the newest session that used it: the nearest first.
    pub fn after(&self, number: PackNumber) -> &[PackNumber] {
        let Some((access_order, at)) = self.in_access_order[number as usize] else { return &[] };
        &self.access_orders[access_order as usize][at as usize + 1..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(id: PackId, written_s: i64, actions: &[u8]) -> PackRecord {
        let fingerprints = actions.iter().map(|n| Fingerprint::of(&ActionId::new([*n; 32]))).collect();
        PackRecord { id, bytes: 0, written_s, used_s: written_s, fingerprints }
    }

    #[test]
    fn the_newest_pack_of_an_action_counts_and_a_pack_named_twice_is_one() {
        let [old, new] = [PackId::random(), PackId::random()];
        let one = Manifest { packs: vec![pack(new, 20, &[1])], access_orders: Vec::new(), dropped: Vec::new() };
        let two = Manifest {
            packs: vec![pack(old, 10, &[1, 2]), pack(new, 20, &[1])],
            access_orders: Vec::new(),
            dropped: Vec::new(),
        };
        let catalog = Catalog::new(vec![one, two]);
        let found = |n| catalog.find(&ActionId::new([n; 32])).map(|number| catalog.pack(number).id);
        assert_eq!((found(1), found(2), found(3), catalog.packs.len()), (Some(new), Some(old), None, 2));
    }

    #[test]
    fn what_comes_next_is_told_by_the_newest_access_order_and_skips_packs_that_are_gone() {
        let ids: Vec<PackId> = (0..4).map(|_| PackId::random()).collect();
        let packs = ids.iter().zip(0..).map(|(id, n)| pack(*id, n, &[])).collect();
        let access_order = |ended_s, packs: &[PackId]| AccessOrder { ended_s, packs: packs.to_vec() };
        let newer = access_order(5, &[ids[2], PackId::random(), ids[0]]);
        let catalog = Catalog::new(vec![Manifest {
            packs,
            access_orders: vec![newer, access_order(4, &ids)],
            dropped: Vec::new(),
        }]);
        assert_eq!(catalog.after(2), [0]);
        assert_eq!(catalog.after(0), [0_u32; 0]);
        assert_eq!(catalog.after(1), [2, 3], "no newer session used it");
    }
}
