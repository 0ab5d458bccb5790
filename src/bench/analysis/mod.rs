//! From what was measured to what it means: [`stats`], [`compare`], [`noise`] and [`outliers`] judge numbers, [`account`] says
//! where the time went, [`critical_path`] which of go's actions decided it, [`savings`] what the cache saved of them, [`summary`], [`cases`], [`network`] and [`ci`] what a run, its cases, a grid of links and groups of machines
//! came to, [`until`] whether that is known well enough, and [`two_runs`]
//! what differs between two runs. [`samples`], [`in_flight`] and [`get_latency`] are for the pictures of a report. Nothing here prints.

pub mod account;
pub mod cases;
pub mod ci;
pub mod compare;
pub mod critical_path;
pub mod get_latency;
pub mod in_flight;
pub mod network;
pub mod noise;
pub mod outliers;
pub mod proof;
pub mod reader;
pub mod samples;
pub mod savings;
pub mod stats;
pub mod summary;
pub mod two_runs;
pub mod until;
pub mod verdict;

use std::path::Path;

use anyhow::Result;

use super::reporting::results::Results;
use network::Network;
use summary::Summary;
use verdict::LegVerdict;

/// Computes all that results hold beside the samples.
pub fn compute(results: &mut Results) {
    results.summary = Summary::of(&results.rounds, results.plan.paired_ratios);
    results.widest_interval =
        results.plan.until.and_then(|_| until::widest(&results.rounds, &results.plan.short_setups()));
    results.critical_paths = critical_path::critical_paths(&results.rounds);
    results.savings = savings::savings(&results.rounds);
    results.cases = cases::summaries(&results.rounds, &results.plan);
    results.network = Network::of(&results.cases, &results.plan, &results.summary);
    results.ci.iter_mut().for_each(ci::CiResults::compute);
    results.verdicts = LegVerdict::all(&results.rounds, &results.plan);
    results.proofs = proof::proofs(&results.rounds, &results.plan);
}

/// A saved run with all that is computed of it.
///
/// # Errors
/// [`Results::read`].
pub fn load(path: &Path) -> Result<Results> {
    let mut results = Results::read(path)?;
    compute(&mut results);
    Ok(results)
}
