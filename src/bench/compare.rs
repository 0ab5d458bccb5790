//! `bench compare A B`: two saved runs, leg by leg, in words, and as an exit code.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use super::analysis::compare::Verdict;
use super::analysis::load;
use super::analysis::two_runs::{Difference, TwoRuns, compare_runs, obstacles};
use super::planning::args::parse_percent;
use super::reporting::grid::Grid;
use super::reporting::table::wrapped;
use super::reporting::{units, wording};
use super::running::run::{show, view};

/// Compares two saved runs, leg by leg: same, faster or slower
#[derive(Debug, clap::Args)]
pub struct CompareArgs {
    /// Folder of the run before, such as metrics/20261123T101500Z-workshop, or its results.json
    before: PathBuf,
    /// The run after
    after: PathBuf,
    /// Exit with 1 when a leg got slower by more than this, as 5%: its interval lies above it
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    fail_over: Option<f64>,
}

/// Prints the table and what it comes to on stdout.
///
/// # Errors
/// When one of them cannot be read, or they cannot be compared.
pub fn run(args: &CompareArgs) -> Result<ExitCode> {
    let (before, after) = (load(&args.before)?, load(&args.after)?);
    let obstacles = obstacles(&before, &after);
    if !obstacles.is_empty() {
        let next = "run both on the same machine with the same scenario";
        bail!("these runs cannot be compared\n  {}\n  next:  {next}", obstacles.join("\n  "));
    }
    let found = compare_runs(&before, &after);
    if found.differences.is_empty() {
        bail!("these runs have no leg in common\n  next:  run both with the same scenario");
    }
    let failed = args.fail_over.map(|limit| slower_than(&found, limit));
    let words = words(&found, args.fail_over, failed.as_deref());
    show(&format!("{}\n\n{}\n", grid(&found).render(view()), wrapped(&words, view().width)))?;
    Ok(if failed.is_some_and(|slower| !slower.is_empty()) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Those that are surely slower by more than `limit`.
fn slower_than(found: &TwoRuns, limit: f64) -> Vec<&Difference> {
    let is_slower = |one: &&Difference| one.verdict == Verdict::Slower && one.interval.low > 1.0 + limit;
    found.differences.iter().filter(is_slower).collect()
}

fn grid(found: &TwoRuns) -> Grid {
    let rows = found.differences.iter().map(|one| {
        let word = match one.verdict {
            Verdict::NoiseUnknown => "too few rounds".to_owned(),
            verdict => wording::told(verdict, one.ratio),
        };
        let interval = format!("{:.3} to {:.3}", one.interval.low, one.interval.high);
        let [before, after] = one.rounds;
        let rounds = format!("{before}, {after}");
        vec![
            one.name.clone(),
            word,
            format!("{:.3}", one.ratio),
            interval,
            units::percent(one.interval.coverage),
            rounds,
        ]
    });
    let header = ["leg", "the second is", "ratio", "interval", "holds it", "rounds"].map(str::to_owned);
    Grid { header: header.to_vec(), rows: rows.collect() }
}

fn words(found: &TwoRuns, limit: Option<f64>, failed: Option<&[&Difference]>) -> Vec<String> {
    let mut words = vec![match found.floor {
        Some(floor) => format!(
            "The runs were not side by side: the machine itself differed by up to {}, by go with its own full cache. No smaller difference is told.",
            units::percent(floor)
        ),
        None => {
            "The runs were not side by side, and no leg tells what the machine itself differed by: baseline-full would."
                .to_owned()
        }
    }];
    if !found.only_in_one.is_empty() {
        words.push(format!("Only in one of the two: {}.", found.only_in_one.join(", ")));
    }
    if let Some((limit, failed)) = limit.zip(failed) {
        let names: Vec<&str> = failed.iter().map(|one| one.name.as_str()).collect();
        let limit = units::percent(limit);
        words.push(match names.is_empty() {
            true => format!("No leg is surely slower by more than {limit}."),
            false => format!("SLOWER BY MORE THAN {limit}: {}.", names.join(", ")),
        });
    }
    words
}
