//! From what was measured to what it means: [`stats`], [`rank_ratio`], [`compare`], [`noise`] and [`outliers`] judge numbers, [`account`] says
//! where the time went, [`critical_path`] which of go's actions decided it, [`savings`] what the cache saved of them, [`summary`],
//! [`cases`], [`network`] and [`ci`] what a run, its cases, a grid of links and groups of machines came to, [`until`] whether that
//! is known well enough, [`verdict`] what held a state back (of [`reader`] and the like), and [`proof`] whether it names what was planted.
//! [`differences`] is what differs between [`two_runs`] that have no [`obstacles`], or between [`two_backends`] side by side.
//! [`samples`], [`in_flight`] and [`get_latency`] are for the pictures of a report. Nothing here prints.

pub mod statistics;
pub mod study;
pub mod time;
pub mod verdict;

use crate::bench::analysis::statistics::precision;
use crate::bench::analysis::study::cases;
use crate::bench::analysis::study::ci;
use crate::bench::analysis::study::selftest;
use crate::bench::analysis::time::critical_path;
use crate::bench::analysis::time::savings;
use std::path::Path;

use anyhow::Result;

use crate::bench::analysis::study::compare_paired::between_backends;
use crate::bench::analysis::study::network::Network;
use crate::bench::analysis::study::summary::Summary;
use crate::bench::analysis::verdict::finding::StateVerdict;
use crate::bench::plan::steps::{Kind, Setup, Step};
use crate::bench::results::read;
use crate::bench::results::run::Results;

/// Computes all that results hold beside the samples.
pub fn compute(results: &mut Results) {
    results.summary = Summary::of(&results.rounds, results.plan.paired_ratios);
    results.summary.not_measured = not_measured(results);
    results.widest_interval =
        results.plan.until.and_then(|_| precision::widest(&results.rounds, &results.plan.short_setups()));
    results.critical_paths = critical_path::critical_paths(&results.rounds);
    results.savings = savings::savings(&results.rounds);
    results.cases = cases::summaries(&results.rounds, &results.plan);
    results.network = Network::of(&results.cases, &results.plan, &results.summary);
    results.differences = between_backends(&results.rounds, &results.plan);
    results.ci.iter_mut().for_each(ci::CiResults::compute);
    results.verdicts = StateVerdict::all(&results.rounds, &results.plan);
    results.proofs = selftest::proofs(&results.rounds, &results.plan);
}

/// What was to be measured, and was not once.
fn not_measured(results: &Results) -> Vec<String> {
    let is_measured = |step: &Step, setup: &Setup| (step.setup(), step.kind) == (*setup, Kind::Measured);
    let has_round = |setup: &Setup| results.rounds.iter().any(|round| is_measured(&round.step, setup));
    let lacking = results.plan.measured_setups().into_iter().filter(|setup| !has_round(setup));
    lacking.map(|setup| setup.folder(&results.plan.cases)).collect()
}

/// A saved run with all that is computed of it.
///
/// # Errors
/// [`read::read`].
pub fn load(path: &Path) -> Result<Results> {
    let mut results = read::read(path)?;
    compute(&mut results);
    Ok(results)
}
