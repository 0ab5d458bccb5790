//! `cacheprog trim`: trims the local store now, and prints what that removed.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::backend::arguments::limits::LimitArgs;
use crate::backend::folders;
use crate::cache::{TrimError, Trimmed, Trimming};
use crate::config::{counted, shown_bytes};
use crate::stdout;

/// Trims the store, and the one in the user's temporary folder where there is one, and prints the results. A store that is
/// in use, or no store, gives a non-zero exit code.
pub fn trim(store: &Path, limits: &LimitArgs) -> ExitCode {
    let stores = folders::stores(store);
    let mut exit = ExitCode::SUCCESS;
    for store in &stores {
        let name = if stores.len() > 1 { format!("{}: ", store.display()) } else { String::new() };
        if !trim_one(store, &name, limits) {
            exit = ExitCode::FAILURE;
        }
    }
    exit
}

/// True if all of one store was trimmed. `name` begins the result.
fn trim_one(store: &Path, name: &str, limits: &LimitArgs) -> bool {
    let trimmed = match Trimming::now(store, limits.limits()).run() {
        Ok(trimmed) => trimmed,
        Err(error) => {
            let next = match error {
                TrimError::NoStore(_) => "name the store with --cache-dir",
                TrimError::InUse(_) => "try again when the builds have ended",
                TrimError::Disk { ref folder, .. } => TrimError::next_for_disk(folder),
            };
            crate::note::line(format_args!("error: {error}\n  next:  {next}"));
            return false;
        }
    };
    if let Err(error) = stdout::write(|stdout| print(name, &trimmed, stdout)) {
        crate::note::line(format_args!("error: {error:#}"));
        return false;
    }
    if trimmed.is_cut_short {
        crate::note::line(
            "error: some files are left, as builds kept the store in use\n  next:  try again when they have ended",
        );
        return false;
    }
    true
}

fn print(name: &str, trimmed: &Trimmed, out: &mut impl Write) -> io::Result<()> {
    let Trimmed { entries, bodies, bytes, bodies_left, bytes_left, .. } = trimmed;
    let (entries, bodies, left) =
        (counted(*entries, "action"), counted(*bodies, "body"), counted(*bodies_left, "body"));
    let (bytes, bytes_left) = (shown_bytes(*bytes), shown_bytes(*bytes_left));
    let verb = if *bodies_left == 1 { "stays" } else { "stay" };
    writeln!(
        out,
        "{name}removed {entries} and {bodies} ({bytes}); {left} ({bytes_left}) {verb}: what was used in the last two days does in any case"
    )
}
