//! A bucket over many small commits: each is built by a machine with nothing but the bucket, which gets what others have put
//! and puts what the commit changes.

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::bench::commands::scaling::driver::Ask;
use crate::bench::commands::scaling::{Bench, entries};
use crate::bench::scenario::link::Link;
use crate::note;
use crate::platform::Cpus;

/// Entries that a build needs: about those of `go build std`.
const ENTRIES: u64 = 1000;
/// Of them, what a commit changes.
const CHANGED: usize = 20;
const BODY_BYTES: usize = 20_000;

/// What a machine found and did.
#[derive(Debug, Serialize)]
pub struct Commit {
    /// 0 is the first build, of an empty bucket.
    pub number: u32,
    /// From the start of the process to the answer to `close`.
    pub wall_ns: u64,
    pub hits: u64,
    pub misses: u64,
    /// While go would have waited; what the merging takes comes after it.
    pub requests: u64,
    pub bytes_down: u64,
    pub bytes_up: u64,
    /// In the bucket afterwards, when that was tidied up.
    pub manifests: u64,
    pub packs: u64,
    pub bucket_bytes: u64,
}

/// Builds the first one, `count` commits after it, and at last a machine with nothing to change.
///
/// # Errors
/// When a backend does not do what it should.
pub fn measure(bench: &mut Bench, count: u32, link: Link) -> Result<Vec<Commit>> {
    bench.server.set_link(link)?;
    let mut random = fastrand::Rng::with_seed(0);
    let mut versions = vec![0; ENTRIES as usize];
    let mut commits = Vec::new();
    for number in 0..=count {
        if number > 0 {
            let changed = random.choose_multiple(0..versions.len(), CHANGED);
            changed.into_iter().for_each(|at| versions[at] = number);
        }
        if number % 10 == 0 {
            note::line(format_args!("commit {number} of {count}"));
        }
        let commit = build(bench, number, &versions)?;
        let new = if number == 0 { ENTRIES } else { CHANGED as u64 };
        ensure!(commit.misses == new, "commit {number} missed {} entries, not {new}", commit.misses);
        commits.push(commit);
    }
    Ok(commits)
}

fn build(bench: &mut Bench, number: u32, versions: &[u32]) -> Result<Commit> {
    bench.server.use_prefix("commits/");
    let store = bench.fresh_store("commit");
    let (mut driver, folder) = bench.start(&store)?;
    let cores = Cpus::here().cores();
    let mut missed = Vec::new();
    let gets = versions.iter().zip(0..).map(|(version, entry)| Ask::Get(entries::action(entry, *version)));
    driver.run(gets, cores, |at, is_hit| missed.extend((!is_hit).then_some(at)))?;
    let puts = missed.iter().map(|at| {
        let (entry, version) = (*at as u64, versions[*at]);
        entries::put(entries::action(entry, version), entries::body(entry, version, BODY_BYTES))
    });
    driver.run(puts, cores, |_, _| ())?;
    let summary = bench.end(driver, &folder)?;
    let all = bench.server.stats()?;
    bench.server.use_prefix("commits/manifests-");
    let manifests = bench.server.stats()?;
    let missed = missed.len() as u64;
    Ok(Commit {
        number,
        wall_ns: summary.wall_ns,
        hits: ENTRIES - missed,
        misses: missed,
        requests: summary.remote_requests,
        bytes_down: summary.bytes_down,
        bytes_up: summary.bytes_up,
        manifests: manifests.objects,
        packs: all.objects - manifests.objects,
        bucket_bytes: all.bytes,
    })
}
