//! A local store and a bucket of many entries: how long a session takes to its first answer, and what it holds in memory.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::execute::scaling::driver::{Ask, action, body, put};
use crate::execute::scaling::harness::Harness;
use crate::results::scaling::{ENTRIES_PER_BODY, Size, Start};
use crate::scenario::link::Link;
use gocacheprog::cache::INDEX_FILE;
use gocacheprog::s3_server::Operation;

/// Sessions that fill the stores: enough for manifests to be merged once.
const SESSIONS: u64 = 10;
const BODY_BYTES: usize = 1000;
/// Puts that are open at a time. Their answers have to fit into a pipe.
const OPEN_PUTS: usize = 64;

/// Fills both stores, and starts `rounds` sessions over each.
///
/// # Errors
/// When a backend fails, or does not find an entry.
pub fn measure(harness: &mut Harness<'_>, entries: u64, rounds: u32, far: Link) -> Result<Size> {
    harness.server.use_prefix(&format!("{entries}/"));
    harness.server.set_link(Link::NONE)?;
    let store = harness.work.join(format!("store-{entries}"));
    let began = Instant::now();
    fill(harness, &store, entries)?;
    let filling_ns = began.elapsed().as_nanos() as u64;
    let stats = harness.server.stats()?;
    let index_bytes = std::fs::metadata(store.join(INDEX_FILE))?.len();
    let (local, near, far_starts) = (Vec::new(), Vec::new(), Vec::new());
    let (objects, bucket_bytes) = (stats.objects, stats.bytes);
    let mut size = Size { entries, filling_ns, index_bytes, objects, bucket_bytes, local, near, far: far_starts };
    (harness.say)(&format!("{entries} entries: {rounds} sessions each over the local store and the bucket"));
    for _ in 0..rounds {
        size.local.push(start(harness, &store, entries)?);
        size.near.push(start_fresh(harness, entries)?);
        harness.server.set_link(far)?;
        size.far.push(start_fresh(harness, entries)?);
        harness.server.set_link(Link::NONE)?;
    }
    Ok(size)
}

fn fill(harness: &mut Harness<'_>, store: &Path, entries: u64) -> Result<()> {
    for session in 0..SESSIONS {
        (harness.say)(&format!("{entries} entries: session {} of {SESSIONS} that put them", session + 1));
        let (mut driver, folder) = harness.session(store)?;
        // As go does: a question first. Its miss lets the session look at the bucket.
        let unknown = action(entries + session, 1);
        driver.run(std::iter::once(Ask::Get(unknown)), 1, |_, _| ())?;
        let numbers = entries * session / SESSIONS..entries * (session + 1) / SESSIONS;
        let put = |number| put(action(number, 0), body(number / ENTRIES_PER_BODY, 0, BODY_BYTES));
        driver.run(numbers.map(put), OPEN_PUTS, |_, _| ())?;
        let summary = harness.end(driver, &folder)?;
        ensure!(summary.uploads_left == 0, "{} entries did not get into the bucket", summary.uploads_left);
    }
    Ok(())
}

fn start_fresh(harness: &mut Harness<'_>, entries: u64) -> Result<Start> {
    let store = harness.fresh_store("fresh");
    start(harness, &store, entries)
}

fn start(harness: &mut Harness<'_>, store: &Path, entries: u64) -> Result<Start> {
    let mark = harness.server.control().mark()?;
    let (mut driver, folder) = harness.session(store)?;
    let mut is_hit = false;
    let ask = Ask::Get(action(entries / 2, 0));
    driver.run(std::iter::once(ask), 1, |_, hit| is_hit = hit)?;
    let (handshake_ns, first_answer_ns) = (driver.handshake.as_nanos() as u64, driver.elapsed().as_nanos() as u64);
    ensure!(is_hit, "an entry that was put was not found");
    let log = harness.server.control().log_since(mark)?;
    let manifests = log.iter().filter(|request| request.op == Operation::Get && request.key.contains("/manifests-"));
    let manifests: Vec<u64> = manifests.map(|request| request.bytes_out).collect();
    let summary = harness.end(driver, &folder)?;
    Ok(Start {
        handshake_ns,
        first_answer_ns,
        peak_rss_bytes: summary.peak_rss_bytes,
        manifests: manifests.len() as u64,
        manifest_bytes: manifests.iter().sum(),
    })
}
