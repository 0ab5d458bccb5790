//! What came out and how it is shown: [`results`] are plain data, which [`saved_results`] reads again; the others print what `analysis` computed.
//!
//! [`cache_table`] shows what the cache saves, [`case_table`] prints cases, [`network_table`] and [`network_plot`] show a grid of
//! links, [`ci_table`] groups of machines, [`differences`] two runs or two backends, [`verdict_text`] what holds a leg back,
//! [`proof_table`] whether it names what was planted.
//! [`progress`] on a [`status_line`] with [`live_requests`] goes to stderr; [`table`] to stdout, of [`counts`], [`grid`], [`dots`],
//! [`notes`], [`answer`], [`files`], [`wording`], [`units`]; [`errors`] to stderr at the end. [`csv`], [`markdown`] and [`html`] are
//! files beside `results.json`, whose form `schema` keeps; [`saved_results`] reads that back.

pub mod account_table;
pub mod answer;
pub mod cache_table;
pub mod case_table;
pub mod ci_table;
pub mod counts;
pub mod csv;
pub mod differences;
pub mod dots;
pub mod errors;
pub mod files;
pub mod grid;
pub mod html;
pub mod live_requests;
pub mod markdown;
pub mod network_plot;
pub mod network_table;
pub mod notes;
pub mod price;
pub mod progress;
pub mod proof_table;
pub mod results;
pub mod saved_results;
#[cfg(test)]
mod schema;
pub mod status_line;
pub mod table;
pub mod units;
pub mod verdict_text;
pub mod wording;

use std::path::Path;

use anyhow::Result;
use results::Results;

/// Writes all reports of a run into its folder, beside `results.json`.
///
/// # Errors
/// When one cannot be written; the others are then.
pub fn write_reports(results: &Results, folder: &Path) -> Result<()> {
    // The last one links to the others.
    let written = [csv::write(results, folder), markdown::write(results, folder), html::write(results, folder)];
    written.into_iter().collect()
}
