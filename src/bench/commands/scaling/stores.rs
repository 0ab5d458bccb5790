//! A local store and a bucket of many entries: how long a session takes to its first answer, and what it holds in memory.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::bench::commands::scaling::driver::Ask;
use crate::bench::commands::scaling::{Bench, entries};
use crate::bench::scenario::link::Link;
use crate::cache::INDEX_FILE;
use crate::note;
use crate::s3_server::Operation;

/// Sessions that fill the stores: enough for manifests to be merged once.
const SESSIONS: u64 = 10;
/// So many entries share a body, so that a million of them are no million files.
pub const SHARE_A_BODY: u64 = 100;
const BODY_BYTES: usize = 1000;
/// Puts that are open at a time. Their answers have to fit into a pipe.
const OPEN_PUTS: usize = 64;

/// Stores with so many entries.
#[derive(Debug, Serialize)]
pub struct Size {
    pub entries: u64,
    /// All sessions that put, from the first start to the last end.
    pub filling_ns: u64,
    pub index_bytes: u64,
    /// Objects and bytes in the bucket.
    pub objects: u64,
    pub bucket_bytes: u64,
    /// Over the local store.
    pub local: Vec<Start>,
    /// Without a local store, and no latency.
    pub near: Vec<Start>,
    /// The same with latency.
    pub far: Vec<Start>,
}

/// A session of one get.
#[derive(Debug, Clone, Serialize)]
pub struct Start {
    /// From the start of the process.
    pub handshake_ns: u64,
    /// From there too.
    pub first_answer_ns: u64,
    pub peak_rss_bytes: Option<u64>,
    /// Manifests that were read before the answer, and their bytes.
    pub manifests: u64,
    pub manifest_bytes: u64,
}

/// Fills both stores, and starts `rounds` sessions over each.
///
/// # Errors
/// When a backend does not do what it should.
pub fn measure(bench: &mut Bench, entries: u64, rounds: u32, far: Link) -> Result<Size> {
    bench.server.use_prefix(&format!("{entries}/"));
    bench.server.set_link(Link::NONE)?;
    let store = bench.work.join(format!("store-{entries}"));
    let began = Instant::now();
    fill(bench, &store, entries)?;
    let filling_ns = began.elapsed().as_nanos() as u64;
    let stats = bench.server.stats()?;
    let index_bytes = std::fs::metadata(store.join(INDEX_FILE))?.len();
    let (local, near, far_starts) = (Vec::new(), Vec::new(), Vec::new());
    let (objects, bucket_bytes) = (stats.objects, stats.bytes);
    let mut size = Size { entries, filling_ns, index_bytes, objects, bucket_bytes, local, near, far: far_starts };
    note::line(format_args!("{entries} entries: {rounds} sessions each over the local store and the bucket"));
    for _ in 0..rounds {
        size.local.push(start(bench, &store, entries)?);
        size.near.push(start_fresh(bench, entries)?);
        bench.server.set_link(far)?;
        size.far.push(start_fresh(bench, entries)?);
        bench.server.set_link(Link::NONE)?;
    }
    Ok(size)
}

fn fill(bench: &mut Bench, store: &Path, entries: u64) -> Result<()> {
    for session in 0..SESSIONS {
        note::line(format_args!("{entries} entries: session {} of {SESSIONS} that put them", session + 1));
        let (mut driver, folder) = bench.start(store)?;
        // As go does: a question first. Its miss lets the session look at the bucket.
        let unknown = entries::action(entries + session, 1);
        driver.run(std::iter::once(Ask::Get(unknown)), 1, |_, _| ())?;
        let numbers = entries * session / SESSIONS..entries * (session + 1) / SESSIONS;
        let put =
            |number| entries::put(entries::action(number, 0), entries::body(number / SHARE_A_BODY, 0, BODY_BYTES));
        driver.run(numbers.map(put), OPEN_PUTS, |_, _| ())?;
        let summary = bench.end(driver, &folder)?;
        ensure!(summary.uploads_left == 0, "{} entries did not get into the bucket", summary.uploads_left);
    }
    Ok(())
}

fn start_fresh(bench: &mut Bench, entries: u64) -> Result<Start> {
    let store = bench.fresh_store("fresh");
    start(bench, &store, entries)
}

fn start(bench: &mut Bench, store: &Path, entries: u64) -> Result<Start> {
    let mark = bench.server.mark()?;
    let (mut driver, folder) = bench.start(store)?;
    let mut is_hit = false;
    let ask = Ask::Get(entries::action(entries / 2, 0));
    driver.run(std::iter::once(ask), 1, |_, hit| is_hit = hit)?;
    let (handshake_ns, first_answer_ns) = (driver.handshake.as_nanos() as u64, driver.elapsed().as_nanos() as u64);
    ensure!(is_hit, "an entry that was put was not found");
    let log = bench.server.log_since(mark)?;
    let manifests = log.iter().filter(|request| request.op == Operation::Get && request.key.contains("/manifests-"));
    let manifests: Vec<u64> = manifests.map(|request| request.bytes_out).collect();
    let summary = bench.end(driver, &folder)?;
    Ok(Start {
        handshake_ns,
        first_answer_ns,
        peak_rss_bytes: summary.peak_rss_bytes,
        manifests: manifests.len() as u64,
        manifest_bytes: manifests.iter().sum(),
    })
}
