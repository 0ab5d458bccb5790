//! How results are shown: on the terminal, as HTML, CSV and Markdown. All sentences are in `text`. Computes and measures nothing.

pub mod csv;
pub mod html;
pub mod markdown;
pub mod network_plot;
pub mod progress;
pub mod terminal;
pub mod text;

use std::path::Path;

use anyhow::Result;

use crate::analysis::results::Results;
use crate::report::html::page;
use crate::report::terminal::first_screen;
use crate::report::terminal::grid::View;
use crate::report::terminal::tables;
use crate::report::text::files;

/// The text that a run prints: its first screen, or with `details` everything. `run` is the folder of its files, `shown`
/// the same or its results as a user would type it.
pub fn printed(results: &Results, run: &Path, shown: &Path, view: View, details: bool) -> String {
    let files = files::to_look_at(results, run, shown);
    match details {
        true => tables::render(results, &files, view),
        false => first_screen::render(results, &files, shown, view),
    }
}

/// Writes all reports of a run into its folder, beside `results.json`.
///
/// # Errors
/// When one cannot be written; the others are then.
pub fn write_reports(results: &Results, folder: &Path) -> Result<()> {
    // The last one links to the others.
    let network = results.analysis.network.as_ref();
    let drawn = network.map_or(Ok(()), |network| network_plot::write(network, folder));
    let written = [drawn, csv::write(results, folder), markdown::write(results, folder), page::write(results, folder)];
    written.into_iter().collect()
}
