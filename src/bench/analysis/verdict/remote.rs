//! Rules about the remote: how far it is, how fast it sends, how often it is asked, and what failed requests cost.

use crate::analysis::verdict::evidence::{QUESTIONS, SEVERAL, Seen, mean_ns};
use crate::analysis::verdict::finding::{Action, Bottleneck, Evidence, Finding, Quantity};
use crate::results::time_breakdown::{Stage, WaitKind};
use crate::scenario::rule::Rule;
use gocacheprog::cache::Strategy;

/// Connections that a backend over S3 can well have.
pub const CONNECTIONS: f64 = 8.0;
/// More questions than this for each get are more than one.
const MORE_THAN_ONE: f64 = 1.3;
/// A wait before another attempt that is too long, nanoseconds on average.
const LONG_BACK_OFF_NS: f64 = 500e6;
/// A short one.
pub const SHORT_BACK_OFF_NS: f64 = 50e6;

/// Answers that begin late.
pub fn latency(seen: &Seen<'_>) -> Option<Finding> {
    let first_byte_ns = mean_ns(&seen.spans(QUESTIONS))?;
    let trips = trips(seen);
    let own_ns = seen.gets.first_byte_ns - seen.manifests_ns;
    // No connection hides the wait for the list and the manifests: nothing can be asked for before them.
    let (own_part, manifests_part) = match is_serial(seen) {
        true => ((seen.gets.first_byte_ns / trips - seen.manifests_ns) * share_left(seen), seen.manifests_ns),
        false => (own_ns / trips, seen.manifests_ns / trips),
    };
    let mut evidence =
        vec![of_gets(seen, Quantity::CostOfFirstBytes, own_ns, "first_byte_ns - .manifests_ns").part(own_part)];
    if seen.manifests_ns > 0.0 {
        evidence
            .push(seen.in_verdict(Quantity::CostOfManifests, seen.manifests_ns, ".manifests_ns").part(manifests_part));
    }
    evidence.extend(several_questions(seen));
    Some(Finding::new(Rule::Latency, Bottleneck::Latency { first_byte_ns }, evidence))
}

/// Answers that come in slowly.
pub fn bandwidth(seen: &Seen<'_>) -> Option<Finding> {
    let answer_ns = mean_ns(&seen.spans("remote.get_pack|remote.get_data|remote.get_meta"))?;
    let share = if is_serial(seen) { share_left(seen) } else { 1.0 };
    let evidence = vec![
        of_gets(seen, Quantity::CostOfTransfers, seen.gets.transfer_ns, "transfer_ns")
            .part(seen.gets.transfer_ns * share),
        seen.in_session(Quantity::BytesDown, seen.session.bytes_down as f64, ".bytes_down"),
    ];
    Some(Finding::new(Rule::Bandwidth, Bottleneck::Bandwidth { answer_ns }, evidence))
}

/// More than one question for each hit.
pub fn round_trips(seen: &Seen<'_>) -> Option<Finding> {
    let trips = seen.trips().filter(|trips| *trips >= MORE_THAN_ONE)?;
    let all_ns = seen.gets.first_byte_ns;
    let cost = of_gets(seen, Quantity::CostOfFirstBytes, all_ns, "first_byte_ns").part(all_ns * (trips - 1.0) / trips);
    let evidence = std::iter::once(cost).chain(several_questions(seen)).collect();
    let finding = Finding::new(Rule::RoundTrips, Bottleneck::RoundTrips { requests_per_get: trips }, evidence);
    Some(with_pack(finding, seen))
}

/// Downloads that wait for each other.
pub fn connections(seen: &Seen<'_>) -> Option<Finding> {
    if !is_serial(seen) {
        return None;
    }
    let gets = seen.gets;
    let hidden = 1.0 - share_left(seen);
    let own_ns = gets.first_byte_ns - seen.manifests_ns;
    let evidence = vec![
        of_gets(seen, Quantity::CostOfTurns, gets.turn_ns, "turn_ns").part(gets.turn_ns * hidden),
        of_gets(seen, Quantity::CostOfFirstBytes, own_ns, "first_byte_ns - .manifests_ns").part(own_ns * hidden),
        of_gets(seen, Quantity::CostOfTransfers, gets.transfer_ns, "transfer_ns").part(gets.transfer_ns * hidden),
        seen.in_session(Quantity::MostDownloads, 1.0, ".most_downloads"),
    ];
    Some(Finding::new(Rule::Connections, Bottleneck::Connections, evidence))
}

