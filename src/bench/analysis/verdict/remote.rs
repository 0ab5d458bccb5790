//! Rules about the remote: how far it is, how fast it sends, how often it is asked, and what becomes of requests that fail.

use crate::bench::analysis::verdict::evidence::{Of, QUESTIONS, SEVERAL, Seen, mean_ns};
use crate::bench::analysis::verdict::rules;
use crate::bench::analysis::verdict::rules::{Finding, megabytes, ms, share};
use crate::bench::results::time_breakdown::{Stage, WaitKind};
use crate::cache::Strategy;

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
    let all = seen.spans(QUESTIONS);
    let (mean_ns, questions) = (mean_ns(&all)?, all.count);
    Some(Finding {
        rule: "latency",
        title: format!("the remote is far: {} until an answer begins", ms(mean_ns)),
        seen: vec![
            seen.in_spans(
                format!("{questions} downloads waited {} each for their first byte", ms(mean_ns)),
                QUESTIONS,
                Of::Mean,
            ),
            seen.in_spans(format!("{questions} downloads"), QUESTIONS, Of::Count),
            cost(seen, "latency", cost_ns, "for first bytes"),
        ],
        why: "go asks for one thing a core at a time, so it cannot hide how long an answer takes to begin".to_owned(),
        next: what_if(seen, "latency-0"),
        saves_ns: Some(cost_ns as u64),
        caveats: vec!["a part of it is the server's own time".to_owned()],
    })
}

