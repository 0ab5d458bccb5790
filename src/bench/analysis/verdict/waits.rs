//! The rule about what no other rule looks at: that nothing stands out is only true when it is little.

use crate::bench::analysis::verdict::evidence::Seen;
use crate::bench::analysis::verdict::remote::{AtClose, is_serial};
use crate::bench::analysis::verdict::rules::{Evidence, Finding, ms};
use crate::bench::results::time_breakdown::{Stage, Wait, WaitKind};

/// So many of the waits are told one by one.
const MOST: usize = 3;
/// A write that wakes a process on another core takes up to that on virtual machines.
const WAKING_NS: u64 = 50_000;

/// Waits that no other rule explains.
pub fn other_waits(seen: &Seen<'_>) -> Option<Finding> {
    let mut waits = unexplained(seen);
    waits.sort_by(|one, other| other.0.total_cmp(&one.0));
    let all_ns: f64 = waits.iter().map(|(ns, _)| ns).sum();
    let most = waits.first()?.1.what.clone();
    waits.truncate(MOST);
    Some(Finding {
        rule: "other-waits",
        title: format!("go waits for the cache where no rule looks: {most}"),
        seen: waits.into_iter().map(|(_, evidence)| evidence).collect(),
        why: "go cannot go on before its answer".to_owned(),
        next: "fg.svg and trace.json of the round show its stages".to_owned(),
        saves_ns: Some(all_ns as u64),
        caveats: vec![
            "a part of it no cache can do without: of writing answers what is above 50 µs each counts".to_owned(),
        ],
    })
}

/// Each with what it cost beyond what it has to, nanoseconds.
fn unexplained(seen: &Seen<'_>) -> Vec<(f64, Evidence)> {
    let waits = seen.account.waits.iter().filter(|wait| !is_explained(seen, wait));
    let mut all: Vec<(f64, Evidence)> = waits.map(|wait| (beyond_ns(seen, wait), of_wait(seen, wait))).collect();
    if !is_serial(seen) {
        let turn_ns = seen.gets.turn_ns;
        let what = format!("turns of downloads cost {}", ms(turn_ns));
        all.push((turn_ns, seen.in_verdict(what, turn_ns, ".gets.turn_ns")));
    }
    let close_ns = seen.account.close_ns as f64;
    let known_ns =
        AtClose::of(seen).map_or(0.0, |at_close| at_close.sending_ns + at_close.compressing_ns + at_close.starved_ns);
    let what = format!("close took {}, {} of it for uploads", ms(close_ns), ms(known_ns));
    let query = "(.time_breakdown.close_ns - ((.session.close_sending_ns // 0) + (.session.close_compressing_ns // 0))) | [., 0] | max";
    all.push((close_ns - known_ns, seen.in_results(what, close_ns - known_ns, query)));
    all.retain(|(ns, _)| *ns >= 1.0);
    all
}

/// Of writing answers what is above the time in which the write wakes go: it has its answer before the write returns.
fn beyond_ns(seen: &Seen<'_>, wait: &Wait) -> f64 {
    let writes = match (wait.stage, wait.kind) {
        (Stage::Respond, WaitKind::Get) => seen.spans("request;get;respond"),
        (Stage::Respond, WaitKind::Put) => seen.spans("request;put;respond"),
        _ => return wait.lost_ns,
    };
    let woken = (writes.count * WAKING_NS) as f64 / writes.wall_ns.max(1) as f64;
    wait.lost_ns * (1.0 - woken).max(0.0)
}

/// Whether another rule has it.
fn is_explained(seen: &Seen<'_>, wait: &Wait) -> bool {
    match (wait.kind, wait.stage) {
        (_, Stage::Remote) | (WaitKind::Put, Stage::Local) => true,
        (_, Stage::Queue) => seen.account.stdin_stalls.kept_by_remote_ns > 0,
        _ => false,
    }
}

fn of_wait(seen: &Seen<'_>, wait: &Wait) -> Evidence {
    let [kind, stage] = [serde_json::json!(wait.kind), serde_json::json!(wait.stage)];
    let filter = format!(".time_breakdown.waits[] | select(.kind == {kind} and .stage == {stage}) | .lost_ns");
    let what = format!("{} cost {}", words(wait), ms(wait.lost_ns));
    seen.in_results(what, wait.lost_ns, &filter)
}

fn words(wait: &Wait) -> &'static str {
    match (wait.kind, wait.stage) {
        (_, Stage::Queue) => "requests before they are looked at",
        (_, Stage::Body) => "reading the bodies of puts",
        (WaitKind::Get, Stage::Local) => "looking up gets locally",
        (WaitKind::Put, Stage::Local) => "storing puts",
        (_, Stage::Remote) => "the remote",
        (_, Stage::Respond) => "writing answers",
    }
}