/// Puts that wait for their uploads.
pub fn upload_in_put(seen: &Seen<'_>) -> Option<Finding> {
    let cost_ns = seen.lost_ns(WaitKind::Put, Stage::Remote);
    let query = "[.time_breakdown.waits[] | select(.kind == \"put\" and .stage == \"remote\") | .lost_ns] | add // 0";
    let evidence = vec![
        seen.in_results(Quantity::CostOfUploadsInPuts, cost_ns, query).part(cost_ns),
        seen.in_session(Quantity::Puts, seen.session.counts.puts as f64, ".puts"),
    ];
    let has_queue = seen.session.strategy.is_some_and(|strategy| strategy != Strategy::Workshop);
    let finding = Finding::new(Rule::UploadInPut, Bottleneck::UploadInPut { has_queue }, evidence);
    Some(if has_queue { finding } else { with_pack(finding, seen) })
}

/// With the command that runs the strategy `pack` instead; a program that is not ours has no strategies.
fn with_pack(finding: Finding, seen: &Seen<'_>) -> Finding {
    match seen.session.strategy {
        Some(_) => finding.with(Action::Strategy { state: seen.round.step.state, strategy: Strategy::Pack }),
        None => finding,
    }
}

/// Requests that fail, and are tried again.
pub fn remote_errors(seen: &Seen<'_>) -> Option<Finding> {
    let (failed, requests) = (seen.session.remote_errors, seen.session.remote_requests);
    if failed == 0 {
        return None;
    }
    let gets = seen.gets;
    let evidence = vec![
        of_gets(seen, Quantity::CostOfRetries, gets.retry_ns, "retry_ns").part(gets.retry_ns),
        of_gets(seen, Quantity::CostOfBackOffs, gets.back_off_ns, "back_off_ns")
            .part(gets.back_off_ns - too_long_back_off_ns(seen)),
        seen.in_session(Quantity::FailedRequests, failed as f64, ".remote_errors"),
        seen.in_session(Quantity::Requests, requests as f64, ".remote_requests"),
    ];
    Some(Finding::new(Rule::RemoteErrors, Bottleneck::RemoteErrors { failed, requests }, evidence))
}

/// Long waits before another attempt.
pub fn back_off(seen: &Seen<'_>) -> Option<Finding> {
    let waits = seen.spans("back_off");
    let mean_ns = mean_ns(&waits)?;
    let evidence = vec![
        of_gets(seen, Quantity::CostOfBackOffs, seen.gets.back_off_ns, "back_off_ns").part(too_long_back_off_ns(seen)),
        seen.in_span_counts(Quantity::BackOffs, "back_off"),
    ];
    Some(Finding::new(Rule::BackOff, Bottleneck::BackOff { mean_ns }, evidence))
}

/// Uploads that are left when go ends.
pub fn close(seen: &Seen<'_>) -> Option<Finding> {
    let at_close = CloseWaits::of(seen)?;
    let sending_ns = seen.session.close_sending_ns? as f64;
    let evidence = vec![
        seen.in_session(Quantity::CloseSending, sending_ns, ".close_sending_ns").part(at_close.sending_ns),
        close_time(seen),
        seen.in_session(Quantity::BytesUp, seen.session.bytes_up as f64, ".bytes_up"),
    ];
    Some(Finding::new(Rule::Close, Bottleneck::Close, evidence))
}

/// Compression that takes longer than the build.
pub fn compression(seen: &Seen<'_>) -> Option<Finding> {
    let at_close = CloseWaits::of(seen)?;
    let compressing_ns = seen.session.close_compressing_ns? as f64;
    let evidence = vec![
        seen.in_session(Quantity::CloseCompressing, compressing_ns, ".close_compressing_ns")
            .part(at_close.compressing_ns),
        close_time(seen),
        seen.in_session(Quantity::CloseCpu, seen.session.close_cpu_ns? as f64, ".close_cpu_ns"),
    ];
    Some(Finding::new(Rule::Compression, Bottleneck::Compression, evidence))
}

