//! The bottlenecks that were injected beside those that the rules named, as a table.

use crate::bench::analysis::study::selftest::Proof;
use crate::bench::report::terminal::grid::Grid;
use crate::bench::report::text::cell::{Cell, Tone};
use crate::bench::report::text::units;

/// One row for each bottleneck.
pub fn grid(proofs: &[Proof]) -> Grid {
    let header = ["injected", "rule", "named first", "estimate", "measured", "off", ""];
    Grid::new(&header, proofs.iter().map(row).collect())
}

fn row(proof: &Proof) -> Vec<Cell> {
    let missing = || units::MISSING.to_owned();
    let duration = |ns: Option<f64>| ns.map_or_else(missing, units::duration);
    let off = proof.off().map_or_else(missing, |off| format!("{:+.0} %", off * 100.0));
    let estimate = match (&proof.rule, proof.estimate_share) {
        (None, Some(share)) => units::percent(share),
        _ => duration(proof.estimate_ns),
    };
    let tone = if proof.is_proved { Tone::Good } else { Tone::Bad };
    let is_found = Cell { text: if proof.is_proved { "yes" } else { "NO" }.to_owned(), tone };
    vec![
        proof.name.as_str().into(),
        proof.rule.as_deref().unwrap_or("none allowed").into(),
        named(proof).into(),
        estimate.into(),
        duration(proof.measured_ns).into(),
        off.into(),
        is_found,
    ]
}

/// In how many rounds the rule came first, and which came instead.
fn named(proof: &Proof) -> String {
    let Some(rule) = &proof.rule else {
        return proof.first.iter().flatten().next().cloned().unwrap_or_else(|| "nothing".to_owned());
    };
    let right = proof.first.iter().filter(|first| first.as_ref() == Some(rule)).count();
    let wrong = proof.first.iter().find(|first| first.as_ref() != Some(rule));
    let instead = wrong.map(|first| format!(", else {}", first.as_deref().unwrap_or("nothing"))).unwrap_or_default();
    format!("{right} of {}{instead}", proof.first.len())
}
