//! Rules about the backend itself: its start, its reader, its locks, its store and its processor time.

use crate::analysis::verdict::evidence::{SATURATED, Seen};
use crate::analysis::verdict::finding::{Bottleneck, Evidence, Finding, Quantity};
use crate::analysis::verdict::waits::of_wait;
use crate::results::time_breakdown::{Stage, WaitKind};
use crate::scenario::rule::Rule;

/// Longest time of a handshake that is not worth a word, nanoseconds.
const HANDSHAKE_NS: u64 = 10_000_000;

/// go waits for the first line of the backend.
pub fn handshake(seen: &Seen<'_>) -> Option<Finding> {
    let took_ns = seen.time_breakdown.handshake_ns;
    let took = seen.in_results(Quantity::HandshakeTime, took_ns as f64, ".time_breakdown.handshake_ns");
    let evidence = vec![took.part(took_ns.saturating_sub(HANDSHAKE_NS) as f64)];
    Some(Finding::new(Rule::Handshake, Bottleneck::Handshake { took_ns }, evidence))
}

/// stdin is not read while a request waits for the remote.
pub fn reader(seen: &Seen<'_>) -> Option<Finding> {
    let reader = seen.time_breakdown.stdin_stalls;
    if reader.kept_by_remote_ns == 0 {
        return None;
    }
    let blocked_ns = reader.kept_by_remote_ns;
    let blocked =
        seen.in_results(Quantity::ReaderBlocked, blocked_ns as f64, ".time_breakdown.stdin_stalls.kept_by_remote_ns");
    let mut evidence = vec![blocked.part(seen.kept_ns(blocked_ns))];
    for wait in seen.time_breakdown.waits.iter().filter(|wait| wait.stage == Stage::Queue) {
        evidence.push(of_wait(seen, wait).part(wait.lost_ns));
    }
    evidence.push(seen.in_results(Quantity::RequestsInPipe, reader.kept as f64, ".time_breakdown.stdin_stalls.kept"));
    Some(Finding::new(Rule::Reader, Bottleneck::Reader, evidence))
}

/// Requests that wait for a lock: gets wait outside of any span, and no two downloads run at the same time.
pub fn lock(seen: &Seen<'_>) -> Option<Finding> {
    if !seen.is_one_at_a_time() {
        return None;
    }
    let cost_ns = seen.gets.unnamed_ns;
    let query =
        "[.time_breakdown.waits[] | select(.kind == \"get\" and .stage == \"remote\") | .lost_by_others_ns] | add";
    let evidence = vec![
        seen.in_results(Quantity::CostOfLock, cost_ns, query).part(cost_ns),
        seen.in_session(Quantity::MostDownloads, 1.0, ".most_downloads"),
    ];
    Some(Finding::new(Rule::Lock, Bottleneck::Lock, evidence))
}

/// Files that take long to be written: those of puts, and those that come out of packs.
pub fn local_disk(seen: &Seen<'_>) -> Option<Finding> {
    let mut evidence = of_puts(seen);
    let session = seen.session;
    if session.unpack_ns > 0 {
        let asleep_ns = session.unpack_ns - session.unpack_cpu_ns.min(session.unpack_ns);
        let found = seen.in_session(Quantity::UnpackAsleep, asleep_ns as f64, ".unpack_ns - .unpack_cpu_ns");
        evidence.push(found.part(seen.gets.unpack_ns * asleep(seen)));
    }
    if let Some(ns) = run_queue_wait_ns(seen) {
        let query = ".resources.backend.run_queue_wait_ns";
        evidence.push(seen.in_session(Quantity::BackendRunQueueWait, ns as f64, query));
    }
    if let Some(ns) = session.resources.as_ref().and_then(|resources| resources.host.io_pressure_ns) {
        evidence.push(seen.in_session(Quantity::DiskPressure, ns as f64, ".resources.host.io_pressure_ns"));
    }
    if evidence.iter().all(|found| found.part_ns.is_none()) {
        return None;
    }
    Some(Finding::new(Rule::LocalDisk, Bottleneck::LocalDisk, evidence))
}

