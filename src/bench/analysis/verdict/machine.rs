//! Rules about the machine: cores that others use, memory that grows, files that stay open, errors.

use crate::analysis::verdict::evidence::{SATURATED, Seen};
use crate::analysis::verdict::finding::{Bottleneck, Finding, Quantity};
use crate::analysis::verdict::remote::CloseWaits;
use crate::scenario::rule::Rule;

/// Growth of memory below this is nothing.
const NOTABLE_BYTES: u64 = 32 << 20;
/// Open files from which the usual limit of 1024 is near.
const MANY_FILES: u64 = 800;

/// Other processes take the cores.
pub fn host_cpu(seen: &Seen<'_>) -> Option<Finding> {
    let busy = seen.busy().filter(|busy| *busy >= SATURATED)?;
    let resources = seen.session.resources.as_ref()?;
    let all_ns = resources.host.cpu_ns?;
    let ours = [resources.go.as_ref()?.cpu_ns, resources.backend.as_ref()?.cpu_ns];
    let server_ns = resources.s3.as_ref().and_then(|s3| s3.cpu_ns).unwrap_or(0);
    let ours_ns = ours.into_iter().sum::<Option<u64>>()? + server_ns;
    // In a container the others may have cores that this build cannot use.
    let at_most_ns = seen.session.resources.as_ref()?.interval_ns as f64 * seen.cores() - ours_ns as f64;
    let others_ns = all_ns.saturating_sub(ours_ns).min(at_most_ns.max(0.0) as u64);
    let during_build_ns = (others_ns as f64 - others_at_close_ns(seen, busy)).max(0.0) / seen.cores();
    let build_ns = (seen.time_breakdown.wall_ns.saturating_sub(seen.time_breakdown.close_ns)) as f64;
    // While go waits for something else it needs no core.
    let working = (1.0 - seen.all_lost_ns() / build_ns.max(1.0)).max(0.0);
    let starved_ns = CloseWaits::of(seen).map_or(0.0, |at_close| at_close.starved_ns);
    let run_query = ".resources | [.go, .backend, .s3] | map(.cpu_ns // 0) | add";
    let all = seen.in_session(Quantity::AllCpu, all_ns as f64, ".resources.host.cpu_ns");
    let mut evidence = vec![
        all.part(during_build_ns * working),
        seen.in_session(Quantity::RunCpu, ours_ns as f64, run_query),
        seen.in_busy(busy),
    ];
    if starved_ns > 0.0 {
        let waited_ns = seen.session.close_run_queue_wait_ns.unwrap_or(0) as f64;
        evidence.push(seen.in_session(Quantity::CloseStarved, waited_ns, ".close_run_queue_wait_ns").part(starved_ns));
    }
    let share = others_ns as f64 / (all_ns as f64).max(1.0);
    Some(Finding::new(Rule::HostCpu, Bottleneck::HostCpu { share }, evidence))
}

/// Core time that others used while go waited for its close, nanoseconds: an estimate by the average load, less what the
/// backend used.
fn others_at_close_ns(seen: &Seen<'_>, busy: f64) -> f64 {
    let ours_ns = seen.session.close_cpu_ns.unwrap_or(0) as f64;
    (seen.time_breakdown.close_ns as f64 * seen.cores() * busy.min(1.0) - ours_ns).max(0.0)
}

/// Memory that only grows. No time is lost with it yet.
pub fn memory(seen: &Seen<'_>) -> Option<Finding> {
    let series = &seen.session.resources.as_ref()?.memory;
    let (first, last) = (series.first()?.1, series.last()?.1);
    let half = series[series.len() / 2].1;
    let most = series.iter().map(|(_, bytes)| *bytes).max()?;
    let grown = last.saturating_sub(first);
    // Still growing: a cache that has been filled would not.
    let still_grows = last.saturating_sub(half) >= grown / 4;
    // Bytes that were downloaded or wait to be uploaded may be in memory for a while.
    let beyond = grown.saturating_sub(seen.session.bytes_down.saturating_add(seen.session.bytes_up));
    let is_notable = beyond >= NOTABLE_BYTES && last / 2 >= first && last / 9 >= most / 10 && still_grows;
    let requests = seen.session.counts.gets + seen.session.counts.puts;
    if !is_notable {
        return None;
    }
    let per_request = grown as f64 / requests.max(1) as f64;
    let query = "(.resources.memory | .[-1][1] - .[0][1]) / ([.gets + .puts, 1] | max)";
    let evidence = vec![
        seen.in_session(Quantity::MemoryAtEnd, last as f64, ".resources.memory[-1][1]"),
        seen.in_session(Quantity::MemoryPerRequest, per_request, query),
    ];
    Some(Finding::new(Rule::Memory, Bottleneck::Memory { first_bytes: first, last_bytes: last }, evidence))
}

/// Files that are open at the same time.
pub fn open_files(seen: &Seen<'_>) -> Option<Finding> {
    let most = seen.session.resources.as_ref()?.backend.as_ref()?.peak_open_files?;
    if most < MANY_FILES {
        return None;
    }
    let evidence = vec![seen.in_session(Quantity::OpenFiles, most as f64, ".resources.backend.peak_open_files")];
    Some(Finding::new(Rule::OpenFiles, Bottleneck::OpenFiles { most }, evidence))
}

/// Failures, whether they cost time or not.
pub fn errors(seen: &Seen<'_>) -> Option<Finding> {
    let (failed, uploads_left) = (seen.session.remote_errors, seen.session.uploads_left);
    let errors = seen.session.counts.errors;
    if failed == 0 && uploads_left == 0 && errors == 0 {
        return None;
    }
    let evidence = vec![
        seen.in_session(Quantity::FailedRequests, failed as f64, ".remote_errors"),
        seen.in_session(Quantity::UploadsLeft, uploads_left as f64, ".uploads_left"),
        seen.in_session(Quantity::AnswersWithError, errors as f64, ".errors"),
    ];
    Some(Finding::new(Rule::Errors, Bottleneck::Errors { failed, uploads_left }, evidence))
}
