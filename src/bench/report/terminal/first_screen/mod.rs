//! The first screen of a run: the answer, its table, the conditions, what to fix, and where everything is. All of it on one small
//! terminal; the tables of `--details` are not its business.

mod backend_table;
mod bottlenecks;
pub mod case_table;
mod state_table;
pub mod study;

use std::path::Path;

use crate::analysis::results::Results;
use crate::report::terminal::first_screen::study::Screen;
use crate::report::terminal::grid::{Grid, View};
use crate::report::text::answer;
use crate::report::text::cell::Tone;
use crate::report::text::conditions;
use crate::report::text::files::File;
use crate::report::text::verdict::next;
use crate::report::text::warnings;
use crate::report::text::wrap::{joined, wrapped};

/// The size of a small terminal.
const WIDTH: usize = 80;
const LINES: usize = 24;
/// Warnings beyond these are in the details.
const MOST_WARNINGS: usize = 3;
/// Rows of a table that come before the bottlenecks where there is no place for both.
const FIRST_ROWS: usize = 6;

/// The first screen of a run whose files are in `folder`, as a user would type it.
pub fn render(results: &Results, files: &[File], folder: &Path, view: View) -> String {
    let view = View { width: view.width.min(WIDTH), ..view };
    let mut screen = screen_of(results);
    let (answer, table) = (std::mem::take(&mut screen.answer), std::mem::take(&mut screen.table));
    let first = wrapped(&[answer.text], view.width);
    let first: Vec<String> = first.lines().map(|line| view.painted(line, answer.tone)).collect();
    let (conditions, files) = (circumstances(results, &screen, view), pointers(files, folder, view));
    let left = LINES.saturating_sub([&first, &conditions, &files].map(|part| height(part, view)).iter().sum());
    let fewest = lines_of(&table, header_lines(&table) + FIRST_ROWS, view);
    let below = if screen.has_bottlenecks {
        bottlenecks::lines(results, left.saturating_sub(fewest.len() + 1), view)
    } else {
        Vec::new()
    };
    let table = lines_of(&table, left.saturating_sub(height(&below, view)), view);
    let mut parts = vec![first, table, conditions, below, files];
    parts.retain(|part| !part.is_empty());
    parts.iter().map(|part| part.join("\n")).collect::<Vec<String>>().join("\n\n") + "\n"
}

/// The first screen of a run; on a disturbed machine the answer warns, and no factor is coloured.
pub fn screen_of(results: &Results) -> Screen<'_> {
    let mut screen = study::of(results);
    if let Some(disturbance) = conditions::disturbance(results) {
        screen.answer = answer::do_not_quote(disturbance);
        screen.table.rows.iter_mut().flatten().for_each(|cell| cell.tone = Tone::Plain);
    }
    screen
}

/// Lines of a part on the terminal, with the empty one that follows it; long commands take several.
fn height(part: &[String], view: View) -> usize {
    let lines: usize = part.iter().map(|line| visible(line).div_ceil(view.width).max(1)).sum();
    if part.is_empty() { 0 } else { lines + 1 }
}

/// Characters of a line without its colours, which end with an `m` each.
fn visible(line: &str) -> usize {
    let (first, coloured) = line.split_once('\u{1b}').unwrap_or((line, ""));
    let rest = coloured.split('\u{1b}').map(|part| part.split_once('m').map_or(0, |(_, text)| text.chars().count()));
    first.chars().count() + rest.sum::<usize>()
}

/// The table in at most `most` lines: rows at its end are left out, and counted.
fn lines_of(grid: &Grid, most: usize, view: View) -> Vec<String> {
    if grid.rows.is_empty() {
        return Vec::new();
    }
    let mut lines: Vec<String> = grid.render(view).lines().map(|line| line.trim_end().to_owned()).collect();
    if lines.len() > most.max(2) {
        let shown = most.max(2) - 1;
        let left_out = (header_lines(grid) + grid.rows.len()).saturating_sub(shown);
        lines.truncate(shown);
        lines.push(format!(" … and {left_out} more"));
    }
    lines
}

fn header_lines(grid: &Grid) -> usize {
    grid.header.iter().map(|title| title.lines().count()).max().unwrap_or(0)
}

/// The conditions in one line or two, the warnings, and the time of one build in parts.
fn circumstances(results: &Results, screen: &Screen<'_>, view: View) -> Vec<String> {
    let indented = |lines: Vec<String>| lines.into_iter().map(|line| format!(" {line}"));
    let parts = conditions::parts(results);
    let mut lines: Vec<String> =
        indented(joined(parts.iter().map(String::as_str), " · ", view.width.saturating_sub(1))).collect();
    if let Some(parts) = state_table::breakdown(results).filter(|_| screen.has_breakdown) {
        lines.extend(indented(joined(parts.iter().map(String::as_str), " · ", view.width.saturating_sub(1))));
    }
    let warnings = warnings::of_run(results, &screen.sessions);
    for warning in warnings.iter().take(MOST_WARNINGS) {
        let text = wrapped(std::slice::from_ref(warning), view.width.saturating_sub(1));
        let two: Vec<String> = text.lines().take(2).map(|line| view.painted(line, Tone::Warning)).collect();
        lines.extend(indented(two));
    }
    if warnings.len() > MOST_WARNINGS {
        lines.push(format!(" … and {} more warnings", warnings.len() - MOST_WARNINGS));
    }
    lines
}

/// The files to open, and the command that prints everything.
fn pointers(files: &[File], folder: &Path, view: View) -> Vec<String> {
    let longest = files.iter().map(|file| file.path.chars().count()).max().unwrap_or(0);
    let line = |file: &File| {
        let aligned = format!(" {:longest$}   {}", file.path, file.says);
        if aligned.chars().count() <= view.width { aligned } else { format!(" {}", file.path) }
    };
    let all = format!(" all tables: {}", next::details(folder));
    files.iter().map(line).chain([all]).collect()
}

#[cfg(test)]
#[path = "first_screen_tests.rs"]
mod tests;
