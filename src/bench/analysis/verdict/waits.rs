//! The rule about what no other rule looks at: that nothing stands out is only true when it is little.

use super::remote::{AtClose, is_serial};
use super::seen::Seen;
use super::{Evidence, Finding, ms};
use crate::bench::analysis::account::{Stage, Wait, WaitKind};

/// So many of the waits are told one by one.
const MOST: usize = 3;

/// Waits that no other rule explains.
pub fn other_waits(seen: &Seen<'_>) -> Option<Finding> {
    let mut waits = unexplained(seen);
    waits.sort_by(|one, other| other.value.total_cmp(&one.value));
    let all_ns: f64 = waits.iter().map(|wait| wait.value).sum();
    let most = waits.first()?.what.clone();
    waits.truncate(MOST);
    Some(Finding {
        rule: "other-waits",
        title: format!("go waits for the cache where no rule looks: {most}"),
        seen: waits,
        why: "go cannot go on before its answer".to_owned(),
        next: "fg.svg and trace.json of the round show its stages".to_owned(),
        saves_ns: Some(all_ns as u64),
        caveats: vec!["a part of it no cache can do without".to_owned()],
    })
}

/// Each with what it cost, nanoseconds.
fn unexplained(seen: &Seen<'_>) -> Vec<Evidence> {
    let waits = seen.account.waits.iter().filter(|wait| !is_explained(seen, wait));
    let mut all: Vec<Evidence> = waits.map(|wait| of_wait(seen, wait)).collect();
    if !is_serial(seen) {
        let query = format!(".verdicts[] | select(.folder == \"{}\") | .gets.turn_ns", seen.round.folder);
        let (what, value) = (format!("turns of downloads cost {}", ms(seen.gets.turn_ns)), seen.gets.turn_ns);
        all.push(Evidence { what, value, file: "results.json".to_owned(), query });
    }
    let close_ns = seen.account.close_ns as f64;
    let known_ns =
        AtClose::of(seen).map_or(0.0, |at_close| at_close.sending_ns + at_close.compressing_ns + at_close.starved_ns);
    let what = format!("close took {}, {} of it for uploads", ms(close_ns), ms(known_ns));
    let query = "(.account.close_ns - ((.session.close_sending_ns // 0) + (.session.close_compressing_ns // 0))) | [., 0] | max";
    all.push(seen.in_results(what, close_ns - known_ns, query));
    all.retain(|wait| wait.value >= 1.0);
    all
}

/// Whether another rule has it.
fn is_explained(seen: &Seen<'_>, wait: &Wait) -> bool {
    match (wait.kind, wait.stage) {
        (_, Stage::Remote) | (WaitKind::Put, Stage::Local) => true,
        (_, Stage::Queue) => seen.account.reader.kept_by_remote_ns > 0,
        _ => false,
    }
}

fn of_wait(seen: &Seen<'_>, wait: &Wait) -> Evidence {
    let [kind, stage] = [serde_json::json!(wait.kind), serde_json::json!(wait.stage)];
    let filter = format!(".account.waits[] | select(.kind == {kind} and .stage == {stage}) | .lost_ns");
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
