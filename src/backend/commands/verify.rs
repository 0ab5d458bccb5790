//! `cacheprog verify`: prints what a check of the local store found.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::config::{counted, shown_bytes};
use crate::{cache, stdout};

/// Checks the store and prints the result. Damaged or missing bodies, and a folder that is no store, give a non-zero
/// exit code.
pub fn verify(store: &Path) -> ExitCode {
    let report = match cache::verify(store) {
        Ok(report) => report,
        Err(error) => {
            crate::note::line(format_args!("error: {error}\n  next:  name the store with --cache-dir"));
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = stdout::write(|stdout| print(&report, stdout)) {
        crate::note::line(format_args!("error: {error:#}"));
        return ExitCode::FAILURE;
    }
    let (damaged, missing) = (report.damaged.len(), report.missing.len());
    if damaged == 0 && missing == 0 && report.damaged_index_bytes == 0 {
        return ExitCode::SUCCESS;
    }
    crate::note::line(format_args!(
        "error: remove the damaged files; the next build puts them and the missing ones again"
    ));
    ExitCode::FAILURE
}

fn print(report: &cache::Report, out: &mut impl Write) -> io::Result<()> {
    for path in &report.damaged {
        writeln!(out, "damaged  {}", path.display())?;
    }
    for path in &report.missing {
        writeln!(out, "missing  {}", path.display())?;
    }
    if report.damaged_index_bytes > 0 {
        writeln!(out, "damaged  {} of the index", shown_bytes(report.damaged_index_bytes))?;
    }
    let (actions, good) = (counted(report.actions, "action"), counted(report.good, "good body"));
    let (damaged, missing) = (report.damaged.len(), report.missing.len());
    writeln!(out, "{actions}; {good} ({}), {damaged} damaged, {missing} missing", shown_bytes(report.good_bytes))
}
