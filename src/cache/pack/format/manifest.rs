//! The bytes of a manifest: which packs there are, six bytes of each action in them, and the order in which sessions used
//! the packs.
//!
//! Little endian. Header: `GCMF`, version, number of packs, of pack ids, of access_orders, of packs to be deleted (`u32` each), and
//! the XXH3 (64 bits) of these four numbers and all that follows. Ids: 16 bytes each, those of the packs first. A pack is its size in bytes and its number of
//! entries (`u32` each), when it was written and last used (`i64`, Unix seconds), and then the first six bytes of each action, by the
//! entry's number. A access_order is when its session ended (`i64`, Unix seconds), its length and the places of its packs among the
//! ids (`u32` each). A pack to be deleted is its place among the ids (`u32`) and since when no manifest has it (`i64`, Unix
//! seconds): readers of older manifests may still want it. Two whole hashes an entry would be ten times as much.

use std::fmt;

use xxhash_rust::xxh3::Xxh3Default;

use crate::cache::pack::format::fields::Fields;
use crate::protocol::ActionId;

/// Larger outputs are objects of their own: a pack is made and taken apart in memory.
pub const LARGEST_PACKED: u64 = 64 << 20;
/// A pack that no manifest names is deleted after so long: no session reads manifests of that age.
pub const GRACE_S: i64 = 24 * 3600;
/// The version that this program writes, and the only one that it reads.
pub const VERSION: u32 = 1;
const MAGIC: [u8; 4] = *b"GCMF";
const HEADER_BYTES: usize = 32;
/// Bytes of an action that stand for it: among a million entries one get in 280 million finds another's.
const FINGERPRINT_BYTES: usize = 6;

/// Name of a pack: 16 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackId([u8; 16]);

/// The first bytes of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; FINGERPRINT_BYTES]);

/// A pack as a manifest has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackRecord {
    pub id: PackId,
    /// Size in bytes; `u32::MAX` where it is larger.
    pub bytes: u32,
    /// Unix seconds.
    pub written_s: i64,
    /// When the last session that used it ended, as far as a merge has seen; Unix seconds.
    pub used_s: i64,
    /// Fingerprints of its entries, by their number.
    pub fingerprints: Vec<Fingerprint>,
}

/// Packs in the order in which a session used them first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessOrder {
    /// End of the session, Unix seconds.
    pub ended_s: i64,
    pub packs: Vec<PackId>,
}

/// The packs of one session, or several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub packs: Vec<PackRecord>,
    pub access_orders: Vec<AccessOrder>,
    /// Packs that are in no manifest any more, and since when (Unix seconds).
    pub dropped: Vec<(PackId, i64)>,
}

/// Why the bytes of a manifest are not used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is none, or one of another version.
    #[error("not a manifest of version {VERSION}")]
    Version,
    /// Damage.
    #[error("a damaged manifest")]
    Damaged,
}

impl PackId {
    /// A new name.
    pub fn random() -> Self {
        Self(fastrand::u128(..).to_le_bytes())
    }
}

impl fmt::Display for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PackRecord {
    /// True if it is a single output that is too large for a pack.
    pub fn is_large(&self) -> bool {
        u64::from(self.bytes) > LARGEST_PACKED
    }
}

impl Fingerprint {
    /// The fingerprint of an action.
    pub fn of(action: &ActionId) -> Self {
        Self(std::array::from_fn(|at| action.as_bytes()[at]))
    }

