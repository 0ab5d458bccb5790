//! The wall-time breakdown: parts that add up to the whole.

use crate::bench::analysis::study::summary::{RoundAccount, StateSummary};
use crate::bench::analysis::time::time_breakdown::{Account, Stage, WaitKind};
use crate::bench::report::terminal::grid::Grid;
use crate::bench::report::text::cell::Cell;
use crate::bench::report::text::units;

/// Parts below this share of the wall clock are left out of the words.
const WORTH_A_WORD: f64 = 0.01;

/// One row for each state that has a breakdown.
pub fn grid(states: &[(String, &StateSummary)]) -> Grid {
    let rows = states.iter().filter_map(|(name, state)| Some(row(name, state.account.as_ref()?)));
    let header = ["wall-time breakdown", "wall", "go only", "overlapped", "blocked on cache", "close", "startup, exit"];
    Grid::new(&header, rows.collect())
}

fn row(name: &str, of: &RoundAccount) -> Vec<Cell> {
    let RoundAccount { account, folder } = of;
    let share = |ns: u64| units::percent(ns as f64 / account.wall_ns.max(1) as f64);
    let edges = account.start_ns + account.handshake_ns + account.end_ns;
    let named = folder.rsplit_once('/').map_or(name.to_owned(), |(_, round)| format!("{name}, round {round}"));
    let parts = [account.go_ns, account.both_ns, account.waiting_ns, account.close_ns, edges].map(share);
    let wall = units::duration(account.wall_ns as f64);
    [named, wall].into_iter().chain(parts).map(Cell::from).collect()
}

/// The stages of the open requests of each state; None where no state has a breakdown.
pub fn sentence(states: &[(String, &StateSummary)]) -> Option<String> {
    let waits =
        states.iter().filter_map(|(name, state)| Some(format!("{name}: {}", waits(&state.account.as_ref()?.account))));
    let waits: Vec<String> = waits.collect();
    (!waits.is_empty()).then(|| format!("Wall time by request stage: {}.", waits.join("; ")))
}

/// The stages of requests, the longest first, as shares of the wall time.
fn waits(account: &Account) -> String {
    let mut waits: Vec<(f64, String)> = account
        .waits
        .iter()
        .map(|wait| ((wait.both_ns + wait.waiting_ns) / account.wall_ns.max(1) as f64, name(wait.kind, wait.stage)))
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
    use crate::bench::analysis::time::stdin_stalls::Reader;
    use crate::bench::analysis::time::time_breakdown::Wait;

    #[test]
    fn a_row_has_the_parts_and_the_sentence_the_stages() {
        let wait = |kind, stage, both_ns, waiting_ns| Wait {
            kind,
            stage,
            both_ns,
            waiting_ns,
            lost_ns: 0.0,
            lost_by_others_ns: 0.0,
        };
        let account = Account {
            wall_ns: 1000,
            start_ns: 5,
            handshake_ns: 5,
            go_ns: 500,
            both_ns: 200,
            waiting_ns: 250,
            close_ns: 30,
            end_ns: 10,
            workers: 2,
            cores: 2,
            waits: vec![
                wait(WaitKind::Get, Stage::Local, 9.0, 0.0),
                wait(WaitKind::Get, Stage::Remote, 100.0, 250.0),
                wait(WaitKind::Put, Stage::Remote, 91.0, 0.0),
            ],
            reader: Reader::default(),
        };
        assert_eq!(waits(&account), "get remote 35 %, put upload 9.1 %");
        let cells = row("remote-hit", &RoundAccount { folder: "remote-hit/4".to_owned(), account });
        assert_eq!(cells, ["remote-hit, round 4", "1.0 µs", "50 %", "20 %", "25 %", "3.0 %", "2.0 %"]);
    }
}
