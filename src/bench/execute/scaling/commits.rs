//! A bucket over many small commits: each is built by a machine that has only the bucket, gets the entries of earlier commits
//! and puts those that the commit changes.

use anyhow::{Result, ensure};

use crate::execute::scaling::driver::{Ask, action, body, put};
use crate::execute::scaling::harness::Harness;
use crate::results::scaling::Commit;
use crate::scenario::link::Link;
use gocacheprog::platform::Cpus;

/// Entries that a build needs: about those of `go build std`.
const ENTRIES: u64 = 1000;
/// Entries that a commit changes.
const CHANGED: usize = 20;
const BODY_BYTES: usize = 20_000;

/// Builds all entries, and then `count` commits one after the other.
///
/// # Errors
/// When a backend fails, or misses other entries than those that a commit changes.
pub fn measure(harness: &mut Harness<'_>, count: u32, link: Link) -> Result<Vec<Commit>> {
    harness.server.set_link(link)?;
    let mut random = fastrand::Rng::with_seed(0);
    let mut versions = vec![0; ENTRIES as usize];
    let mut commits = Vec::new();
    for number in 0..=count {
        if number > 0 {
            let changed = random.choose_multiple(0..versions.len(), CHANGED);
            changed.into_iter().for_each(|at| versions[at] = number);
        }
        if number % 10 == 0 {
            (harness.say)(&format!("commit {number} of {count}"));
        }
        let commit = build(harness, number, &versions)?;
        let new = if number == 0 { ENTRIES } else { CHANGED as u64 };
        ensure!(commit.misses == new, "commit {number} missed {} entries, not {new}", commit.misses);
        commits.push(commit);
    }
    Ok(commits)
}

fn build(harness: &mut Harness<'_>, number: u32, versions: &[u32]) -> Result<Commit> {
    harness.server.use_prefix("commits/");
    let store = harness.fresh_store("commit");
    let (mut driver, folder) = harness.session(&store)?;
    let cores = Cpus::here().cores();
    let mut missed = Vec::new();
    let gets = versions.iter().zip(0..).map(|(version, entry)| Ask::Get(action(entry, *version)));
    driver.run(gets, cores, |at, is_hit| missed.extend((!is_hit).then_some(at)))?;
    let puts = missed.iter().map(|at| {
        let (entry, version) = (*at as u64, versions[*at]);
        put(action(entry, version), body(entry, version, BODY_BYTES))
    });
    driver.run(puts, cores, |_, _| ())?;
    let summary = harness.end(driver, &folder)?;
    let all = harness.server.stats()?;
    harness.server.use_prefix("commits/manifests-");
    let manifests = harness.server.stats()?;
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
