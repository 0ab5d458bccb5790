//! What came out and how it is shown: [`results`] are plain data, which [`saved_results`] reads again; the others print what `analysis` computed.
//!
//! [`case_table`] prints cases, [`network_table`] and [`network_plot`] show a grid of links, [`ci_table`] groups of machines,
//! [`differences`] two runs or two backends.
//! [`progress`] on a [`status_line`] with [`live_requests`] goes to stderr; [`table`] to stdout, of [`counts`], [`grid`], [`dots`], [`notes`], [`answer`], [`files`], [`wording`],
//! [`units`]; [`errors`] to stderr at the end. [`csv`] and [`markdown`] are files beside `results.json`.

pub mod account_table;
pub mod answer;
pub mod case_table;
pub mod ci_table;
pub mod counts;
pub mod csv;
pub mod differences;
pub mod dots;
pub mod errors;
pub mod files;
pub mod grid;
pub mod live_requests;
pub mod markdown;
pub mod network_plot;
pub mod network_table;
pub mod notes;
pub mod price;
pub mod progress;
pub mod results;
pub mod saved_results;
pub mod status_line;
pub mod table;
pub mod units;
pub mod wording;

use std::path::Path;

use anyhow::Result;
use results::Results;

/// Writes all reports of a run into its folder, beside `results.json`.
///
/// # Errors
/// When one cannot be written; the others are then.
pub fn write_reports(results: &Results, folder: &Path) -> Result<()> {
    let written = [csv::write(results, folder), markdown::write(results, folder)];
    written.into_iter().collect()
}
