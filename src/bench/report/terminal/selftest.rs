//! The injected bottlenecks with the rules that were named, as a table.

use crate::analysis::study::selftest::Outcome;
use crate::report::terminal::grid::Grid;
use crate::report::text::cell::{Cell, Tone};
use crate::report::text::units;
use crate::scenario::rule::Rule;

/// One row for each bottleneck.
pub fn grid(outcomes: &[Outcome]) -> Grid {
    let header = ["injected", "rule", "named first", "estimate", "measured", "off", ""];
    Grid::new(&header, outcomes.iter().map(row).collect())
}

fn row(outcome: &Outcome) -> Vec<Cell> {
    let missing = || units::MISSING.to_owned();
    let duration = |ns: Option<f64>| ns.map_or_else(missing, units::duration);
    let off = outcome.off().map_or_else(missing, |off| format!("{:+.0} %", off * 100.0));
    let estimate = match (&outcome.rule, outcome.estimate_share) {
        (None, Some(share)) => units::percent(share),
        _ => duration(outcome.estimate_ns),
    };
    let tone = if outcome.passed { Tone::Good } else { Tone::Bad };
    let is_found = Cell { text: if outcome.passed { "yes" } else { "NO" }.to_owned(), tone };
    vec![
        outcome.name.as_str().into(),
        outcome.rule.map_or("none allowed", Rule::name).into(),
        named(outcome).into(),
        estimate.into(),
        duration(outcome.measured_ns).into(),
        off.into(),
        is_found,
    ]
}

/// In how many rounds the rule came first, and which came instead.
fn named(outcome: &Outcome) -> String {
    let Some(rule) = outcome.rule else {
        return outcome.first.iter().flatten().next().map_or("nothing", |first| first.name()).to_owned();
    };
    let right = outcome.first.iter().filter(|first| **first == Some(rule)).count();
    let wrong = outcome.first.iter().find(|first| **first != Some(rule));
    let instead = wrong.map(|first| format!(", else {}", first.map_or("nothing", Rule::name))).unwrap_or_default();
    format!("{right} of {}{instead}", outcome.first.len())
}
