//! The tables of cases, and of the changes of a what-if.

use crate::analysis::results::Results;
use crate::analysis::statistics::compare::Verdict;
use crate::analysis::study::cases::CaseSummary;
use crate::analysis::study::summary::StateSummary;
use crate::analysis::verdict::finding::StateVerdict;
use crate::plan::what_if::WhatIf;
use crate::report::terminal::cases;
use crate::report::terminal::grid::Grid;
use crate::report::text::answer;
use crate::report::text::cell::Cell;
use crate::report::text::units;
use crate::report::text::wrap::cut;

/// The longest name of a case.
const NAME: usize = 32;

/// The baselines that all cases share, then one row for each case.
pub fn cases(results: &Results) -> Grid {
    let row = |(name, state): (String, &StateSummary)| {
        let rounds = state.walls_ns.len();
        let against = |found: Option<_>| found.map_or(units::MISSING.into(), |found| answer::judged(&found, rounds));
        vec![cut(&name, NAME).into(), wall(state), against(state.against_full), against(state.against_empty)]
    };
    let command = cut(&results.run.plan.what_is_timed(), NAME);
    let header = [command.as_str(), "wall", "against go-warm", "against go-cold"];
    Grid::new(&header, cases::figures(results).into_iter().map(row).collect())
}

/// The changes that are compared with the unchanged state.
pub fn judged(changes: &[CaseSummary]) -> Vec<&CaseSummary> {
    changes.iter().filter(|case| case.against_baseline.is_some()).collect()
}

/// The state unchanged, then one row for each change: what it was estimated to save, and what it saves.
pub fn changes(first: &CaseSummary, changes: &[&CaseSummary], verdicts: &[StateVerdict]) -> Grid {
    let unchanged = first.figures.wall_median_ns;
    let estimate = |case: &CaseSummary| {
        let rule = WhatIf::rule_of(&case.name)?;
        let verdict = verdicts.iter().find(|verdict| verdict.name == first.name)?;
        Some(verdict.ranked.iter().find(|finding| finding.rule == rule)?.saves_ns? as f64)
    };
    let duration = |ns: Option<f64>| ns.map_or(units::MISSING.to_owned(), units::duration);
    let missing = || Cell::from(units::MISSING);
    let plain = vec![first.name.as_str().into(), wall(&first.figures), missing(), missing(), missing()];
    let rows = changes.iter().map(|case| {
        let rounds = case.figures.walls_ns.len();
        let found = case.against_baseline;
        // Without a clear difference a number would say more than is known.
        let saved = found.filter(|found| found.verdict == Verdict::Faster);
        let saved = saved.map(|found| unchanged * (1.0 - found.ratio));
        let judged = found.map_or_else(missing, |found| answer::judged(&found, rounds));
        vec![
            cut(&case.name, NAME).into(),
            wall(&case.figures),
            duration(estimate(case)).into(),
            duration(saved).into(),
            judged,
        ]
    });
    let name = first.figures.state.name();
    let header = [name, "wall", "estimate", "measured", ""];
    Grid { left: vec![4], ..Grid::new(&header, std::iter::once(plain).chain(rows).collect()) }
}

fn wall(state: &StateSummary) -> Cell {
    units::short_durations(&[Some(state.wall_median_ns)]).remove(0).into()
}
