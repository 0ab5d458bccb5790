//! Shows results on the terminal and writes them as HTML, CSV and Markdown. Reads what is computed, and computes nothing.

pub mod csv;
pub mod html;
pub mod markdown;
pub mod network_plot;
pub mod progress;
pub mod terminal;
pub mod text;

use std::path::Path;

use anyhow::Result;

use crate::bench::analysis::results::Results;
use crate::bench::report::html::write;

/// Writes all reports of a run into its folder, beside `results.json`.
///
/// # Errors
/// When one cannot be written; the others are then.
pub fn write_reports(results: &Results, folder: &Path) -> Result<()> {
    // The last one links to the others.
    let network = results.analysis.network.as_ref();
    let drawn = network.map_or(Ok(()), |network| network_plot::write(network, folder));
    let written = [drawn, csv::write(results, folder), markdown::write(results, folder), write::write(results, folder)];
    written.into_iter().collect()
}
