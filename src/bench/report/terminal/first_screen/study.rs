//! The answer and the table of each kind of run.

use crate::bench::analysis::study::network::{Crossover, Network};
use crate::bench::analysis::study::selftest::Proof;
use crate::bench::analysis::study::summary::StateSummary;
use crate::bench::report::terminal::cases;
use crate::bench::report::terminal::ci;
use crate::bench::report::terminal::differences;
use crate::bench::report::terminal::first_screen::{case_table, state_table};
use crate::bench::report::terminal::grid::Grid;
use crate::bench::report::terminal::network;
use crate::bench::report::terminal::selftest;
use crate::bench::report::text::answer;
use crate::bench::report::text::cell::Cell;
use crate::bench::report::text::headlines;
use crate::bench::results::run::Results;

/// The part of the first screen that depends on the kind of run.
pub struct Study<'a> {
    pub answer: Cell,
    pub table: Grid,
    /// True where bottlenecks and the breakdown of one build belong on the first screen.
    pub has_bottlenecks: bool,
    pub has_breakdown: bool,
    /// The states and cases that warnings are about.
    pub sessions: Vec<(String, &'a StateSummary)>,
    /// A busy machine makes the answer worthless.
    pub is_disturbed: bool,
}

/// The study of a run.
pub fn of(results: &Results) -> Study<'_> {
    let sessions = cases::figures(results);
    let study = |answer: Cell, table: Grid| Study {
        answer,
        table,
        has_bottlenecks: false,
        has_breakdown: false,
        sessions,
        is_disturbed: true,
    };
    if let Some(waves) = results.ci.as_ref().filter(|ci| !ci.waves.is_empty()) {
        let [work, _] = ci::grids(waves);
        return Study { is_disturbed: false, ..study(headlines::of_ci(waves), work) };
    }
    if !results.proofs.is_empty() {
        let table = selftest::grid(&failed_first(&results.proofs));
        return Study { is_disturbed: false, ..study(headlines::of_selftest(&results.proofs), table) };
    }
    if let Some(found) = &results.differences {
        return study(headlines::of_differences(found), differences::grid(found));
    }
    if let Some(network) = &results.network {
        return study(headlines::of_network(network), points(network));
    }
    if let [first, changes @ ..] = &results.cases[..] {
        if results.plan.compare_with_first {
            let changes: Vec<_> = changes.iter().filter(|case| case.against_whole.is_some()).collect();
            let answer = headlines::of_changes(first, &changes);
            return Study {
                has_bottlenecks: true,
                ..study(answer, case_table::changes(first, &changes, &results.verdicts))
            };
        }
        return Study {
            has_bottlenecks: true,
            ..study(headlines::of_cases(&results.cases), case_table::cases(results))
        };
    }
    Study {
        has_bottlenecks: true,
        has_breakdown: true,
        ..study(answer::headline(&results.summary), state_table::grid(results))
    }
}

fn failed_first(proofs: &[Proof]) -> Vec<Proof> {
    let (found, failed): (Vec<Proof>, Vec<Proof>) = proofs.iter().cloned().partition(|proof| proof.is_proved);
    failed.into_iter().chain(found).collect()
}

/// One row for each strategy and bandwidth, one column for each latency.
fn points(network: &Network) -> Grid {
    let mut header = Vec::new();
    let mut rows = Vec::new();
    for (of, (_, grid)) in network.strategies.iter().zip(network::grids(network)) {
        let latencies = grid.rows.iter().map(|row| row[0].text.clone());
        header = ["remote-hit".to_owned(), "no cache wins".to_owned()].into_iter().chain(latencies).collect();
        for (at, column) in of.columns.iter().enumerate() {
            let limit = match column.crossover {
                Crossover::At(latency) => format!("above {latency:.0} ms"),
                Crossover::Always => "always".to_owned(),
                Crossover::Beyond(_) | Crossover::Never => "nowhere".to_owned(),
                Crossover::Unknown => "unknown".to_owned(),
            };
            let name = format!("{} {}", of.strategy.name(), column.bandwidth.name());
            let cells = grid.rows.iter().map(|row| row[at + 1].clone());
            rows.push([name.into(), limit.into()].into_iter().chain(cells).collect());
        }
    }
    Grid { header, rows, ..Grid::default() }
}
