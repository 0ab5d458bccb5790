//! Rules about the backend itself: its start, its reader, its locks, its store and its processor time.

use crate::bench::analysis::verdict::evidence::{Of, SATURATED, Seen, mean_ns};
use crate::bench::analysis::verdict::rules::{Evidence, Finding, ms};
use crate::bench::results::time_breakdown::{Stage, WaitKind};

/// What a handshake may take.
const HANDSHAKE_NS: u64 = 10_000_000;

/// go waits for the first line of the backend.
pub fn handshake(seen: &Seen<'_>) -> Option<Finding> {
    let took_ns = seen.account.handshake_ns;
    let saves_ns = took_ns.saturating_sub(HANDSHAKE_NS);
    Some(Finding {
        rule: "handshake",
        title: format!("the handshake comes after {}", ms(took_ns as f64)),
        seen: vec![seen.in_results(
            format!("{} until the handshake was out", ms(took_ns as f64)),
            took_ns as f64,
            ".time_breakdown.handshake_ns",
        )],
        why: "go does nothing before it, in each of its commands".to_owned(),
        next: "handshake first; credentials, connections and indexes after it".to_owned(),
        saves_ns: Some(saves_ns),
        caveats: Vec::new(),
    })
}

/// stdin is not read while a request waits for the remote.
pub fn reader(seen: &Seen<'_>) -> Option<Finding> {
    let reader = seen.account.stdin_stalls;
    (reader.kept_by_remote_ns > 0).then_some(())?;
    let queued_ns = seen.lost_ns(WaitKind::Get, Stage::Queue) + seen.lost_ns(WaitKind::Put, Stage::Queue);
    let saves_ns = seen.kept_ns(reader.kept_by_remote_ns) + queued_ns;
    Some(Finding {
        rule: "reader",
        title: "stdin is not read while a request waits for the remote".to_owned(),
        seen: vec![
            seen.in_results(
                format!("{} requests were in the pipe while the reader stood still", reader.kept),
                reader.kept as f64,
                ".time_breakdown.stdin_stalls.kept",
            ),
            seen.in_results(
                format!("it did for {} while others waited", ms(reader.kept_by_remote_ns as f64)),
                reader.kept_by_remote_ns as f64,
                ".time_breakdown.stdin_stalls.kept_by_remote_ns",
            ),
        ],
        why: "go's other workers wait in the pipe, where nobody sees them".to_owned(),
        next: "read on, and answer from a task what has to wait".to_owned(),
        saves_ns: Some(saves_ns as u64),
        caveats: vec![
            "when they came into the pipe nobody saw: at most when the request before them was read".to_owned(),
        ],
    })
}

/// Requests that wait for a lock: gets wait for nothing that has a name, and never are two downloads under way.
pub fn lock(seen: &Seen<'_>) -> Option<Finding> {
    seen.is_one_at_a_time().then_some(())?;
    let unnamed = seen.spans("request;get");
    Some(Finding {
        rule: "lock",
        title: "gets wait for a lock that one of them holds while it waits for the remote".to_owned(),
        seen: vec![
            seen.in_spans(
                format!("{} gets waited {} in no stage", unnamed.count, ms(unnamed.wall_ns as f64)),
                "request;get",
                Of::Wall,
            ),
            seen.in_session("1 download at a time at the most".to_owned(), 1.0, ".most_downloads"),
            seen.in_results(
                format!("all but one of those that waited at a time cost {}", ms(seen.gets.unnamed_ns)),
                seen.gets.unnamed_ns,
                "[.time_breakdown.waits[] | select(.kind == \"get\" and .stage == \"remote\") | .lost_by_others_ns] | add",
            ),
        ],
        why: "one at a time takes as many times longer as go has workers".to_owned(),
        next: "hold locks for memory only, never over I/O".to_owned(),
        saves_ns: Some(seen.gets.unnamed_ns as u64),
        caveats: vec!["any queue in which gets wait for each other looks the same".to_owned()],
    })
}

