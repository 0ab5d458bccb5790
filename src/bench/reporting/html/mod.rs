//! `report.html`: a run to look at, in one file that needs no network. Reads results and records, draws what `analysis` computed.
//!
//! [`page`] is the whole; [`parts`] are of `results.json` alone, [`panels`] of the records of single builds too. Charts:
//! [`strips`], [`account_bars`], [`in_flight`], [`latency`], [`waterfall`] and [`network_map`], by what is in [`chart`] and
//! [`palette`]. [`verdict`], [`tables`], [`text`], [`flames`] and [`links`] are the rest. [`subjects`] says what there is a row of,
//! [`records`] what is read beside `results.json`.

mod account_bars;
pub mod chart;
mod flames;
mod in_flight;
mod latency;
mod links;
mod network_map;
mod page;
pub mod palette;
mod panels;
mod parts;
mod records;
mod strips;
mod subjects;
mod tables;
#[cfg(test)]
pub mod tests;
mod text;
mod verdict;
mod waterfall;

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use super::results::{Results, write_whole};
use records::Folder;

/// Its name in the folder of a run.
pub const HTML_FILE: &str = "report.html";

/// Writes the file into `folder`, by rename; the records are read from there.
///
/// # Errors
/// When it cannot be drawn or written.
pub fn write(results: &Results, folder: &Path) -> Result<()> {
    let page = page::render(results, &Folder(folder))?.into_string();
    write_whole(&folder.join(HTML_FILE), |file| Ok(file.write_all(page.as_bytes())?))
}