fn close_time(seen: &Seen<'_>) -> Evidence {
    seen.in_results(Quantity::CloseTime, seen.time_breakdown.close_ns as f64, ".time_breakdown.close_ns")
}

/// The waits of the end of a build, nanoseconds of the wall clock.
pub struct CloseWaits {
    pub sending_ns: f64,
    pub compressing_ns: f64,
    /// Beside these, the time in which one of them could have gone on, but others had the cores.
    pub starved_ns: f64,
}

impl CloseWaits {
    /// None where the backend did not tell.
    pub fn of(seen: &Seen<'_>) -> Option<CloseWaits> {
        let session = seen.session;
        let (sending_ns, compressing_ns) = (session.close_sending_ns? as f64, session.close_compressing_ns? as f64);
        // Two clocks: what uploads were busy with is no longer than what go saw of it.
        let scale = (seen.time_breakdown.close_ns as f64 / (sending_ns + compressing_ns).max(1.0)).min(1.0);
        let busy_ns = (sending_ns + compressing_ns) * scale;
        let asleep_ns = (busy_ns - session.close_cpu_ns.map_or(busy_ns, |ns| ns as f64)).max(0.0);
        let starved_ns = session.close_run_queue_wait_ns.map_or(0.0, |ns| asleep_ns.min(ns as f64));
        let scale = scale * (1.0 - starved_ns / busy_ns.max(1.0));
        Some(CloseWaits { sending_ns: sending_ns * scale, compressing_ns: compressing_ns * scale, starved_ns })
    }
}

/// The cost of long waits before other attempts beyond that of short ones, nanoseconds.
fn too_long_back_off_ns(seen: &Seen<'_>) -> f64 {
    let mean_ns = mean_ns(&seen.spans("back_off")).unwrap_or(0.0);
    if mean_ns < LONG_BACK_OFF_NS { 0.0 } else { seen.gets.back_off_ns * (1.0 - SHORT_BACK_OFF_NS / mean_ns) }
}

/// True if packs were fetched one after the other, though several of go's workers could have waited for several. False where
/// gets ask for objects of their own or the reader stalls: these put downloads in a row too.
pub fn is_serial(seen: &Seen<'_>) -> bool {
    const MUCH: f64 = 0.05;
    let kept = seen.time_breakdown.stdin_stalls.kept_by_remote_ns as f64 / seen.time_breakdown.wall_ns.max(1) as f64;
    let is_of_packs = seen.trips().is_none() && seen.time_breakdown.workers > 1;
    seen.session.most_downloads == Some(1) && seen.downloads() >= SEVERAL && is_of_packs && kept <= MUCH
}

/// The share of the wait for downloads that would remain with enough connections: the first pack is downloaded alone, because
/// only a get tells which one is needed, and the others as many at a time as there are connections.
fn share_left(seen: &Seen<'_>) -> f64 {
    let packs = seen.spans("remote.get_pack;first_byte").count.max(1) as f64;
    ((1.0 + ((packs - 1.0) / CONNECTIONS).ceil()) / packs).min(1.0)
}

/// Requests in a row per get: latency is charged for one of them only.
fn trips(seen: &Seen<'_>) -> f64 {
    seen.trips().filter(|trips| *trips >= MORE_THAN_ONE).unwrap_or(1.0)
}

/// A part of what waiting for the remote in gets cost.
fn of_gets(seen: &Seen<'_>, quantity: Quantity, value: f64, query: &str) -> Evidence {
    seen.in_verdict(quantity, value, &format!(".gets.{query}"))
}

/// The number of requests a get, where it is more than one.
fn several_questions(seen: &Seen<'_>) -> Option<Evidence> {
    let trips = seen.trips().filter(|trips| *trips >= MORE_THAN_ONE)?;
    let query = format!(
        "([.spans[] | select(.path | test(\"^request;get;(.*;)?({QUESTIONS})$\")) | .count] | add) / .session.gets"
    );
    Some(seen.in_results(Quantity::RequestsPerGet, trips, &query))
}
