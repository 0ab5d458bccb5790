//! The first screen: the answer, the times, the conditions, the bottlenecks and where to look next, in 24 lines of 80 columns.

use crate::bench::analysis::statistics::compare::{Comparison, Verdict};
use crate::bench::analysis::statistics::conditions::Machine;
use crate::bench::analysis::study::summary::{StateSummary, Summary};
use crate::bench::report::terminal::differences;
use crate::bench::report::terminal::grid::{Cell, Grid, Tone, View};
use crate::bench::report::terminal::tables;
use crate::bench::report::text::answer;
use crate::bench::report::text::bottlenecks;
use crate::bench::report::text::comparison;
use crate::bench::report::text::conditions;
use crate::bench::report::text::files::File;
use crate::bench::report::text::notes;
use crate::bench::report::text::units;
use crate::bench::results::run::Results;
use crate::bench::scenario::cache_state::CacheState;

/// A small terminal.
const WIDTH: usize = 80;
const HEIGHT: usize = 24;
/// Lines that problems of the run may take.
const PROBLEMS: usize = 4;
/// Files that are named.
const FILES: usize = 2;
/// Characters of the go command in the table's title.
const COMMAND: usize = 22;

/// The rows of the table: what a user calls it, the state, and what it is compared with.
const ROWS: [(&str, CacheState, CacheState); 5] = [
    ("fresh machine, full S3", CacheState::RemoteHit, CacheState::GoCold),
    ("first build, fills S3", CacheState::Cold, CacheState::GoCold),
    ("next build, same disk", CacheState::LocalHit, CacheState::GoCold),
    ("go's own cache is warm", CacheState::LocalHit, CacheState::GoWarm),
    ("go's own cache is warm", CacheState::RemoteHit, CacheState::GoWarm),
];

/// What a run prints on stdout unless `--details` asks for all. `details` is the command that prints the rest.
pub fn render(results: &Results, files: &[File], details: &str, view: View) -> String {
    let view = View { width: view.width.min(WIDTH), ..view };
    let mut parts = vec![bold(&answer_lines(results, view.width), view.colour)];
    parts.push(first_lines(&problems(results), view.width, PROBLEMS));
    let end = [
        tables::wrapped(&conditions::lines(results), view.width),
        bottlenecks::short(&results.verdicts, &results.plan, view.width),
        tables::pointers(&files[..files.len().min(FILES)]) + &format!("\nall tables: {details}"),
    ];
    let taken: usize =
        parts.iter().chain(&end).filter(|part| !part.is_empty()).map(|part| part.lines().count() + 1).sum();
    parts.push(table(results, view, HEIGHT.saturating_sub(taken)));
    parts.extend(end);
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n") + "\n"
}

/// The answer, or that the numbers are not to be quoted.
fn answer_lines(results: &Results, width: usize) -> String {
    let summary = &results.summary;
    let warning = summary.machine.and_then(conditions::warning);
    if asks_the_question(results) && !summary.states.is_empty() {
        return tables::wrapped(&[warning.unwrap_or_else(|| answer::headline(summary))], width);
    }
    let lines: Vec<String> = warning.into_iter().chain(tables::sentences(results)).collect();
    first_lines(&lines, width, HEIGHT / 3)
}

/// Whether the run is one of cache states, which asks whether the build got faster.
fn asks_the_question(results: &Results) -> bool {
    results.network.is_none() && results.cases.is_empty() && results.differences.is_none()
}

fn problems(results: &Results) -> Vec<String> {
    let figures = tables::figures(results);
    let sessions = tables::sessions(&figures);
    notes::problems(&results.summary, &sessions).into_iter().map(|problem| format!("! {problem}")).collect()
}

/// The table of a run of states, or the first one of another run, in at most `height` lines.
fn table(results: &Results, view: View, height: usize) -> String {
    let rows = rows(&results.summary);
    let grid = match &results.differences {
        Some(found) => Some(differences::grid(found)),
        None if asks_the_question(results) && !rows.is_empty() => Some(times(results, rows)),
        None => tables::titled_grids(results).into_iter().next(),
    };
    let text = grid.map_or(String::new(), |grid| grid.render(view));
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= height {
        return text;
    }
    let shown = height.saturating_sub(1).max(2).min(lines.len());
    let left = lines.len() - shown;
    format!("{}\n … {left} more {}: --details", lines[..shown].join("\n"), if left == 1 { "line" } else { "lines" })
}

/// The rows of [`ROWS`] that were measured: with a baseline, and without one where the state has none at all.
fn rows(summary: &Summary) -> Vec<(&'static str, &StateSummary, Option<&StateSummary>)> {
    let mut rows = Vec::new();
    for (name, state, base) in ROWS {
        let Some(found) = summary.state(state) else { continue };
        let base = summary.state(base);
        let has_none = found.against_empty.is_none() && found.against_full.is_none();
        let is_listed = rows.iter().any(|(_, listed, _): &(_, &StateSummary, _)| listed.state == state);
        if base.is_some() || (has_none && !is_listed) {
            rows.push((name, found, base));
        }
    }
    rows
}

fn times(results: &Results, rows: Vec<(&'static str, &StateSummary, Option<&StateSummary>)>) -> Grid {
    let is_quotable = !results.summary.machine.is_some_and(Machine::is_disturbed);
    let mut last = "";
    let rows = rows.into_iter().map(|(name, found, base)| {
        let against = base.and_then(|base| answer::against(&results.summary, found.state, base.state));
        let shown = if name == last { "" } else { name };
        last = name;
        let wall = |state: Option<&StateSummary>| {
            state.map_or(units::MISSING.to_owned(), |state| units::duration(state.wall_median_ns))
        };
        vec![
            Cell::from(shown),
            found.state.name().into(),
            wall(base).into(),
            wall(Some(found)).into(),
            result(against, found, base, is_quotable),
        ]
    });
    let header = [&shortened(&results.plan.what_is_timed()), "", "go alone", "cacheprog", ""];
    Grid { left: 2, ..Grid::new(header, rows) }
}

fn result(found: Option<Comparison>, state: &StateSummary, base: Option<&StateSummary>, is_quotable: bool) -> Cell {
    let Some(found) = found else { return units::MISSING.into() };
    let fewest = base.map_or(0, |base| base.walls_ns.len().min(state.walls_ns.len()));
    let text = match found.verdict {
        Verdict::NoiseUnknown => format!("inconclusive: {}", units::counted(fewest as u64, "round")),
        _ => comparison::short(&found),
    };
    Cell { text, tone: if is_quotable { tables::tone(found.verdict) } else { Tone::Plain } }
}

fn shortened(command: &str) -> String {
    if command.chars().count() <= COMMAND {
        return command.to_owned();
    }
    command.chars().take(COMMAND - 1).chain(['…']).collect()
}

/// Paragraphs in at most so many lines; says where the others are.
fn first_lines(paragraphs: &[String], width: usize, most: usize) -> String {
    let text = tables::wrapped(paragraphs, width);
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= most {
        return text;
    }
    format!("{}\n… {} more lines: --details", lines[..most - 1].join("\n"), lines.len() + 1 - most)
}

fn bold(text: &str, colour: bool) -> String {
    if colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

#[cfg(test)]
#[path = "first_screen_tests.rs"]
mod tests;
