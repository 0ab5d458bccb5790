//! `cacheprog trim`: trims the local store now, and prints what that removed.

use std::io::{self, Write};
use std::process::ExitCode;

use super::{CacheArgs, LimitArgs};
use crate::cache::{TrimError, Trimmed, Trimming};
use crate::stdout;

/// Trims the store and prints the result. A store that is in use, or no store, gives a non-zero exit code.
pub fn trim(args: &CacheArgs, limits: &LimitArgs) -> ExitCode {
    let trimming = Trimming::now(&args.cache_dir, limits.limits());
    let trimmed = match trimming.run() {
        Ok(trimmed) => trimmed,
        Err(error) => {
            let next = match error {
                TrimError::NoStore(_) => "name the store with --cache-dir",
                TrimError::InUse(_) => "try again when the build has ended",
                TrimError::Disk { .. } => "remove the folder, if nothing else helps: the next build makes a new one",
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
        crate::note::line("error: a build has started, the rest stays\n  next:  try again when the build has ended");
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
