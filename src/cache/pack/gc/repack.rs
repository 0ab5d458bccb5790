//! Packs small packs anew: a session of a small commit leaves one of some KiB, and fifty of them are fifty requests.

use crate::cache::pack::format::layout;
use std::collections::{HashMap, HashSet};
use std::io;

use bytes::Bytes;
use futures_util::StreamExt;

use crate::cache::local::index::entry::Entry;
use crate::cache::local::store::EMPTY_OUTPUT;
use crate::cache::pack::format::builder::{LEVEL, PackBuilder, is_full};
use crate::cache::pack::format::decoder::{PackDecoder, decompress};
use crate::cache::pack::format::keys::pack_key;
use crate::cache::pack::format::layout::Directory;
use crate::cache::pack::format::manifest::{AccessOrder, Fingerprint, Manifest, PackId, PackRecord};
use crate::cache::pack::gc::collect::ATTEMPT;
use crate::cache::pack::read::packs::Packs;
use crate::protocol::ActionId;

/// A pack below this is small.
const SMALL_BYTES: u32 = 256 << 10;
/// From so many small ones on they are packed anew.
const FEW: usize = 8;
/// At most so many bytes at a time, and so many packs.
const MOST_BYTES: u64 = 32 << 20;
const MOST_PACKS: usize = 512;
/// Packs that are fetched at the same time.
const READS_IN_FLIGHT: usize = 16;

/// An entry with its content.
type Unpacked = (ActionId, Entry, Vec<u8>);

impl Packs {
    /// Replaces small packs of a manifest by larger ones, and tells in it from when on (Unix seconds) the old ones are not
    /// needed; whether it did. A pack that is gone or damaged stays as it is.
    pub(super) async fn repack(&self, manifest: &mut Manifest, now_s: i64) -> bool {
        let small = small(&manifest.packs);
        if small.len() < FEW {
            return false;
        }
        let fetched = small.into_iter().map(|record| self.fetch_whole(record)).collect::<Vec<_>>();
        let fetched: Vec<_> = futures_util::stream::iter(fetched).buffered(READS_IN_FLIGHT).collect().await;
        let (sources, mut unpacked): (Vec<PackRecord>, Vec<_>) = fetched.into_iter().flatten().unzip();
        drop_replaced(&mut unpacked, &sources, &manifest.packs);
        let Ok(packs) = pack(newest(unpacked)) else { return false };
        let mut records = Vec::new();
        for (bytes, actions) in packs {
            let record = record(&sources, &bytes, &actions);
            if self.remote.put_object(&pack_key(record.id), bytes, ATTEMPT).await.is_err() {
                // What was written is an orphan, and leaves.
                return false;
            }
            records.push(record);
        }
        replace(manifest, &sources, records, now_s);
        true
    }

    async fn fetch_whole(&self, record: PackRecord) -> Option<(PackRecord, Vec<Unpacked>)> {
        let bytes = self.remote.object(&pack_key(record.id), record.bytes as usize, true).await.ok()??;
        let entries = unpack(&bytes).ok()?;
        Some((record, entries))
    }
}

/// The oldest small packs, as many as are taken at a time.
fn small(packs: &[PackRecord]) -> Vec<PackRecord> {
    let mut small: Vec<PackRecord> = packs.iter().filter(|pack| pack.bytes < SMALL_BYTES).cloned().collect();
    small.sort_by_key(|pack| (pack.written_s, pack.id));
    let mut bytes = 0;
    small.retain(|pack| {
        bytes += u64::from(pack.bytes);
        bytes <= MOST_BYTES
    });
    small.truncate(MOST_PACKS);
    small
}

