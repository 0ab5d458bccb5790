//! `cacheprog trim`: trims the local store now, and prints what that removed.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use super::LimitArgs;
use crate::cache::{TrimError, Trimmed, Trimming};
use crate::stdout;

/// Trims the store and prints the result. A store that is in use, or no store, gives a non-zero exit code.
pub fn trim(store: &Path, limits: &LimitArgs) -> ExitCode {
    let trimmed = match Trimming::now(store, limits.limits()).run() {
        Ok(trimmed) => trimmed,
        Err(error) => {
            let next = match error {
                TrimError::NoStore(_) => "name the store with --cache-dir",
                TrimError::InUse(_) => "try again when the builds have ended",
                TrimError::Disk { ref folder, .. } => TrimError::next_for_disk(folder),
            };
            crate::note::line(format_args!("error: {error}\n  next:  {next}"));
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = stdout::write(|stdout| print(&trimmed, stdout)) {
        crate::note::line(format_args!("error: {error:#}"));
        return ExitCode::FAILURE;
    }
    if trimmed.is_cut_short {
        crate::note::line("error: builds left no time for all of it\n  next:  try again when they have ended");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn print(trimmed: &Trimmed, out: &mut impl Write) -> io::Result<()> {
    let Trimmed { entries, bodies, bytes, bodies_left, bytes_left, .. } = trimmed;
    writeln!(
        out,
        "removed {entries} actions and {bodies} bodies ({bytes} bytes); {bodies_left} bodies ({bytes_left} bytes) stay: what was used in the last two days does in any case"
    )
}