/// Files that take long to be written: those of puts, and those that come out of packs.
pub fn local_disk(seen: &Seen<'_>) -> Option<Finding> {
    let kept_ns = seen.kept_ns(seen.account.stdin_stalls.kept_by_local_ns);
    let puts_ns = (seen.lost_ns(WaitKind::Put, Stage::Local) + kept_ns).min(seen.open_ns(WaitKind::Put, Stage::Local));
    let session = seen.session;
    let saves_ns = puts_ns + seen.gets.unpack_ns * asleep(seen);
    let writes = seen.spans("local.write");
    let of_puts = mean_ns(&writes)
        .map(ms)
        .map(|mean| seen.in_spans(format!("{} bodies of puts, {mean} each", writes.count), "local.write", Of::Mean));
    let of_packs = (session.unpack_ns > 0).then(|| {
        let [all, cpu] = [session.unpack_ns, session.unpack_cpu_ns].map(|ns| ms(ns as f64));
        let what = format!("storing what was in packs took {all}, of which the processor {cpu}");
        seen.in_session(
            what,
            (session.unpack_ns - session.unpack_cpu_ns.min(session.unpack_ns)) as f64,
            ".unpack_ns - .unpack_cpu_ns",
        )
    });
    let pressure_ns = session.resources.as_ref().and_then(|resources| resources.host.io_pressure_ns);
    let pressure = pressure_ns.map(|ns| {
        seen.in_session(
            format!("somebody waited for the disk for {}", ms(ns as f64)),
            ns as f64,
            ".resources.host.io_pressure_ns",
        )
    });
    let queued = run_queue_wait_ns(seen).map(|ns| {
        let what = format!("its threads waited {} for a core", ms(ns as f64));
        seen.in_session(what, ns as f64, ".resources.backend.run_queue_wait_ns")
    });
    let evidence: Vec<Evidence> = of_puts.into_iter().chain(of_packs).chain(queued).chain(pressure).collect();
    (!evidence.is_empty()).then(|| Finding {
        rule: "local-disk",
        title: "what is stored locally waits for the disk".to_owned(),
        seen: evidence,
        why: "an answer comes when its file has its name, and others wait meanwhile".to_owned(),
        next: "no fsync (a body is checked, and can be made again), a faster disk, or tmpfs for --cache-dir".to_owned(),
        saves_ns: Some(saves_ns as u64),
        caveats: vec!["without samples a thread that waits for a core looks as if it waited for the disk".to_owned()],
    })
}

/// Packs that have to be decompressed, checked and stored before a get is answered.
pub fn unpacking(seen: &Seen<'_>) -> Option<Finding> {
    let cpu_ns = seen.session.unpack_cpu_ns;
    (cpu_ns > 0).then(|| Finding {
        rule: "unpacking",
        title: "gets wait until packs are decompressed, checked and stored".to_owned(),
        seen: vec![
            seen.in_session(format!("it took {} of CPU time", ms(cpu_ns as f64)), cpu_ns as f64, ".unpack_cpu_ns"),
            seen.in_saves(format!("waiting for it cost {}", ms(unpacking_ns(seen))), "unpacking", unpacking_ns(seen)),
        ],
        why: "all that go will ask for has to go through the cores once".to_owned(),
        next: "bench --scenario strategies tells what packs without compression take; tmpfs for --cache-dir".to_owned(),
        saves_ns: Some(unpacking_ns(seen) as u64),
        caveats: Vec::new(),
    })
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
    // What gets waited for is counted there.
    let beyond_ns = used_ns as f64 / seen.cores() - unpacking_ns(seen);
    Some(Finding {
        rule: "backend-cpu",
        title: format!("the backend takes {} of CPU time while all cores are in use", ms(used_ns as f64)),
        seen: vec![
            seen.in_session(
                format!("{} of CPU time", ms(used_ns as f64)),
                used_ns as f64,
                ".cpu_user_ns + .cpu_system_ns - .close_cpu_ns",
            ),
            seen.in_busy(busy),
        ],
        why: "what the backend computes go cannot".to_owned(),
        next: "a run with a profile round says on what: its cpu.svg".to_owned(),
        saves_ns: Some(beyond_ns as u64),
        caveats: vec!["what steps back (nice) costs the build less than that".to_owned()],
    })
}