fn unpack(bytes: &[u8]) -> io::Result<Vec<Unpacked>> {
    let damaged = || io::Error::from(io::ErrorKind::InvalidData);
    let mut decoder = PackDecoder::default();
    decoder.feed(bytes);
    let directory: Directory = decoder.directory().ok().flatten().ok_or_else(damaged)?;
    let mut contents: HashMap<usize, Vec<u8>> = HashMap::new();
    while let Some((number, packed)) = decoder.frame(&directory) {
        let frame = &directory.frames[number];
        decompress(frame, &packed, |plain| {
            contents.extend(directory.objects_of(frame, plain).map(|(number, _, content)| (number, content.to_vec())));
        })?;
    }
    let entry = |entry: &layout::PackedEntry| {
        let content = entry.object.map_or(Some(Vec::new()), |object| contents.get(&object).cloned());
        Some((entry.action, directory.entry(entry, EMPTY_OUTPUT), content?))
    };
    directory.entries.iter().map(entry).collect::<Option<_>>().ok_or_else(damaged)
}

/// Each action once: as the newest of the packs, which come oldest first, has it.
fn newest(packs: Vec<Vec<Unpacked>>) -> Vec<Unpacked> {
    let mut seen = HashSet::new();
    let mut kept: Vec<Vec<Unpacked>> = Vec::new();
    for entries in packs.into_iter().rev() {
        kept.push(entries.into_iter().filter(|(action, ..)| seen.insert(*action)).collect());
    }
    kept.into_iter().rev().flatten().collect()
}

/// Drops what a younger pack that stays has as well: what is packed anew counts as young as the youngest of `sources`.
fn drop_replaced(unpacked: &mut [Vec<Unpacked>], sources: &[PackRecord], all: &[PackRecord]) {
    let packed_anew: HashSet<PackId> = sources.iter().map(|pack| pack.id).collect();
    let mut written_s: HashMap<Fingerprint, i64> = HashMap::new();
    for pack in all.iter().filter(|pack| !packed_anew.contains(&pack.id)) {
        for fingerprint in &pack.fingerprints {
            let latest_s = written_s.entry(*fingerprint).or_insert(pack.written_s);
            *latest_s = pack.written_s.max(*latest_s);
        }
    }
    for (entries, source) in unpacked.iter_mut().zip(sources) {
        let is_replaced =
            |action: &ActionId| written_s.get(&Fingerprint::of(action)).is_some_and(|at_s| *at_s > source.written_s);
        entries.retain(|(action, ..)| !is_replaced(action));
    }
}

fn pack(entries: Vec<Unpacked>) -> io::Result<Vec<(Bytes, Vec<ActionId>)>> {
    let mut packs = Vec::new();
    let mut rest = entries.into_iter().peekable();
    while rest.peek().is_some() {
        let mut builder = PackBuilder::new(Some(LEVEL))?;
        let (mut plain_bytes, mut count) = (0, 0);
        while !is_full(plain_bytes, count)
            && let Some((action, entry, content)) = rest.next()
        {
            plain_bytes += entry.size_bytes;
            count += 1;
            builder.add(action, &entry, || Ok(content))?;
        }
        let (bytes, actions) = builder.finish()?;
        packs.push((bytes.into(), actions));
    }
    Ok(packs)
}

fn record(sources: &[PackRecord], bytes: &Bytes, actions: &[ActionId]) -> PackRecord {
    let latest = |time: fn(&PackRecord) -> i64| sources.iter().map(time).max().unwrap_or_default();
    PackRecord {
        id: PackId::random(),
        bytes: bytes.len() as u32,
        written_s: latest(|pack| pack.written_s),
        used_s: latest(|pack| pack.used_s),
        fingerprints: actions.iter().map(Fingerprint::of).collect(),
    }
}