/// The cost of storing puts: in their own requests, and in the requests that waited in the pipe meanwhile.
fn of_puts(seen: &Seen<'_>) -> Vec<Evidence> {
    let kept_by_ns = seen.time_breakdown.stdin_stalls.kept_by_local_ns;
    let lost_ns = seen.lost_ns(WaitKind::Put, Stage::Local);
    let most_ns = seen.open_ns(WaitKind::Put, Stage::Local);
    let mut evidence = Vec::new();
    for wait in seen.time_breakdown.waits.iter().filter(|wait| (wait.kind, wait.stage) == (WaitKind::Put, Stage::Local))
    {
        evidence.push(of_wait(seen, wait).part(wait.lost_ns));
    }
    let kept_ns = seen.kept_ns(kept_by_ns).min(most_ns - lost_ns);
    if kept_ns > 0.0 {
        let query = ".time_breakdown.stdin_stalls.kept_by_local_ns";
        evidence.push(seen.in_results(Quantity::ReaderBlocked, kept_by_ns as f64, query).part(kept_ns));
    }
    if seen.spans("local.write").count > 0 {
        evidence.push(seen.in_span_means(Quantity::MeanWrite, "local.write"));
    }
    evidence
}

/// Packs that have to be decompressed, checked and stored before a get is answered.
pub fn unpacking(seen: &Seen<'_>) -> Option<Finding> {
    let cpu_ns = seen.session.unpack_cpu_ns;
    if cpu_ns == 0 {
        return None;
    }
    let all_ns = seen.gets.unpack_ns;
    let evidence = vec![
        seen.in_verdict(Quantity::CostOfUnpacking, all_ns, ".gets.unpack_ns").part(unpacking_ns(seen)),
        seen.in_session(Quantity::UnpackCpu, cpu_ns as f64, ".unpack_cpu_ns"),
    ];
    Some(Finding::new(Rule::Unpacking, Bottleneck::Unpacking, evidence))
}

fn unpacking_ns(seen: &Seen<'_>) -> f64 {
    seen.gets.unpack_ns * (1.0 - asleep(seen))
}

/// The share of the time of taking packs apart in which a thread neither worked nor waited for a core.
fn asleep(seen: &Seen<'_>) -> f64 {
    let (all_ns, cpu_ns) = (seen.session.unpack_ns, seen.session.unpack_cpu_ns);
    if all_ns == 0 {
        return 0.0;
    }
    // Threads wait for cores as they use them.
    let of_cpu = cpu_ns as f64 / cpu_in_all_ns(seen).unwrap_or(cpu_ns).max(1) as f64;
    let queued_ns = run_queue_wait_ns(seen).unwrap_or(0) as f64 * of_cpu.min(1.0);
    (all_ns.saturating_sub(cpu_ns) as f64 - queued_ns).max(0.0) / all_ns as f64
}

fn cpu_in_all_ns(seen: &Seen<'_>) -> Option<u64> {
    Some(seen.session.cpu_user_ns?.saturating_add(seen.session.cpu_system_ns?))
}

/// How long threads of the backend were ready and had no core.
fn run_queue_wait_ns(seen: &Seen<'_>) -> Option<u64> {
    seen.session.resources.as_ref()?.backend.as_ref()?.run_queue_wait_ns
}

/// The backend takes cores that go needs.
pub fn backend_cpu(seen: &Seen<'_>) -> Option<Finding> {
    let busy = seen.busy().filter(|busy| *busy >= SATURATED)?;
    let used_ns = cpu_in_all_ns(seen)?.saturating_sub(seen.session.close_cpu_ns?);
    // The CPU time of unpacking that gets wait for is counted by the rule on unpacking.
    let part_ns = used_ns as f64 / seen.cores() - unpacking_ns(seen);
    let query = ".cpu_user_ns + .cpu_system_ns - .close_cpu_ns";
    let evidence = vec![seen.in_session(Quantity::BackendCpu, used_ns as f64, query).part(part_ns), seen.in_busy(busy)];
    Some(Finding::new(Rule::BackendCpu, Bottleneck::BackendCpu { used_ns }, evidence))
}
