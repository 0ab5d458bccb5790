//! `cacheprog clean`: empties the local store, removes the records of ended sessions, and prints what that removed.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::backend::folders;
use crate::cache::TrimError;
use crate::cache::local::clean::{Cleaned, clean as clean_store};
use crate::config::{counted, shown_bytes};
use crate::telemetry::{Removed, remove_ended_sessions};
use crate::{note, stdout};

/// Most files that are not ours and are named.
const NAMED: usize = 3;

/// Arguments of `cacheprog clean`.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct CleanArgs {
    /// Remove also what open sessions use: a build under way can fail
    #[arg(long)]
    force: bool,
}

/// Empties the store in `folder`, removes the records of ended sessions in `records`, and prints the results. What is not
/// there is empty. A store that cannot be emptied, and files that stay because a session uses them, give a non-zero exit code.
pub fn clean(folder: &Path, records: Option<&Path>, what: CleanArgs) -> ExitCode {
    let left = folders::stores(folder).iter().filter(|store| !clean_files(store, what)).count();
    let are_records_clean = records.is_none_or(clean_records);
    if left == 0 && are_records_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// True if no file of ours stayed.
fn clean_files(folder: &Path, what: CleanArgs) -> bool {
    let cleaned = match clean_store(folder, what.force) {
        Ok(cleaned) => cleaned,
        Err(TrimError::NoStore(_)) if folder.symlink_metadata().is_err() => {
            return print(&format!("there is no store in {}\n", folder.display()));
        }
        Err(error) => {
            let next = match error {
                TrimError::NoStore(_) => "name the store with --cache-dir",
                TrimError::InUse(_) => {
                    "try again when the builds have ended, or use --force: a build under way can fail"
                }
                TrimError::Disk { ref folder, .. } => TrimError::next_for_disk(folder),
            };
            note::line(format_args!("error: {error}\n  next:  {next}"));
            return false;
        }
    };
    let is_printed = print(&text(folder, &cleaned));
    if cleaned.files_left > 0 {
        note::line(format_args!(
            "error: {} ({}) of the last two days stay: a build or an editor has the store open\n  next:  try again when it \
             has ended, or use --force: a build under way can fail",
            counted(cleaned.files_left, "file"),
            shown_bytes(cleaned.bytes_left)
        ));
    }
    is_printed && cleaned.files_left == 0
}

/// True if they could be removed.
fn clean_records(records: &Path) -> bool {
    match remove_ended_sessions(records) {
        Ok(Removed { sessions, bytes }) => {
            let (sessions, bytes) = (counted(sessions, "session"), shown_bytes(bytes));
            print(&format!("removed {sessions} ({bytes}) from {}\n", records.display()))
        }
        Err(error) => {
            let records = records.display();
            note::line(format_args!(
                "error: cannot read {records}: {error}\n  next:  name the folder of the records with --metrics"
            ));
            false
        }
    }
}

/// True if stdout took it.
fn print(text: &str) -> bool {
    let printed = stdout::print(text);
    if let Err(error) = &printed {
        note::line(format_args!("error: {error:#}"));
    }
    printed.is_ok()
}

fn text(folder: &Path, cleaned: &Cleaned) -> String {
    let Cleaned { files, bytes, others, .. } = cleaned;
    let (files, bytes) = (counted(*files, "file"), shown_bytes(*bytes));
    let mut text = format!("removed {files} ({bytes}) from {}\n", folder.display());
    if !others.is_empty() {
        let name = |path: &PathBuf| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let names: Vec<String> = others.iter().take(NAMED).map(name).collect();
        let more = if others.len() > NAMED { ", …" } else { "" };
        // Writing to a string does not fail.
        let _ = writeln!(text, "left {} that cacheprog did not make: {}{more}", others.len(), names.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_some_of_the_files_that_stay() {
        let others = ["/c/a", "/c/b", "/c/d", "/c/e"].map(PathBuf::from).to_vec();
        let cleaned = Cleaned { files: 2, bytes: 30, others, ..Cleaned::default() };
        let expected = "removed 2 files (30 bytes) from /c\nleft 4 that cacheprog did not make: a, b, d, …\n";
        assert_eq!(text(Path::new("/c"), &cleaned), expected);
        assert_eq!(text(Path::new("/c"), &Cleaned::default()), "removed 0 files (0 bytes) from /c\n");
    }
}
