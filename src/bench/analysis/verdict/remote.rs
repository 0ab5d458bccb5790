//! Rules about the remote: how far it is, how fast it sends, how often it is asked, and what becomes of requests that fail.

use super::seen::Seen;
use super::{Finding, ms, share};
use crate::bench::analysis::account::{Stage, WaitKind};

/// Connections that a backend over S3 can well have.
const CONNECTIONS: f64 = 8.0;
/// More questions than this for each get are more than one.
const MORE_THAN_ONE: f64 = 1.3;
/// A wait before another attempt that is too long, nanoseconds on average.
const LONG_BACK_OFF_NS: f64 = 500e6;
/// A short one.
const SHORT_BACK_OFF_NS: f64 = 50e6;

/// Answers that begin late.
pub fn latency(seen: &Seen<'_>) -> Option<Finding> {
    let cost_ns = of_link(seen, seen.gets.first_byte_ns / trips(seen), seen.manifests_ns);
    let (mean_ns, questions) = mean_first_byte(seen)?;
    Some(Finding {
        rule: "latency",
        title: format!("the remote is far: {} until an answer begins", ms(mean_ns)),
        seen: vec![
            seen.in_spans(
                format!("{questions} downloads waited {} each for their first byte", ms(mean_ns)),
                "first_byte",
            ),
            cost(seen, cost_ns, "for first bytes"),
        ],
        why: "go asks for one thing a core at a time, so it cannot hide how long an answer takes to begin".to_owned(),
        next: what_if(seen, "latency-0"),
        saves_ns: Some(cost_ns as u64),
        caveats: vec!["a part of it is the server's own time".to_owned()],
    })
}

/// Answers that come in slowly.
pub fn bandwidth(seen: &Seen<'_>) -> Option<Finding> {
    let cost_ns = of_link(seen, seen.gets.transfer_ns, 0.0);
    let seconds = seen.account.wall_ns as f64 / 1e9;
    let rate = seen.session.bytes_down as f64 * 8.0 / 1e6 / seconds;
    Some(Finding {
        rule: "bandwidth",
        title: format!("the link is narrow: {rate:.1} Mbit/s came in on average"),
        seen: vec![
            seen.in_session(format!("{} bytes came in", seen.session.bytes_down), ".bytes_down"),
            cost(seen, cost_ns, "for answers on their way"),
        ],
        why: "gets wait for bytes that are on their way".to_owned(),
        next: what_if(seen, "bandwidth-unlimited"),
        saves_ns: Some(cost_ns as u64),
        caveats: Vec::new(),
    })
}

/// More than one question for each hit.
pub fn round_trips(seen: &Seen<'_>) -> Option<Finding> {
    let trips = seen.trips().filter(|trips| *trips >= MORE_THAN_ONE)?;
    let cost_ns = seen.gets.first_byte_ns * (trips - 1.0) / trips;
    Some(Finding {
        rule: "round-trips",
        title: format!("each get waits for {trips:.1} requests one after the other"),
        seen: vec![
            seen.in_results(
                format!("{trips:.1} questions a get"),
                "[.spans[] | select(.path | test(\"^request;get;.*(first_byte|stat_meta)$\")) | .count] | add",
            ),
            cost(seen, cost_ns, "for all but one of them"),
        ],
        why: "where one answer names the next question, each adds a whole latency to the hit".to_owned(),
        next: "one object a hit, or an index that is read once: --strategy pack".to_owned(),
        saves_ns: Some(cost_ns as u64),
        caveats: Vec::new(),
    })
}

/// Downloads that wait for each other.
pub fn connections(seen: &Seen<'_>) -> Option<Finding> {
    is_serial(seen).then_some(())?;
    let gets = seen.gets;
    // What was waited for before the first of them no connection hides.
    let waited_ns = gets.turn_ns + gets.first_byte_ns + gets.transfer_ns - seen.manifests_ns;
    let cost_ns = waited_ns * (1.0 - 1.0 / at_once(seen));
    Some(Finding {
        rule: "connections",
        title: "downloads go one after the other over one connection".to_owned(),
        seen: vec![
            seen.in_session("1 download at a time at the most".to_owned(), ".most_downloads"),
            seen.in_spans(
                format!("gets waited {} for others to end", ms(seen.spans("wait.turn").wall_ns as f64)),
                "wait.turn",
            ),
            cost(seen, cost_ns, "that others could have hidden"),
        ],
        why: "what waits for its turn waits for the latency of all before it".to_owned(),
        next: what_if(seen, "connections-double"),
        saves_ns: Some(cost_ns as u64),
        caveats: vec![format!("with {CONNECTIONS} connections, if the link has the bandwidth for them")],
    })
}

