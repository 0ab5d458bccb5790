//! The bottlenecks that could save most, with about how much.

use crate::analysis::results::Results;
use crate::analysis::verdict::finding::{Finding, StateVerdict, TooLittle};
use crate::plan::study::Study;
use crate::report::terminal::grid::View;
use crate::report::text::units;
use crate::report::text::verdict::finding;
use crate::report::text::verdict::next;
use crate::report::text::wrap::cut;

/// Rows on the first screen, and those of each state.
const MOST: usize = 4;
const MOST_OF_STATE: usize = 2;
/// Columns of a name, of the numbers at the end, and of a title at least.
const NAME: usize = 11;
const NUMBERS: usize = 17;
const TITLE: usize = 16;
/// The longest name of a backend in the heading.
const BACKEND: usize = 24;
/// The title above the numbers.
const HEADING: &str = "could save about";
/// More states and cases than these have their bottlenecks in the report alone.
const MOST_VERDICTS: usize = 3;

/// A heading, a row for each bottleneck, the states without one, and a command that measures the largest that can be measured, in
/// at most `most` lines; empty where no state was judged, or there is no place.
pub fn lines(results: &Results, most: usize, view: View) -> Vec<String> {
    let study = &results.run.plan.study;
    let (heading, verdicts) = chosen(results);
    if verdicts.is_empty() || verdicts.len() > MOST_VERDICTS {
        return Vec::new();
    }
    let mut largest = verdicts.clone();
    largest.retain(|verdict| !verdict.ranked.is_empty());
    largest.sort_by(|one, other| other.largest_share().total_cmp(&one.largest_share()));
    let rows: Vec<(&StateVerdict, usize, &Finding)> = largest
        .iter()
        .flat_map(|verdict| verdict.ranked.iter().take(MOST_OF_STATE).enumerate().map(|(at, one)| (*verdict, at, one)))
        .collect();
    let title = view.width.saturating_sub(NAME + NUMBERS + 3).max(TITLE);
    let width = NAME + 1 + title + 1 + NUMBERS;
    let mut above = Vec::new();
    if !rows.is_empty() {
        above.push(format!(" {heading:<0$}{HEADING}", width - HEADING.len()));
    }
    let command = largest
        .iter()
        .flat_map(|verdict| &verdict.ranked)
        .find_map(|finding| Some(format!(" confirm: {}", next::command(finding, &results.run.plan)?)));
    let command = if *study == Study::WhatIf { None } else { command };
    let long = |line: &String| line.chars().count().div_ceil(view.width);
    let below: Vec<String> = without(&verdicts, study).into_iter().chain(command).collect();
    let fixed = above.len() + below.iter().map(long).sum::<usize>();
    // A heading alone says nothing.
    if most < fixed + usize::from(!rows.is_empty()) {
        return Vec::new();
    }
    let shown = rows.iter().take(MOST.min(most - fixed));
    above
        .into_iter()
        .chain(shown.map(|(verdict, at, one)| row(&name(verdict, study), (verdict, *at, one), title)))
        .chain(below)
        .collect()
}

/// The name of a verdict below the heading: where that names the backend, the state is enough.
fn name(verdict: &StateVerdict, study: &Study) -> String {
    if *study == Study::Backends { verdict.setup.state.to_string() } else { verdict.name.clone() }
}

/// The verdicts of the first screen, under their heading.
fn chosen(results: &Results) -> (String, Vec<&StateVerdict>) {
    let all = &results.analysis.verdicts;
    let plan = &results.run.plan;
    let heading = "Bottlenecks".to_owned();
    match plan.study {
        // The table of a what-if has the changes.
        Study::WhatIf => (heading, all.first().into_iter().collect()),
        Study::Backends => {
            let Some(case) = plan.cases.iter().position(|case| case.foreign().is_some()) else {
                return (heading, Vec::new());
            };
            let of_it = all.iter().filter(|verdict| verdict.setup.case == Some(case));
            (format!("{heading} of {}", cut(&plan.cases[case].name, BACKEND)), of_it.collect())
        }
        _ => (heading, all.iter().collect()),
    }
}

fn row(name: &str, (verdict, at, finding): (&StateVerdict, usize, &Finding), width: usize) -> String {
    let name = if at == 0 { cut(name, NAME) } else { String::new() };
    let title = cut(&finding::title(&finding.bottleneck), width);
    let saves = units::duration(finding.saves_ns.unwrap_or(0) as f64);
    format!(" {name:NAME$} {title:width$} {saves:>9} {:>7}", units::percent(finding.share_of(verdict.wall_ns)))
}

/// The states in which nothing was found, and those that could not be judged.
fn without(verdicts: &[&StateVerdict], study: &Study) -> Option<String> {
    let names = |is_wanted: &dyn Fn(&StateVerdict) -> bool| {
        verdicts
            .iter()
            .filter(|verdict| is_wanted(verdict))
            .map(|verdict| name(verdict, study))
            .collect::<Vec<String>>()
    };
    let is_short = |verdict: &StateVerdict| matches!(verdict.too_little, Some(TooLittle::TooShort(_)));
    let mut parts = Vec::new();
    for (names, words) in [
        (names(&|verdict| verdict.is_quiet() && verdict.missing.is_empty()), "no bottleneck found"),
        (names(&|verdict| verdict.is_quiet() && !verdict.missing.is_empty()), "none found in what could be judged"),
        (names(&is_short), "too short to judge"),
        (names(&|verdict| verdict.too_little.is_some() && !is_short(verdict)), "cannot judge without its records"),
    ] {
        if !names.is_empty() {
            parts.push(format!("{}: {words}", names.join(", ")));
        }
    }
    if parts.is_empty() { None } else { Some(format!(" {}", parts.join("; "))) }
}
