//! `bench report DIR`: prints a saved run again, and writes its reports anew.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::analysis::results::Results;
use crate::commands::run::view;
use crate::error_text::in_words;
use crate::report::terminal::{overhead, scaling};
use crate::report::text::warnings;
use crate::report::{printed, write_reports};
use crate::results::overhead::{OVERHEAD_FILE, OverheadRun};
use crate::results::round::Round;
use crate::results::run::RESULTS_FILE;
use crate::results::scaling::{SCALING_FILE, Scaling};
use gocacheprog::note;
use gocacheprog::stdout;

/// Files that each session leaves while its records are on.
const RECORDS: [&str; 4] = ["session.json", "trace.json", "request.txt", "latency.hlog"];
/// Missing files that are named.
const NAMED: usize = 3;

/// Prints a saved run again, and writes its reports anew
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// Folder of the run, such as metrics/latest, or its results.json
    dir: PathBuf,
    /// Print all tables and notes instead of the first screen
    #[arg(long)]
    details: bool,
}

/// Prints a run of `bench`, of `overhead` or of `scaling` on stdout, and writes the reports beside `results.json`. A run in a folder
/// that cannot be written to is shown all the same.
///
/// # Errors
/// When the file of the run cannot be read or is not of this version.
pub fn run(args: &ReportArgs) -> Result<()> {
    if !args.dir.join(RESULTS_FILE).is_file() {
        if let Some(path) = file_in(&args.dir, OVERHEAD_FILE) {
            return stdout::print(&overhead::printed(&OverheadRun::read(&path)?, &path, view()));
        }
        if let Some(path) = file_in(&args.dir, SCALING_FILE) {
            return stdout::print(&scaling::printed(&Scaling::read(&path)?, &path, view()));
        }
    }
    let results = Results::load(&args.dir)?;
    let folder = if args.dir.is_dir() { args.dir.clone() } else { folder_of(&args.dir) };
    for what in warnings::incomplete(&results).into_iter().chain(missing_records(&results, &folder)) {
        note::line(format_args!("note: {what}; what is there is shown"));
    }
    // Before the first screen, which names the reports that are there.
    let trouble = write_beside(&results, &args.dir, &folder);
    stdout::print(&printed(&results, &folder, &args.dir, view(), args.details))?;
    trouble.iter().for_each(|what| note::line(format_args!("note: {what}")));
    Ok(())
}

/// The file of this name: `path` itself, or the one in that folder.
fn file_in(path: &Path, name: &str) -> Option<PathBuf> {
    let file = if path.is_dir() { path.join(name) } else { path.to_owned() };
    (file.is_file() && file.file_name() == Some(name.as_ref())).then_some(file)
}

/// Writes the reports, or gives the reason why not: beside a file of another name may lie the reports of another run.
fn write_beside(results: &Results, path: &Path, folder: &Path) -> Option<String> {
    if !path.is_dir() && path.file_name() != Some(RESULTS_FILE.as_ref()) {
        return Some(format!(
            "no reports are written beside {}, because it is not called {RESULTS_FILE}",
            path.display()
        ));
    }
    let written = write_reports(results, folder);
    written.err().map(|error| format!("the reports are not written anew: {}", in_words(&error)))
}

/// The folder of a file; that of a name alone is the working directory.
fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}

/// Records of sessions that are no longer below `folder`; None where all are.
fn missing_records(results: &Results, folder: &Path) -> Option<String> {
    let expected = if results.run.plan.records { &RECORDS[..] } else { &RECORDS[..1] };
    let of_round = |round: &Round| expected.iter().map(|name| format!("{}/{name}", round.folder)).collect::<Vec<_>>();
    let all: Vec<String> =
        results.run.rounds.iter().filter(|round| round.session.is_some()).flat_map(of_round).collect();
    let missing: Vec<&str> = all.iter().map(String::as_str).filter(|file| !folder.join(file).is_file()).collect();
    let named = missing.iter().take(NAMED).copied().collect::<Vec<&str>>().join(", ");
    let more = missing.len().checked_sub(NAMED).filter(|more| *more > 0);
    let more = more.map_or(String::new(), |more| format!(" and {more} more"));
    (!missing.is_empty()).then(|| format!("{} lacks records of its builds: {named}{more}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::results::tests::results;
    use crate::analysis::study::summary::tests::measured;
    use crate::execute::backend::session::tests::quiet;
    use crate::scenario::cache_state::CacheState;

    #[test]
    fn records_that_are_gone_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut rounds = measured(CacheState::LocalHit, &[100, 100]);
        rounds.iter_mut().for_each(|round| round.session = Some(quiet()));
        let results = results(rounds);
        for file in [
            "local-hit/1/session.json",
            "local-hit/1/trace.json",
            "local-hit/1/request.txt",
            "local-hit/1/latency.hlog",
            "local-hit/2/trace.json",
        ] {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let words = missing_records(&results, folder.path()).unwrap();
        assert!(words.ends_with(
            "lacks records of its builds: local-hit/2/session.json, local-hit/2/request.txt, local-hit/2/latency.hlog"
        ));
        std::fs::remove_file(folder.path().join("local-hit/1/trace.json")).unwrap();
        let words = missing_records(&results, folder.path()).unwrap();
        assert!(
            words.contains(": local-hit/1/trace.json, local-hit/2/session.json, local-hit/2/request.txt and 1 more"),
            "{words}"
        );
    }

    #[test]
    fn reports_are_written_only_beside_a_results_json() {
        let folder = tempfile::tempdir().unwrap();
        let results = results(measured(CacheState::LocalHit, &[100]));
        let write = |name: &str| write_beside(&results, &folder.path().join(name), folder.path());
        std::fs::write(folder.path().join("old.json"), "").unwrap();
        assert!(write("old.json").unwrap().contains("old.json, because it is not called results.json"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(write(RESULTS_FILE), None);
        assert!(folder.path().join("results.csv").is_file());
        let gone = folder.path().join("gone");
        let trouble = write_beside(&results, &gone.join(RESULTS_FILE), &gone).unwrap();
        assert!(trouble.starts_with("the reports are not written anew: cannot write "), "{trouble}");
    }

    #[test]
    fn baselines_have_no_records_to_miss_and_a_name_alone_lies_here() {
        let results = results(measured(CacheState::GoWarm, &[100]));
        assert_eq!(missing_records(&results, Path::new("/nowhere")), None);
        assert_eq!(folder_of(Path::new("results.json")), Path::new("."));
        assert_eq!(folder_of(Path::new("m/results.json")), Path::new("m"));
    }
}