/// Puts `records` into the place of `sources`, on the access_orders where the first of those was.
fn replace(manifest: &mut Manifest, sources: &[PackRecord], records: Vec<PackRecord>, now_s: i64) {
    let gone: HashSet<PackId> = sources.iter().map(|pack| pack.id).collect();
    let ids: Vec<PackId> = records.iter().map(|pack| pack.id).collect();
    for AccessOrder { packs, .. } in &mut manifest.access_orders {
        if let Some(first) = packs.iter().position(|id| gone.contains(id)) {
            packs.splice(first..first, ids.iter().copied());
            packs.retain(|id| !gone.contains(id));
        }
    }
    manifest.packs.retain(|pack| !gone.contains(&pack.id));
    manifest.packs.extend(records);
    manifest.dropped.extend(gone.into_iter().map(|id| (id, now_s)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::OutputId;
    use ring::digest::{SHA256, digest};

    fn unpacked(action: u8, content: &[u8]) -> Unpacked {
        let output = OutputId::new(digest(&SHA256, content).as_ref().try_into().unwrap());
        let entry = Entry { output, size_bytes: content.len() as u64, time_ns: i64::from(action) };
        (ActionId::new([action; 32]), entry, content.to_vec())
    }

    #[test]
    fn what_is_packed_anew_comes_back_as_it_was() {
        let entries = vec![unpacked(1, b"one"), unpacked(2, b""), unpacked(3, b"one"), unpacked(4, &[7; 300_000])];
        let packs = pack(entries.clone()).unwrap();
        assert_eq!(packs.len(), 1);
        assert_eq!(unpack(&packs[0].0).unwrap(), entries);
        let many: Vec<_> = (0..20).map(|n| unpacked(n, &vec![n; 1 << 20])).collect();
        let packs = pack(many.clone()).unwrap();
        assert_eq!(packs.len(), 5);
        let back: Vec<_> = packs.iter().flat_map(|(bytes, _)| unpack(bytes).unwrap()).collect();
        assert_eq!(back, many);
    }

    #[test]
    fn of_an_action_in_several_packs_the_newest_counts() {
        let old = vec![unpacked(1, b"old"), unpacked(2, b"two")];
        let new = vec![unpacked(3, b"three"), unpacked(1, b"new")];
        assert_eq!(newest(vec![old, new]), [unpacked(2, b"two"), unpacked(3, b"three"), unpacked(1, b"new")]);
    }

    #[test]
    fn what_a_younger_pack_has_as_well_does_not_become_younger_than_it() {
        let actions = |numbers: &[u8]| numbers.iter().map(|n| Fingerprint::of(&ActionId::new([*n; 32]))).collect();
        let pack = |written_s, numbers: &[u8]| PackRecord {
            id: PackId::random(),
            bytes: 1,
            written_s,
            used_s: written_s,
            fingerprints: actions(numbers),
        };
        let [old, large, young] = [pack(1, &[1, 2]), pack(2, &[1, 3]), pack(3, &[3])];
        let mut entries = [vec![unpacked(1, b"old"), unpacked(2, b"two")], vec![unpacked(3, b"young")]];
        drop_replaced(&mut entries, &[old.clone(), young.clone()], &[old, large, young]);
        assert_eq!(entries, [vec![unpacked(2, b"two")], vec![unpacked(3, b"young")]]);
    }

    #[test]
    fn new_packs_take_the_place_of_the_old_on_the_access_orders() {
        let ids: Vec<PackId> = (0..4).map(|_| PackId::random()).collect();
        let pack = |id| PackRecord { id, bytes: 1, written_s: 5, used_s: 6, fingerprints: vec![] };
        let access_order = |packs: &[PackId]| AccessOrder { ended_s: 1, packs: packs.to_vec() };
        let mut manifest = Manifest {
            packs: ids.iter().copied().map(pack).collect(),
            access_orders: vec![access_order(&ids), access_order(&[ids[3]])],
            dropped: Vec::new(),
        };
        let new = PackId::random();
        replace(&mut manifest, &[pack(ids[1]), pack(ids[2])], vec![pack(new)], 9);
        assert_eq!(manifest.access_orders, [access_order(&[ids[0], new, ids[3]]), access_order(&[ids[3]])]);
        assert_eq!(manifest.packs.iter().map(|pack| pack.id).collect::<Vec<_>>(), [ids[0], ids[3], new]);
        let dropped: HashSet<_> = manifest.dropped.into_iter().collect();
        assert_eq!(dropped, HashSet::from([(ids[1], 9), (ids[2], 9)]));
    }

    #[test]
    fn a_damaged_pack_is_left_as_it_is() {
        let (bytes, _) = pack(vec![unpacked(1, b"one"), unpacked(2, &[1; 5000])]).unwrap().remove(0);
        for at in [0, 30, bytes.len() - 3] {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 0x55;
            assert!(unpack(&damaged).is_err(), "byte {at}");
        }
        assert!(unpack(&bytes[..bytes.len() - 1]).is_err());
    }
}
