//! What came out and how it is shown: [`results`] are plain data, which [`saved_results`] reads again; the others print what `analysis` computed.
//!
//! [`cache_table`] shows what the cache saves, [`case_table`] prints cases, [`network_table`] and [`network_plot`] show a grid of
//! links, [`ci_table`] groups of machines, [`differences`] two runs or two backends, [`verdict_text`] what holds a state back,
//! [`proof_table`] whether it names what was planted.
//! [`progress`] on a [`status_line`] with [`live_requests`] goes to stderr; [`table`] to stdout, of [`counts`], [`grid`], [`dots`],
//! [`notes`], [`answer`], [`files`], [`wording`], [`units`]; [`errors`] to stderr at the end. [`csv`], [`markdown`] and [`html`] are
//! files beside `results.json`, whose form `schema` keeps; [`saved_results`] reads that back.

pub mod csv;
pub mod html;
pub mod markdown;
pub mod network_plot;
pub mod progress;
pub mod terminal;
pub mod text;

use crate::bench::report::html::write;
use std::path::Path;

use crate::bench::results::run::Results;
use anyhow::Result;

/// Writes all reports of a run into its folder, beside `results.json`.
///
/// # Errors
/// When one cannot be written; the others are then.
pub fn write_reports(results: &Results, folder: &Path) -> Result<()> {
    // The last one links to the others.
    let written = [csv::write(results, folder), markdown::write(results, folder), write::write(results, folder)];
    written.into_iter().collect()
}