/// Puts that wait for their uploads.
pub fn upload_in_put(seen: &Seen<'_>) -> Option<Finding> {
    let cost_ns = seen.lost_ns(WaitKind::Put, Stage::Remote);
    Some(Finding {
        rule: "upload-in-put",
        title: "puts wait for their uploads".to_owned(),
        seen: vec![
            seen.in_results(
                format!("uploads inside puts cost {}", of_wall(seen, cost_ns)),
                ".account.waits[] | select(.kind == \"put\" and .stage == \"remote\") | .lost_ns",
            ),
            seen.in_session(format!("{} puts", seen.session.counts.puts), ".puts"),
        ],
        why: "what depends on a package waits until its put is answered".to_owned(),
        next: "uploads beside the answers: --strategy async or pack".to_owned(),
        saves_ns: Some(cost_ns as u64),
        caveats: Vec::new(),
    })
}

/// Requests that fail, and are tried again.
pub fn remote_errors(seen: &Seen<'_>) -> Option<Finding> {
    let (errors, requests) = (seen.session.remote_errors, seen.session.remote_requests);
    (errors > 0).then_some(())?;
    let cost_ns = seen.gets.retry_ns + seen.gets.back_off_ns - too_long_back_off_ns(seen);
    Some(Finding {
        rule: "remote-errors",
        title: format!("{} of the requests fail and are tried again", share(errors as f64, requests as f64)),
        seen: vec![
            seen.in_session(format!("{errors} of {requests} requests failed"), ".remote_errors"),
            cost(seen, cost_ns, "for waits and repeated attempts"),
        ],
        why: "each failure costs a round trip and the wait before the next".to_owned(),
        next: "look at the status codes in the server's log; fewer requests at the same time, or larger objects"
            .to_owned(),
        saves_ns: Some(cost_ns as u64),
        caveats: vec!["what failed for good was a miss: compiling it is not in this time".to_owned()],
    })
}

/// Long waits before another attempt.
pub fn back_off(seen: &Seen<'_>) -> Option<Finding> {
    let waits = seen.spans("back_off");
    (waits.count > 0).then_some(())?;
    let (mean_ns, cost_ns) = (waits.wall_ns as f64 / waits.count as f64, too_long_back_off_ns(seen));
    Some(Finding {
        rule: "back-off",
        title: format!("after a failure the backend waits {} before it tries again", ms(mean_ns)),
        seen: vec![
            seen.in_spans(format!("{} waits of {} on average", waits.count, ms(mean_ns)), "back_off"),
            cost(seen, cost_ns, "more than short ones would"),
        ],
        why: "a get waits for the whole of it; a short first wait helps as often".to_owned(),
        next: format!("a first wait of {}", ms(SHORT_BACK_OFF_NS)),
        saves_ns: Some(cost_ns as u64),
        caveats: vec!["a remote that is overloaded needs patience: let the waits grow".to_owned()],
    })
}

/// What is left to be uploaded when go ends.
pub fn close(seen: &Seen<'_>) -> Option<Finding> {
    let cost_ns = seen.account.close_ns as f64 * (1.0 - compressing(seen)?);
    Some(Finding {
        rule: "close",
        title: "the end of the build waits for uploads".to_owned(),
        seen: vec![
            seen.in_results(format!("close took {}", of_wall(seen, seen.account.close_ns as f64)), ".account.close_ns"),
            seen.in_session(format!("{} bytes went out", seen.session.bytes_up), ".bytes_up"),
        ],
        why: "go waits for the answer to its close".to_owned(),
        next: "--detach lets go go on while the rest goes out".to_owned(),
        saves_ns: Some(cost_ns as u64),
        caveats: vec!["a machine that is thrown away after the build must wait".to_owned()],
    })
}

/// Compression that takes longer than the build.
pub fn compression(seen: &Seen<'_>) -> Option<Finding> {
    let compress = seen.spans("pack.compress");
    (compress.count > 0).then_some(())?;
    let cost_ns = seen.account.close_ns as f64 * compressing(seen)? - starved_ns(seen);
    let close_cpu_ns = seen.session.close_cpu_ns?;
    Some(Finding {
        rule: "compression",
        title: "the end of the build waits for the compression of what is uploaded".to_owned(),
        seen: vec![
            seen.in_results(format!("close took {}", of_wall(seen, seen.account.close_ns as f64)), ".account.close_ns"),
            seen.in_session(format!("the backend used {} of CPU time in it", ms(close_cpu_ns as f64)), ".close_cpu_ns"),
            seen.in_spans(format!("compressing took {} in all", ms(compress.wall_ns as f64)), "pack.compress"),
            seen.in_spans(
                format!("sending took {}", ms(seen.spans("remote.put_pack").wall_ns as f64)),
                "remote.put_pack",
            ),
        ],
        why: "a core can compress less in the same time than the build puts".to_owned(),
        next: "a lower level of zstd: 3 is near to its best size, and 1 takes half of the time".to_owned(),
        saves_ns: Some(cost_ns as u64),
        caveats: Vec::new(),
    })
}

