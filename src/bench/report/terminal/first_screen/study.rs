//! The answer and the table of each kind of run.

use crate::analysis::results::Results;
use crate::analysis::study::network::{Crossover, Network};
use crate::analysis::study::selftest::Outcome;
use crate::analysis::study::summary::StateSummary;
use crate::plan::study::Study;
use crate::report::terminal::cases;
use crate::report::terminal::ci;
use crate::report::terminal::differences;
use crate::report::terminal::first_screen::{backend_table, case_table, state_table};
use crate::report::terminal::grid::Grid;
use crate::report::terminal::network;
use crate::report::terminal::selftest;
use crate::report::text::answer;
use crate::report::text::cell::Cell;
use crate::report::text::headlines;

/// The part of the first screen that depends on the kind of run.
pub struct Screen<'a> {
    pub answer: Cell,
    pub table: Grid,
    /// True where bottlenecks and the breakdown of one build belong on the first screen.
    pub has_bottlenecks: bool,
    pub has_breakdown: bool,
    /// The states and cases that warnings are about.
    pub sessions: Vec<(String, &'a StateSummary)>,
}

/// The first screen of a run.
pub fn of(results: &Results) -> Screen<'_> {
    let sessions = cases::figures(results);
    let study =
        |answer: Cell, table: Grid| Screen { answer, table, has_bottlenecks: false, has_breakdown: false, sessions };
    let analysis = &results.analysis;
    match &results.run.plan.study {
        Study::Machines { .. } => {
            let [work, _] = ci::grids(&analysis.waves);
            study(headlines::of_waves(&analysis.waves), work)
        }
        Study::Injected { .. } => {
            let table = selftest::grid(&failed_first(&analysis.selftest));
            study(headlines::of_selftest(&analysis.selftest), table)
        }
        Study::SideBySide { .. } if let Some(found) = &analysis.differences => {
            study(headlines::of_differences(found), differences::grid(found))
        }
        Study::Network { .. } if let Some(network) = &analysis.network => {
            study(headlines::of_network(network), points(network))
        }
        Study::WhatIf if let [first, changes @ ..] = &analysis.cases[..] => {
            let changes = case_table::judged(changes);
            let table = case_table::changes(first, &changes, &analysis.verdicts);
            Screen { has_bottlenecks: true, ..study(headlines::of_changes(first, &changes), table) }
        }
        Study::Backends => Screen {
            has_bottlenecks: true,
            ..study(backend_table::headline(&analysis.cases), backend_table::grid(results))
        },
        Study::States => Screen {
            has_bottlenecks: true,
            has_breakdown: true,
            ..study(answer::headline(&analysis.summary), state_table::grid(results))
        },
        // Also the others, where too few rounds have been run for what they ask.
        Study::Cases | Study::WhatIf | Study::Network { .. } | Study::SideBySide { .. } => {
            let answer = headlines::of_cases(&analysis.cases);
            Screen { has_bottlenecks: true, ..study(answer, case_table::cases(results)) }
        }
    }
}

fn failed_first(proofs: &[Outcome]) -> Vec<Outcome> {
    let (found, failed): (Vec<Outcome>, Vec<Outcome>) = proofs.iter().cloned().partition(|proof| proof.passed);
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
