//! What a run prints first: the answer, its table, the conditions, what to fix, and where everything is. All of it on one small
//! terminal; the tables of `--details` are not its business.

mod bottlenecks;
mod case_table;
mod state_table;
mod study;

use std::path::Path;

use crate::bench::analysis::study::summary::StateSummary;
use crate::bench::report::terminal::cases;
use crate::bench::report::terminal::grid::{Grid, View};
use crate::bench::report::text::answer;
use crate::bench::report::text::cell::Tone;
use crate::bench::report::text::conditions;
use crate::bench::report::text::files::{self, File};
use crate::bench::report::text::wrap::{joined, wrapped};
use crate::bench::results::run::Results;

/// The size of a small terminal.
const WIDTH: usize = 80;
const LINES: usize = 24;
/// Warnings beyond these are in the details.
const MOST_WARNINGS: usize = 3;
/// Rows of a table that stay, however much else there is.
const FEWEST_ROWS: usize = 3;

/// The first screen of a run whose files are in `folder`, as a user would type it.
pub fn render(results: &Results, files: &[File], folder: &Path, view: View) -> String {
    let view = View { width: view.width.min(WIDTH), ..view };
    let study = study::of(results);
    let disturbance = conditions::of_run(results).disturbance().filter(|_| study.is_disturbed);
    let answer = disturbance.map_or(study.answer, answer::do_not_quote);
    let mut table = study.table;
    if disturbance.is_some() {
        table.rows.iter_mut().flatten().for_each(|cell| cell.tone = Tone::Plain);
    }
    let first = wrapped(&[answer.text], view.width);
    let first = first.lines().map(|line| view.painted(line, answer.tone)).collect();
    let mut parts = vec![first, circumstances(results, &study.sessions, view), study.below, pointers(files, folder, view)];
    let taken: usize = parts.iter().map(|part: &Vec<String>| height(part, view)).sum();
    parts.insert(1, lines_of(table, LINES.saturating_sub(taken), view));
    parts.retain(|part| !part.is_empty());
    parts.iter().map(|part| part.join("\n")).collect::<Vec<String>>().join("\n\n") + "\n"
}

/// Lines of a part on the terminal, with the empty one that follows it; long commands take several.
fn height(part: &[String], view: View) -> usize {
    let lines: usize = part.iter().map(|line| line.chars().count().div_ceil(view.width).max(1)).sum();
    if part.is_empty() { 0 } else { lines + 1 }
}

/// The table in at most `most` lines: rows at its end are left out, and counted.
fn lines_of(mut grid: Grid, most: usize, view: View) -> Vec<String> {
    let all = grid.rows.len();
    if all == 0 {
        return Vec::new();
    }
    let lines = |grid: &Grid| grid.render(view).lines().map(|line| line.trim_end().to_owned()).collect::<Vec<String>>();
    let above = lines(&grid).len() - all;
    if all + above > most {
        grid.rows.truncate(most.saturating_sub(above + 1).max(FEWEST_ROWS));
    }
    let mut shown = lines(&grid);
    if grid.rows.len() < all {
        shown.push(format!(" … and {} more", all - grid.rows.len()));
    }
    shown
}

/// The conditions in one line or two, the warnings, and the time of one build in parts.
fn circumstances(results: &Results, sessions: &[(String, &StateSummary)], view: View) -> Vec<String> {
    let indented = |lines: Vec<String>| lines.into_iter().map(|line| format!(" {line}"));
    let parts = conditions::parts(results);
    let mut lines: Vec<String> =
        indented(joined(parts.iter().map(String::as_str), " · ", view.width.saturating_sub(1))).collect();
    if let Some(parts) = state_table::breakdown(results) {
        lines.extend(indented(joined(parts.iter().map(String::as_str), " · ", view.width.saturating_sub(1))));
    }
    let warnings = conditions::warnings(results, sessions);
    for warning in warnings.iter().take(MOST_WARNINGS) {
        let text = wrapped(&[warning.clone()], view.width.saturating_sub(1));
        let two: Vec<String> = text.lines().take(2).map(|line| view.painted(line, Tone::Warning)).collect();
        lines.extend(indented(two));
    }
    if warnings.len() > MOST_WARNINGS {
        lines.push(format!(" … and {} more warnings", warnings.len() - MOST_WARNINGS));
    }
    lines
}

/// What to open, and the command that prints everything.
fn pointers(files: &[File], folder: &Path, view: View) -> Vec<String> {
    let longest = files.iter().map(|file| file.path.chars().count()).max().unwrap_or(0);
    let line = |file: &File| {
        let line = format!(" {:longest$}   {}", file.path, file.says);
        if line.chars().count() <= view.width { line } else { format!(" {}", file.path) }
    };
    let all = format!(" all tables: {}", files::details_command(folder));
    files.iter().map(line).chain([all]).collect()
}

/// The states and cases of a run with their names.
fn sessions(results: &Results) -> Vec<(String, &StateSummary)> {
    let of_cases = cases::names(&results.cases).into_iter().zip(results.cases.iter().map(|case| &case.figures));
    results.summary.states.iter().map(|state| (state.state.to_string(), state)).chain(of_cases).collect()
}

#[cfg(test)]
#[path = "first_screen_tests.rs"]
mod tests;