/// Answers that come in slowly.
pub fn bandwidth(seen: &Seen<'_>) -> Option<Finding> {
    const ANSWERS: &str = "remote.get_pack|remote.get_data|remote.get_meta";
    let cost_ns = of_link(seen, seen.gets.transfer_ns, 0.0);
    let (answers, bytes) = (seen.spans(ANSWERS), seen.session.bytes_down);
    let mean_ns = mean_ns(&answers)?;
    Some(Finding {
        rule: "bandwidth",
        title: format!("the link is narrow: from its first byte on an answer takes {}", ms(mean_ns)),
        seen: vec![
            seen.in_spans(
                format!("{} answers with {} took {} each", answers.count, megabytes(bytes), ms(mean_ns)),
                ANSWERS,
                Of::Mean,
            ),
            seen.in_spans(format!("{} answers", answers.count), ANSWERS, Of::Count),
            seen.in_session(format!("{bytes} bytes came in"), bytes as f64, ".bytes_down"),
            cost(seen, "bandwidth", cost_ns, "for answers on their way"),
        ],
        why: "gets wait for bytes that are on their way".to_owned(),
        next: what_if(seen, "bandwidth-unlimited"),
        saves_ns: Some(cost_ns as u64),
        caveats: vec!["on a link without a limit it is the two ends that take the time".to_owned()],
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
                trips,
                &format!(
                    "([.spans[] | select(.path | test(\"^request;get;(.*;)?({QUESTIONS})$\")) | .count] | add) / \
                     .session.gets"
                ),
            ),
            cost(seen, "round-trips", cost_ns, "for all but one of them"),
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
    let cost_ns = waited_ns * (1.0 - share_left(seen));
    Some(Finding {
        rule: "connections",
        title: "downloads go one after the other over one connection".to_owned(),
        seen: vec![
            seen.in_session("1 download at a time at the most".to_owned(), 1.0, ".most_downloads"),
            seen.in_spans(
                format!("gets waited {} for others to end", ms(seen.spans("wait.turn").wall_ns as f64)),
                "wait.turn",
                Of::Wall,
            ),
            cost(seen, "connections", cost_ns, "that others could have hidden"),
        ],
        why: "what waits for its turn waits for the latency of all before it".to_owned(),
        next: format!("ask for several at the same time: {CONNECTIONS} connections are not too many"),
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
                cost_ns,
                "[.time_breakdown.waits[] | select(.kind == \"put\" and .stage == \"remote\") | .lost_ns] | add // 0",
            ),
            seen.in_session(format!("{} puts", seen.session.counts.puts), seen.session.counts.puts as f64, ".puts"),
        ],
        why: "what depends on a package waits until its put is answered".to_owned(),
        next: match seen.session.strategy {
            Strategy::Workshop => "uploads beside the answers: --strategy pack",
            _ => "a faster link: so much waits to be uploaded that puts wait for room",
        }
        .to_owned(),
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
            seen.in_session(format!("{errors} of {requests} requests failed"), errors as f64, ".remote_errors"),
            seen.in_session(format!("{requests} requests"), requests as f64, ".remote_requests"),
            cost(seen, "remote-errors", cost_ns, "for waits and repeated attempts"),
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
    let (mean_ns, cost_ns) = (mean_ns(&waits)?, too_long_back_off_ns(seen));
    Some(Finding {
        rule: "back-off",
        title: format!("after a failure the backend waits {} before it tries again", ms(mean_ns)),
        seen: vec![
            seen.in_spans(format!("{} waits of {} on average", waits.count, ms(mean_ns)), "back_off", Of::Mean),
            seen.in_spans(format!("{} waits", waits.count), "back_off", Of::Count),
            cost(seen, "back-off", cost_ns, "more than short ones would"),
        ],
        why: "a get waits for the whole of it; a short first wait helps as often".to_owned(),
        next: format!("a first wait of {}", ms(SHORT_BACK_OFF_NS)),
        saves_ns: Some(cost_ns as u64),
        caveats: vec!["a remote that is overloaded needs patience: let the waits grow".to_owned()],
    })
}

/// What is left to be uploaded when go ends.
pub fn close(seen: &Seen<'_>) -> Option<Finding> {
    let at_close = AtClose::of(seen)?;
    Some(Finding {
        rule: "close",
        title: "the end of the build waits for uploads".to_owned(),
        seen: vec![
            took(seen),
            seen.in_session(
                format!("something was sent for {} of it", ms(seen.session.close_sending_ns? as f64)),
                seen.session.close_sending_ns? as f64,
                ".close_sending_ns",
            ),
            seen.in_session(
                format!("{} bytes went out", seen.session.bytes_up),
                seen.session.bytes_up as f64,
                ".bytes_up",
            ),
        ],
        why: "go waits for the answer to its close".to_owned(),
        next: "--detach lets go go on while the rest goes out".to_owned(),
        saves_ns: Some(at_close.sending_ns as u64),
        caveats: vec!["a machine that is thrown away after the build must wait".to_owned()],
    })
}

/// Compression that takes longer than the build.
pub fn compression(seen: &Seen<'_>) -> Option<Finding> {
    let at_close = AtClose::of(seen)?;
    let close_cpu_ns = seen.session.close_cpu_ns?;
    Some(Finding {
        rule: "compression",
        title: "the end of the build waits for the compression of what is uploaded".to_owned(),
        seen: vec![
            took(seen),
            seen.in_session(
                format!("for {} of it nothing but compressing went on", ms(seen.session.close_compressing_ns? as f64)),
                seen.session.close_compressing_ns? as f64,
                ".close_compressing_ns",
            ),
            seen.in_session(
                format!("the backend used {} of CPU time in it", ms(close_cpu_ns as f64)),
                close_cpu_ns as f64,
                ".close_cpu_ns",
            ),
        ],
        why: "a core can compress less in the same time than the build puts".to_owned(),
        next: "a lower level of zstd: 3 is near to its best size, and 1 takes half of the time".to_owned(),
        saves_ns: Some(at_close.compressing_ns as u64),
        caveats: Vec::new(),
    })
}

fn took(seen: &Seen<'_>) -> rules::Evidence {
    let close_ns = seen.account.close_ns as f64;
    seen.in_results(format!("close took {}", of_wall(seen, close_ns)), close_ns, ".time_breakdown.close_ns")
}

/// What the end of a build waited for, nanoseconds of the wall clock.
pub struct AtClose {
    pub sending_ns: f64,
    pub compressing_ns: f64,
    /// Beside these, the time in which one of them could have gone on, but others had the cores.
    pub starved_ns: f64,
}

impl AtClose {
    /// None where the backend did not tell.
    pub fn of(seen: &Seen<'_>) -> Option<AtClose> {
        let session = seen.session;
        let (sending_ns, compressing_ns) = (session.close_sending_ns? as f64, session.close_compressing_ns? as f64);
        // Two clocks: what uploads were busy with is no longer than what go saw of it.
        let scale = (seen.account.close_ns as f64 / (sending_ns + compressing_ns).max(1.0)).min(1.0);
        let busy_ns = (sending_ns + compressing_ns) * scale;
        let asleep_ns = (busy_ns - session.close_cpu_ns.map_or(busy_ns, |ns| ns as f64)).max(0.0);
        let starved_ns = session.close_run_queue_wait_ns.map_or(0.0, |ns| asleep_ns.min(ns as f64));
        let scale = scale * (1.0 - starved_ns / busy_ns.max(1.0));
        Some(AtClose { sending_ns: sending_ns * scale, compressing_ns: compressing_ns * scale, starved_ns })
    }
}

/// What long waits before other attempts cost more than short ones would.
fn too_long_back_off_ns(seen: &Seen<'_>) -> f64 {
    let mean_ns = mean_ns(&seen.spans("back_off")).unwrap_or(0.0);
    if mean_ns < LONG_BACK_OFF_NS { 0.0 } else { seen.gets.back_off_ns * (1.0 - SHORT_BACK_OFF_NS / mean_ns) }
}

/// Whether packs were fetched one after the other, though several of go's workers could have waited for several: a get that
/// asks by itself, or a reader that stands still, makes them so too.
pub fn is_serial(seen: &Seen<'_>) -> bool {
    const MUCH: f64 = 0.05;
    let kept = seen.account.stdin_stalls.kept_by_remote_ns as f64 / seen.account.wall_ns.max(1) as f64;
    let is_of_packs = seen.trips().is_none() && seen.account.workers > 1;
    seen.session.most_downloads == Some(1) && seen.downloads() >= SEVERAL && is_of_packs && kept <= MUCH
}

/// What the link itself has of a wait: where downloads waited for each other, the part that is left with enough
/// connections.
fn of_link(seen: &Seen<'_>, waited_ns: f64, manifests_ns: f64) -> f64 {
    if is_serial(seen) { manifests_ns + (waited_ns - manifests_ns) * share_left(seen) } else { waited_ns }
}

/// The share of the waiting for downloads that is left with enough connections: the first is asked for alone, because only a
/// get tells what is needed, and then as many at a time as there are connections.
fn share_left(seen: &Seen<'_>) -> f64 {
    let packs = seen.spans("remote.get_pack;first_byte").count.max(1) as f64;
    ((1.0 + ((packs - 1.0) / CONNECTIONS).ceil()) / packs).min(1.0)
}

/// By what latency's own share is divided where several questions hang on each other.
fn trips(seen: &Seen<'_>) -> f64 {
    seen.trips().filter(|trips| *trips >= MORE_THAN_ONE).unwrap_or(1.0)
}

/// The command that measures what a change would bring.
fn what_if(seen: &Seen<'_>, change: &str) -> String {
    let strategy = match seen.session.strategy {
        Strategy::Pack => String::new(),
        other => format!(" --strategy {}", other.name()),
    };
    format!(
        "bench what-if --state {} --change {change}{strategy}, with this run's other arguments",
        seen.round.step.state
    )
}

fn cost(seen: &Seen<'_>, rule: &str, cost_ns: f64, what: &str) -> rules::Evidence {
    seen.in_saves(format!("waiting {what} cost {}", of_wall(seen, cost_ns)), rule, cost_ns)
}

fn of_wall(seen: &Seen<'_>, ns: f64) -> String {
    format!("{} of {}", ms(ns), ms(seen.account.wall_ns as f64))
}