    /// As a number.
    pub fn number(self) -> u64 {
        self.0.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

impl Manifest {
    /// The object's content.
    pub fn encode(&self) -> Vec<u8> {
        let mut ids: Vec<PackId> = self.packs.iter().map(|pack| pack.id).collect();
        let mut places: std::collections::HashMap<PackId, u32> = ids.iter().copied().zip(0..).collect();
        let mut place_of = |id: &PackId| {
            *places.entry(*id).or_insert_with(|| {
                ids.push(*id);
                ids.len() as u32 - 1
            })
        };
        let mut access_orders = Vec::new();
        for access_order in &self.access_orders {
            access_orders.extend_from_slice(&access_order.ended_s.to_le_bytes());
            access_orders.extend_from_slice(&(access_order.packs.len() as u32).to_le_bytes());
            access_orders.extend(access_order.packs.iter().flat_map(|id| place_of(id).to_le_bytes()));
        }
        for (id, since_s) in &self.dropped {
            access_orders.extend_from_slice(&place_of(id).to_le_bytes());
            access_orders.extend_from_slice(&since_s.to_le_bytes());
        }
        let mut rest: Vec<u8> = ids.iter().flat_map(|id| id.0).collect();
        for pack in &self.packs {
            rest.extend_from_slice(&pack.bytes.to_le_bytes());
            rest.extend_from_slice(&(pack.fingerprints.len() as u32).to_le_bytes());
            rest.extend_from_slice(&pack.written_s.to_le_bytes());
            rest.extend_from_slice(&pack.used_s.to_le_bytes());
        }
        rest.extend(self.packs.iter().flat_map(|pack| &pack.fingerprints).flat_map(|fingerprint| fingerprint.0));
        rest.extend_from_slice(&access_orders);
        let counts =
            [self.packs.len(), ids.len(), self.access_orders.len(), self.dropped.len()].map(|count| count as u32);
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend(counts.iter().flat_map(|count| count.to_le_bytes()));
        bytes.extend_from_slice(&checksum(counts, &rest).to_le_bytes());
        bytes.extend_from_slice(&rest);
        bytes
    }

    /// Reads the object's content.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        let (header, rest) = bytes.split_at_checked(HEADER_BYTES).ok_or(ManifestError::Version)?;
        let mut header = Fields(header);
        if header.take() != Some(MAGIC) || header.u32() != Some(VERSION) {
            return Err(ManifestError::Version);
        }
        let counts = [header.u32(), header.u32(), header.u32(), header.u32()].map(Option::unwrap_or_default);
        if header.take().map(u64::from_le_bytes) != Some(checksum(counts, rest)) {
            return Err(ManifestError::Damaged);
        }
        let mut fields = Fields(rest);
        match Self::parse(&mut fields, counts) {
            Some(manifest) if fields.0.is_empty() => Ok(manifest),
            _ => Err(ManifestError::Damaged),
        }
    }

    fn parse(fields: &mut Fields<'_>, [packs, ids, access_orders, dropped]: [u32; 4]) -> Option<Self> {
        let ids: Vec<PackId> = (0..ids).map(|_| Some(PackId(fields.take()?))).collect::<Option<_>>()?;
        let head = |place: u32| {
            let (bytes, entries, written_s, used_s) = (fields.u32()?, fields.u32()?, fields.i64()?, fields.i64()?);
            let id = *ids.get(place as usize)?;
            Some((PackRecord { id, bytes, written_s, used_s, fingerprints: Vec::new() }, entries))
        };
        let heads: Vec<_> = (0..packs).map(head).collect::<Option<_>>()?;
        let fill = |(mut pack, entries): (PackRecord, u32)| {
            pack.fingerprints = (0..entries).map(|_| Some(Fingerprint(fields.take()?))).collect::<Option<_>>()?;
            Some(pack)
        };
        let packs = heads.into_iter().map(fill).collect::<Option<_>>()?;
        let access_order = |_| {
            let (ended_s, length) = (fields.i64()?, fields.u32()?);
            let packs = (0..length).map(|_| ids.get(fields.u32()? as usize).copied()).collect::<Option<_>>()?;
            Some(AccessOrder { ended_s, packs })
        };
        let access_orders = (0..access_orders).map(access_order).collect::<Option<_>>()?;
        let drop = |_| Some((*ids.get(fields.u32()? as usize)?, fields.i64()?));
        let dropped = (0..dropped).map(drop).collect::<Option<_>>()?;
        Some(Self { packs, access_orders, dropped })
    }
}

/// The checksum of the counts in the header and all that follows it.
fn checksum(counts: [u32; 4], rest: &[u8]) -> u64 {
    let mut hash = Xxh3Default::new();
    hash.update(&counts.map(u32::to_le_bytes).concat());
    hash.update(rest);
    hash.digest()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn action(n: u8) -> ActionId {
        ActionId::new([n; 32])
    }

    fn manifest() -> Manifest {
        let pack = |n: u8, actions: &[u8]| PackRecord {
            id: PackId([n; 16]),
            bytes: u32::from(n) * 1000,
            written_s: i64::from(n),
            used_s: i64::from(n) + 1,
            fingerprints: actions.iter().map(|n| Fingerprint::of(&action(*n))).collect(),
        };
        let access_order =
            |ended_s, packs: &[u8]| AccessOrder { ended_s, packs: packs.iter().map(|n| PackId([*n; 16])).collect() };
        Manifest {
            packs: vec![pack(1, &[10, 11]), pack(2, &[]), pack(3, &[12])],
            access_orders: vec![access_order(7, &[3, 9, 1]), access_order(-1, &[9]), access_order(0, &[])],
            dropped: vec![(PackId([8; 16]), 5), (PackId([9; 16]), 6)],
        }
    }

    #[test]
    fn a_manifest_comes_back_with_the_packs_of_others_in_its_access_orders() {
        assert_eq!(Manifest::decode(&manifest().encode()), Ok(manifest()));
        assert_eq!(Manifest::decode(&Manifest::default().encode()), Ok(Manifest::default()));
    }

    #[test]
    fn a_later_version_is_told_apart_from_damage() {
        let mut bytes = manifest().encode();
        bytes[4] = 2;
        assert_eq!(Manifest::decode(&bytes), Err(ManifestError::Version));
        assert_eq!(Manifest::decode(b""), Err(ManifestError::Version));
    }

    #[test]
    fn an_entry_costs_six_bytes() {
        let mut big = manifest();
        let before = big.encode().len();
        big.packs[0].fingerprints.extend((0..100).map(|n| Fingerprint::of(&action(n))));
        assert_eq!(big.encode().len() - before, 600);
    }

    proptest! {
        #[test]
        fn damage_is_found_and_no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<usize>()) {
            let _ = Manifest::decode(&bytes);
            let mut damaged = manifest().encode();
            let at = at % damaged.len();
            damaged[at] ^= bytes.first().copied().unwrap_or(1) | 1;
            prop_assert!(Manifest::decode(&damaged).is_err());
            prop_assert!(Manifest::decode(&damaged[..at]).is_err());
        }
    }
}
