//! Under which conditions a run was measured, in words.

use crate::bench::analysis::statistics::conditions::Machine;
use crate::bench::analysis::study::summary::{RoundAccount, StateSummary};
use crate::bench::report::text::units;
use crate::bench::results::run::Results;
use crate::bench::scenario::cache_state::CacheState;

/// States by what the breakdown of their time tells.
const TELLING: [CacheState; 3] = [CacheState::RemoteHit, CacheState::LocalHit, CacheState::Cold];
/// Parts of the time below this share are left out.
const WORTH_A_WORD: f64 = 0.01;

/// Why the numbers are not to be quoted; None where they can be.
pub fn warning(machine: Machine) -> Option<String> {
    match machine {
        Machine::Busy(share) => Some(format!(
            "Busy machine (other programs used {} of the CPU): do not quote these numbers",
            units::percent(share)
        )),
        Machine::Noisy(share) => Some(format!(
            "Noisy machine (go differs from itself by {}): do not quote these numbers",
            units::percent(share)
        )),
        Machine::Quiet | Machine::Unknown => None,
    }
}

/// The link, the noise, the machine and the records in one line; where the time of the most telling state went in another.
pub fn lines(results: &Results) -> Vec<String> {
    let summary = &results.summary;
    let noise = match summary.noise_floor {
        Some(floor) => format!("noise ±{}", units::percent(floor.share)),
        None => "noise not measured".to_owned(),
    };
    let machine = summary.machine.map(|machine| match machine {
        Machine::Quiet => "machine quiet",
        Machine::Busy(_) => "machine busy",
        Machine::Noisy(_) => "machine noisy",
        Machine::Unknown => "other programs not measured",
    });
    let records = match (summary.records.sessions, summary.records.disagreements.is_empty()) {
        (0, _) => None,
        (_, true) => Some("records agree"),
        (_, false) => Some("RECORDS DISAGREE"),
    };
    let parts = [Some(link(results)), Some(noise), machine.map(str::to_owned), records.map(str::to_owned)];
    let mut lines = vec![parts.into_iter().flatten().collect::<Vec<String>>().join(" · ")];
    let figures = || summary.states.iter().chain(results.cases.iter().map(|case| &case.figures));
    let telling =
        TELLING.iter().find_map(|state| figures().find(|found| found.state == *state && found.account.is_some()));
    lines.extend(telling.and_then(breakdown));
    lines
}

/// The latency of S3 as it was asked for and as it was measured.
fn link(results: &Results) -> String {
    let Some(link) = results.plan.link else { return "S3 of the S3_ variables".to_owned() };
    if !results.plan.has_one_link() {
        return "each case has its own link to S3".to_owned();
    }
    let link = results.plan.cases.first().and_then(|case| case.link).unwrap_or(link);
    match results.link {
        Some(measured) => {
            format!("S3 latency {} ms (measured {:.1})", link.latency_ms, measured.first_byte_median_ms)
        }
        None => format!("S3 latency {} ms", link.latency_ms),
    }
}

/// Shares of the wall clock of the typical round.
fn breakdown(state: &StateSummary) -> Option<String> {
    let RoundAccount { account, .. } = state.account.as_ref()?;
    let parts = [
        ("startup", account.start_ns + account.handshake_ns + account.end_ns),
        ("go", account.go_ns),
        ("overlapped", account.both_ns),
        ("blocked", account.waiting_ns),
        ("uploads at exit", account.close_ns),
    ];
    let share = |ns: u64| ns as f64 / account.wall_ns.max(1) as f64;
    let parts = parts.into_iter().filter(|(_, ns)| share(*ns) >= WORTH_A_WORD);
    let parts: Vec<String> = parts.map(|(name, ns)| format!("{name} {}", units::percent(share(ns)))).collect();
    Some(format!("{} of {}: {}", units::duration(account.wall_ns as f64), state.state, parts.join(" · ")))
}
