//! `cacheprog clean`: empties the local store, and prints what that removed.

use std::fmt::Write;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::CacheArgs;
use crate::cache::clean::{Cleaned, clean as clean_store};
use crate::cache::{TrimError, store_folder};
use crate::note;

/// How many files that are not ours are named.
const NAMED: usize = 3;

/// What to remove.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct CleanArgs {
    /// Remove also what open sessions use: a build under way can fail
    #[arg(long)]
    force: bool,
}

/// Empties the store and prints the result. No store, and files that stay because a session uses them, give a non-zero exit
/// code.
pub fn clean(args: &CacheArgs, what: CleanArgs) -> ExitCode {
    let folder = store_folder::resolve(&args.cache_dir);
    let cleaned = match clean_store(&folder, what.force) {
        Ok(cleaned) => cleaned,
        Err(error) => {
            let next = match error {
                TrimError::NoStore(_) => "name the store with --cache-dir",
                TrimError::InUse(_) => {
                    "try again when the builds have ended, or use --force: a build under way can fail"
                }
                TrimError::Disk { .. } => "remove the folder: the next build makes a new one",
            };
            note::line(format_args!("error: {error}\n  next:  {next}"));
            return ExitCode::FAILURE;
        }
    };
    // Whoever closes stdout early has seen enough; the exit code still tells.
    let _ = io::stdout().lock().write_all(text(&folder, &cleaned).as_bytes());
    if cleaned.files_left == 0 {
        return ExitCode::SUCCESS;
    }
    note::line(format_args!(
        "error: {} files ({} bytes) of the last two days stay: a build or an editor has the store open\n  next:  try again \
         when it has ended, or use --force: a build under way can fail",
        cleaned.files_left, cleaned.bytes_left
    ));
    ExitCode::FAILURE
}

fn text(folder: &Path, cleaned: &Cleaned) -> String {
    let Cleaned { files, bytes, others, .. } = cleaned;
    let mut text = format!("removed {files} files ({bytes} bytes) from {}\n", folder.display());
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
