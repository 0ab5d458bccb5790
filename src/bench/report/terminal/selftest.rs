//! What was planted against what the verdict named, as a table.

use crate::bench::analysis::study::selftest::Outcome;
use crate::bench::report::terminal::grid::Grid;
use crate::bench::report::text::units;

/// One row a bottleneck.
pub fn grid(outcomes: &[Outcome]) -> Grid {
    let header = ["planted", "rule", "named first", "estimate", "measured", "off", ""];
    Grid { header: header.map(str::to_owned).to_vec(), rows: outcomes.iter().map(row).collect() }
}

fn row(outcome: &Outcome) -> Vec<String> {
    let missing = || units::MISSING.to_owned();
    let duration = |ns: Option<f64>| ns.map_or_else(missing, units::duration);
    let off = outcome.off().map_or_else(missing, |off| format!("{:+.0} %", off * 100.0));
    let estimate = match (&outcome.rule, outcome.estimate_share) {
        (None, Some(share)) => units::percent(share),
        _ => duration(outcome.estimate_ns),
    };
    vec![
        outcome.name.clone(),
        outcome.rule.clone().unwrap_or_else(|| "none may".to_owned()),
        named(outcome),
        estimate,
        duration(outcome.measured_ns),
        off,
        if outcome.passed { "yes" } else { "NO" }.to_owned(),
    ]
}

/// In how many rounds the rule came first, and which came instead.
fn named(outcome: &Outcome) -> String {
    let Some(rule) = &outcome.rule else {
        return outcome.first.iter().flatten().next().cloned().unwrap_or_else(|| "nothing".to_owned());
    };
    let right = outcome.first.iter().filter(|first| first.as_ref() == Some(rule)).count();
    let wrong = outcome.first.iter().find(|first| first.as_ref() != Some(rule));
    let instead = wrong.map(|first| format!(", else {}", first.as_deref().unwrap_or("nothing"))).unwrap_or_default();
    format!("{right} of {}{instead}", outcome.first.len())
}
