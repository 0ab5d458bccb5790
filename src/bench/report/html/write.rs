//! `report.html`: a run to look at, in one file that needs no network. Reads results and records, draws what `analysis` computed.
//!
//! [`page`] is the whole; [`parts`] are of `results.json` alone, [`panels`] of the records of single builds too. Charts:
//! [`strips`], [`account_bars`], [`in_flight`], [`latency`], [`waterfall`] and [`network_map`], by what is in [`chart`] and
//! [`palette`]. [`verdict`], [`tables`], [`text`], [`flames`] and [`links`] are the rest. [`subjects`] says what there is a row of,
//! [`records`] what is read beside `results.json`.

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use crate::bench::analysis::results::Results;
use crate::bench::report::html::records::Folder;
use crate::bench::results::run::write_whole;

/// Its name in the folder of a run.
pub const HTML_FILE: &str = "report.html";

/// Writes the file into `folder`, by rename; the records are read from there.
///
/// # Errors
/// When it cannot be drawn or written.
pub fn write(results: &Results, folder: &Path) -> Result<()> {
    let page = crate::bench::report::html::page::render(results, &Folder(folder))?.into_string();
    write_whole(&folder.join(HTML_FILE), |file| Ok(file.write_all(page.as_bytes())?))
}

#[cfg(test)]
#[path = "write_tests.rs"]
pub mod tests;
