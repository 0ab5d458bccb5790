//! Two saved runs against each other.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::analysis::results::Results;
use crate::analysis::study::comparability::{Setting, doubts, obstacles};
use crate::analysis::study::compare_saved::compare_runs;
use crate::commands::compare::arguments::{CompareArgs, SideBySideArgs};
use crate::commands::compare::conclusion::conclude;
use crate::commands::run::view;
use crate::report::terminal::differences;
use crate::report::terminal::tables;
use crate::report::text::comparability::difference;
use crate::report::text::warnings;
use crate::report::text::wrap::wrapped;
use crate::results::run::Run;
use gocacheprog::note;
use gocacheprog::stdout;

/// Prints the differences of the second run from the first.
///
/// # Errors
/// When one of them cannot be read, or they cannot be compared.
pub fn run(args: &CompareArgs, before: &Path, after: &Path) -> Result<ExitCode> {
    if let Some(flag) = only_for_commits(&args.side_by_side) {
        bail!("`{flag}` is for two commits, and these are saved runs\n  next:  leave it out");
    }
    let (before, after) = (Results::load(before)?, Results::load(after)?);
    let (one, two) = (&before.run, &after.run);
    if (&one.name, &one.environment, &one.rounds) == (&two.name, &two.environment, &two.rounds) {
        return same_run(args, &after.run.name);
    }
    let obstacles = in_words(&obstacles(one, two), one, two);
    if !obstacles.is_empty() {
        let next = "run both on the same machine with the same scenario";
        bail!("these runs cannot be compared\n  {}\n  next:  {next}", obstacles.join("\n  "));
    }
    for what in [&before, &after].into_iter().filter_map(warnings::incomplete) {
        note::line(format_args!("note: {what}; what is there is compared"));
    }
    let found = compare_runs(&before, &after);
    if found.states.is_empty() {
        bail!("these runs have no state in common that counts\n  next:  run both with the same scenario");
    }
    let doubts =
        in_words(&doubts(one, two), one, two).into_iter().map(|doubt| format!("Not the same in both: {doubt}."));
    let doubts: Vec<String> = doubts.collect();
    let words: Vec<String> = differences::words(&found).into_iter().chain(doubts.clone()).collect();
    let (answer, rest) = words.split_at(1);
    let [answer, rest] = [answer, rest].map(|words| wrapped(words, view().width));
    stdout::print(&format!("{answer}\n\n{}\n\n{rest}\n", differences::grid(&found).render(view())))?;
    conclude(args, &found, &tables::header(&after), doubts)
}

fn in_words(settings: &[Setting], before: &Run, after: &Run) -> Vec<String> {
    settings.iter().map(|setting| difference(setting, before, after)).collect()
}

/// A run that is compared with itself has no difference to judge.
fn same_run(args: &CompareArgs, run: &str) -> Result<ExitCode> {
    let words = format!("{run} compared with itself: the same.\n");
    stdout::print(&words)?;
    if let Some(path) = &args.markdown {
        std::fs::write(path, words).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The first given switch that saved runs do not use.
fn only_for_commits(args: &SideBySideArgs) -> Option<&'static str> {
    let given = [
        ("--scenario", args.scenario.is_some()),
        ("--only", !args.only.is_empty()),
        ("--case", !args.case.is_empty()),
        ("--rounds", args.rounds.is_some()),
        ("--long-rounds", args.long_rounds.is_some()),
        ("--workload", args.workload.is_some()),
        ("--out", args.out.is_some()),
        ("--details", args.details),
        ("-- go", !args.command.is_empty()),
    ];
    given.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
}
