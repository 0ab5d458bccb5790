//! The wall-time breakdown: parts that add up to the whole.

use crate::analysis::study::summary::{RoundBreakdown, StateSummary};
use crate::report::terminal::grid::Grid;
use crate::report::text::cell::Cell;
use crate::report::text::units;
use crate::results::time_breakdown::{Stage, TimeBreakdown, WaitKind};

/// Parts below this share of the wall clock are left out of the words.
const WORTH_A_WORD: f64 = 0.01;

/// The parts in the order of the table; the handshake belongs to the startup.
pub const PARTS: [&str; 6] = ["startup", "go only", "overlapped", "blocked on cache", "close", "exit"];

/// One row for each state that has a breakdown.
pub fn grid(states: &[(String, &StateSummary)]) -> Grid {
    let rows = states.iter().filter_map(|(name, state)| Some(row(name, state.time_breakdown.as_ref()?)));
    let header = ["wall-time breakdown", "wall"].into_iter().chain(PARTS).collect::<Vec<&str>>();
    Grid::new(&header, rows.collect())
}

fn row(name: &str, of: &RoundBreakdown) -> Vec<Cell> {
    let named = of.folder.rsplit_once('/').map_or(name.to_owned(), |(_, round)| format!("{name}, round {round}"));
    let wall = units::duration(of.parts.wall_ns as f64);
    [named, wall].into_iter().chain(shares(&of.parts)).map(Cell::from).collect()
}

/// The share of each of [`PARTS`] in the wall time, in whole percent that add up.
pub fn shares(of: &TimeBreakdown) -> [String; PARTS.len()] {
    let startup_ns = of.startup_ns + of.handshake_ns;
    units::shares([startup_ns, of.go_only_ns, of.overlapped_ns, of.blocked_ns, of.close_ns, of.exit_ns])
}

/// The stages of the open requests of each state; None where no state has a breakdown.
pub fn sentence(states: &[(String, &StateSummary)]) -> Option<String> {
    let waits = states
        .iter()
        .filter_map(|(name, state)| Some(format!("{name}: {}", waits(&state.time_breakdown.as_ref()?.parts))));
    let waits: Vec<String> = waits.collect();
    (!waits.is_empty()).then(|| format!("Wall time by request stage: {}.", waits.join("; ")))
}

/// The stages of requests, the longest first, as shares of the wall time.
fn waits(time_breakdown: &TimeBreakdown) -> String {
    let mut waits: Vec<(f64, String)> = time_breakdown
        .waits
        .iter()
        .map(|wait| {
            ((wait.overlapped_ns + wait.blocked_ns) / time_breakdown.wall_ns.max(1) as f64, name(wait.kind, wait.stage))
        })
        .filter(|(share, _)| *share >= WORTH_A_WORD)
        .collect();
    waits.sort_by(|one, two| two.0.total_cmp(&one.0));
    let words: Vec<String> =
        waits.into_iter().map(|(share, name)| format!("{name} {}", units::percent(share))).collect();
    if words.is_empty() { units::MISSING.to_owned() } else { words.join(", ") }
}

/// A stage of a request in words.
pub fn name(kind: WaitKind, stage: Stage) -> String {
    let kind = match kind {
        WaitKind::Get => "get",
        WaitKind::Put => "put",
    };
    let stage = match (kind, stage) {
        (_, Stage::Queue) => "queued",
        (_, Stage::Body) => "body",
        (_, Stage::Local) => "local",
        ("put", Stage::Remote) => "upload",
        (_, Stage::Remote) => "remote",
        (_, Stage::Respond) => "answer",
    };
    format!("{kind} {stage}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::time_breakdown::StdinStalls;
    use crate::results::time_breakdown::Wait;

    #[test]
    fn a_row_has_the_parts_and_the_sentence_the_stages() {
        let wait = |kind, stage, overlapped_ns, blocked_ns| Wait {
            kind,
            stage,
            overlapped_ns,
            blocked_ns,
            lost_ns: 0.0,
            lost_by_others_ns: 0.0,
        };
        let time_breakdown = TimeBreakdown {
            wall_ns: 1000,
            startup_ns: 5,
            handshake_ns: 5,
            go_only_ns: 500,
            overlapped_ns: 200,
            blocked_ns: 250,
            close_ns: 30,
            exit_ns: 10,
            workers: 2,
            cores: 2,
            waits: vec![
                wait(WaitKind::Get, Stage::Local, 9.0, 0.0),
                wait(WaitKind::Get, Stage::Remote, 100.0, 250.0),
                wait(WaitKind::Put, Stage::Remote, 91.0, 0.0),
            ],
            stdin_stalls: StdinStalls::default(),
        };
        assert_eq!(waits(&time_breakdown), "get remote 35 %, put upload 9.1 %");
        let cells = row("remote-hit", &RoundBreakdown { folder: "remote-hit/4".to_owned(), parts: time_breakdown });
        assert_eq!(cells, ["remote-hit, round 4", "1.0 µs", "1 %", "50 %", "20 %", "25 %", "3 %", "1 %"]);
    }
}
