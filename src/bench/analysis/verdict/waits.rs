//! The rule about waits that no other rule explains: "no bottleneck found" is only true when they are short.

use crate::analysis::verdict::evidence::Seen;
use crate::analysis::verdict::finding::{Bottleneck, Evidence, Finding, Quantity};
use crate::analysis::verdict::remote::{CloseWaits, is_serial};
use crate::results::time_breakdown::{Stage, Wait, WaitKind};
use crate::scenario::rule::Rule;

/// A write that wakes a process on another core takes up to this on virtual machines, nanoseconds.
const WAKING_NS: u64 = 50_000;

/// Waits that no other rule explains.
pub fn other_waits(seen: &Seen<'_>) -> Option<Finding> {
    let mut waits = others(seen);
    waits.sort_by(|one, other| other.part_ns.unwrap_or(0.0).total_cmp(&one.part_ns.unwrap_or(0.0)));
    let first = waits.first()?;
    let bottleneck = Bottleneck::OtherWaits { largest: first.quantity, cost_ns: first.value };
    Some(Finding::new(Rule::OtherWaits, bottleneck, waits))
}

/// Each with its cost beyond what cannot be avoided.
fn others(seen: &Seen<'_>) -> Vec<Evidence> {
    let waits = seen.time_breakdown.waits.iter().filter(|wait| !is_explained(seen, wait));
    let mut all: Vec<Evidence> = waits.map(|wait| of_wait(seen, wait).part(beyond_ns(seen, wait))).collect();
    if !is_serial(seen) {
        let turn_ns = seen.gets.turn_ns;
        all.push(seen.in_verdict(Quantity::CostOfTurns, turn_ns, ".gets.turn_ns").part(turn_ns));
    }
    let known_ns = CloseWaits::of(seen)
        .map_or(0.0, |at_close| at_close.sending_ns + at_close.compressing_ns + at_close.starved_ns);
    let left_ns = seen.time_breakdown.close_ns as f64 - known_ns;
    let query = "(.time_breakdown.close_ns - ((.session.close_sending_ns // 0) + (.session.close_compressing_ns // 0))) | [., 0] | max";
    all.push(seen.in_results(Quantity::CloseUnexplained, left_ns, query).part(left_ns));
    all.retain(|found| found.part_ns.is_some_and(|ns| ns >= 1.0));
    all
}

/// The time of writing answers without the 50 µs in which each write wakes go: go has its answer before the write returns.
fn beyond_ns(seen: &Seen<'_>, wait: &Wait) -> f64 {
    let writes = match (wait.stage, wait.kind) {
        (Stage::Respond, WaitKind::Get) => seen.spans("request;get;respond"),
        (Stage::Respond, WaitKind::Put) => seen.spans("request;put;respond"),
        _ => return wait.lost_ns,
    };
    let woken = (writes.count * WAKING_NS) as f64 / writes.wall_ns.max(1) as f64;
    wait.lost_ns * (1.0 - woken).max(0.0)
}

/// True if another rule explains it.
fn is_explained(seen: &Seen<'_>, wait: &Wait) -> bool {
    match (wait.kind, wait.stage) {
        (_, Stage::Remote) | (WaitKind::Put, Stage::Local) => true,
        (_, Stage::Queue) => seen.time_breakdown.stdin_stalls.kept_by_remote_ns > 0,
        _ => false,
    }
}

/// The cost of the requests of one kind in one stage.
pub fn of_wait(seen: &Seen<'_>, wait: &Wait) -> Evidence {
    let [kind, stage] = [serde_json::json!(wait.kind), serde_json::json!(wait.stage)];
    let filter = format!(".time_breakdown.waits[] | select(.kind == {kind} and .stage == {stage}) | .lost_ns");
    seen.in_results(Quantity::CostOfWait(wait.kind, wait.stage), wait.lost_ns, &filter)
}
