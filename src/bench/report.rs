//! `bench report DIR`: the reports of a saved run, made again from its `results.json`.

use std::path::PathBuf;

use anyhow::Result;

use super::analysis::load;
use super::reporting::{files, notes, table, write_reports};
use super::running::run::{show, view};
use crate::note;

/// Prints the tables of a saved run again, and writes its reports anew.
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// Folder of the run, such as metrics/latest, or its results.json
    dir: PathBuf,
}

/// Prints the tables on stdout, and writes the reports beside `results.json`.
///
/// # Errors
/// When that cannot be read or is not of this version, or the reports cannot be written.
pub fn run(args: &ReportArgs) -> Result<()> {
    let results = load(&args.dir)?;
    let folder = if args.dir.is_dir() { args.dir.clone() } else { args.dir.parent().unwrap_or(&args.dir).to_owned() };
    write_reports(&results, &folder)?;
    if let Some(why) = notes::incomplete(&results) {
        note::line(format_args!("note: this run {why}: what was measured until then is shown"));
    }
    show(&table::render(&results, &files::to_look_at(&folder, &folder, &results.plan.cases), view()))
}