/// The part of an upload's time that compressing has, the rest being on its way: of all, because at the end nothing else is
/// done. None where nothing was uploaded.
fn compressing(seen: &Seen<'_>) -> Option<f64> {
    let ways = ["remote.put_pack", "remote.put_data", "remote.put_meta"];
    let sent_ns: u64 = ways.iter().map(|way| seen.spans(way).wall_ns).sum();
    let compress_ns = seen.spans("pack.compress").wall_ns as f64;
    let all_ns = compress_ns + sent_ns as f64;
    (all_ns > 0.0).then_some(compress_ns / all_ns)
}

/// The part of the end of a build in which compressing could have gone on, but others had the cores.
pub fn starved_ns(seen: &Seen<'_>) -> f64 {
    let compressing_ns = compressing(seen).unwrap_or(0.0) * seen.account.close_ns as f64;
    let worked_ns = seen.session.close_cpu_ns.map_or(compressing_ns, |ns| ns as f64);
    (compressing_ns - worked_ns).max(0.0)
}

/// What long waits before other attempts cost more than short ones would.
fn too_long_back_off_ns(seen: &Seen<'_>) -> f64 {
    let waits = seen.spans("back_off");
    let mean_ns = waits.wall_ns as f64 / waits.count.max(1) as f64;
    if mean_ns < LONG_BACK_OFF_NS { 0.0 } else { seen.gets.back_off_ns * (1.0 - SHORT_BACK_OFF_NS / mean_ns) }
}

/// Whether downloads went one after the other, though nothing before them let them: neither a lock nor a reader that stands
/// still.
fn is_serial(seen: &Seen<'_>) -> bool {
    const SEVERAL: u64 = 3;
    const MUCH: f64 = 0.05;
    let kept = seen.account.reader.kept_by_remote_ns as f64 / seen.account.wall_ns.max(1) as f64;
    let is_held = kept > MUCH || seen.spans("wait.lock").count > 0;
    seen.session.most_downloads == Some(1) && seen.downloads() >= SEVERAL && !is_held
}

/// What the link itself has of a wait: where downloads waited for each other, the part that is left with enough
/// connections.
fn of_link(seen: &Seen<'_>, waited_ns: f64, manifests_ns: f64) -> f64 {
    if is_serial(seen) { manifests_ns + (waited_ns - manifests_ns) / at_once(seen) } else { waited_ns }
}

/// Downloads that could have gone on at the same time.
fn at_once(seen: &Seen<'_>) -> f64 {
    (seen.downloads() as f64).clamp(1.0, CONNECTIONS)
}

/// By what latency's own share is divided where several questions hang on each other.
fn trips(seen: &Seen<'_>) -> f64 {
    seen.trips().filter(|trips| *trips >= MORE_THAN_ONE).unwrap_or(1.0)
}

/// The command that measures what a change would bring.
fn what_if(seen: &Seen<'_>, change: &str) -> String {
    format!("bench what-if --leg {} --change {change}", seen.round.step.leg)
}

/// How long downloads waited for their first byte, on average, and how many.
fn mean_first_byte(seen: &Seen<'_>) -> Option<(f64, u64)> {
    let all = ["first_byte", "remote.stat_meta"].map(|end| seen.spans(end));
    let (count, wall_ns) = (all[0].count + all[1].count, all[0].wall_ns + all[1].wall_ns);
    (count > 0).then(|| (wall_ns as f64 / count as f64, count))
}

fn cost(seen: &Seen<'_>, cost_ns: f64, what: &str) -> super::Evidence {
    seen.in_results(
        format!("waiting {what} cost {}", of_wall(seen, cost_ns)),
        ".account.waits[] | select(.kind == \"get\" and .stage == \"remote\") | .lost_ns",
    )
}

fn of_wall(seen: &Seen<'_>, ns: f64) -> String {
    format!("{} of {}", ms(ns), ms(seen.account.wall_ns as f64))
}
