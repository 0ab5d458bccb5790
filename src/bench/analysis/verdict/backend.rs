//! Rules about the backend itself: its start, its reader, its locks, its store and its processor time.

use super::seen::Seen;
use super::{Evidence, Finding, ms, share};
use crate::bench::analysis::account::{Stage, WaitKind};

/// What a handshake may take.
const HANDSHAKE_NS: u64 = 10_000_000;
/// From here on cores are as good as all in use.
const SATURATED: f64 = 0.85;

/// go waits for the first line of the backend.
pub fn handshake(seen: &Seen<'_>) -> Option<Finding> {
    let took_ns = seen.account.handshake_ns;
    let saves_ns = took_ns.saturating_sub(HANDSHAKE_NS);
    Some(Finding {
        rule: "handshake",
        title: format!("the handshake comes after {}", ms(took_ns as f64)),
        seen: vec![seen.in_session(format!("{} until the handshake was out", ms(took_ns as f64)), ".handshake_ns")],
        why: "go does nothing before it, in each of its commands".to_owned(),
        next: "handshake first; credentials, connections and indexes after it".to_owned(),
        saves_ns: Some(saves_ns),
        caveats: Vec::new(),
    })
}

/// stdin is not read while a request waits for the remote.
pub fn reader(seen: &Seen<'_>) -> Option<Finding> {
    let reader = seen.account.reader;
    (reader.kept > 0).then_some(())?;
    let queued_ns = seen.lost_ns(WaitKind::Get, Stage::Queue) + seen.lost_ns(WaitKind::Put, Stage::Queue);
    let saves_ns = seen.kept_ns(reader.kept_by_remote_ns) + queued_ns;
    Some(Finding {
        rule: "reader",
        title: "stdin is not read while a request waits for the remote".to_owned(),
        seen: vec![
            seen.in_results(
                format!("{} requests were in the pipe while the reader stood still", reader.kept),
                ".account.reader.kept",
            ),
            seen.in_results(
                format!("it did for {} while others waited", ms(reader.kept_by_remote_ns as f64)),
                ".account.reader.kept_by_remote_ns",
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

/// Requests that wait for a lock.
pub fn lock(seen: &Seen<'_>) -> Option<Finding> {
    let waits = seen.spans("wait.lock");
    (waits.count > 0).then_some(())?;
    Some(Finding {
        rule: "lock",
        title: "requests wait for a lock that one of them holds while it waits for the remote".to_owned(),
        seen: vec![
            seen.in_spans(format!("{} requests waited {} for it", waits.count, ms(waits.wall_ns as f64)), "wait.lock"),
        ],
        why: "one at a time takes as many times longer as go has workers".to_owned(),
        next: "hold locks for memory only, never over I/O".to_owned(),
        saves_ns: Some(seen.gets.lock_ns as u64),
        caveats: Vec::new(),
    })
}

/// Files that take long to be written: those of puts, and those that come out of packs.
pub fn local_disk(seen: &Seen<'_>) -> Option<Finding> {
    let kept_ns = seen.kept_ns(seen.account.reader.kept_by_local_ns);
    let puts_ns = (seen.lost_ns(WaitKind::Put, Stage::Local) + kept_ns).min(seen.open_ns(WaitKind::Put, Stage::Local));
    let session = seen.session;
    let asleep = 1.0 - session.unpack_cpu_ns as f64 / session.unpack_ns.max(1) as f64;
    let saves_ns = puts_ns + seen.gets.unpack_ns * asleep.clamp(0.0, 1.0);
    let writes = seen.spans("local.write");
    let mean = (writes.count > 0).then(|| ms(writes.wall_ns as f64 / writes.count as f64));
    let of_puts =
        mean.map(|mean| seen.in_spans(format!("{} bodies of puts, {mean} each", writes.count), "local.write"));
    let of_packs = (session.unpack_ns > 0).then(|| {
        let [all, cpu] = [session.unpack_ns, session.unpack_cpu_ns].map(|ns| ms(ns as f64));
        seen.in_session(format!("storing what was in packs took {all}, of which the processor {cpu}"), ".unpack_ns")
    });
    let pressure_ns = session.resources.as_ref().and_then(|resources| resources.host.io_pressure_ns);
    let pressure = pressure_ns.map(|ns| {
        let what = format!("somebody waited for the disk in {}", share(ns as f64, seen.account.wall_ns as f64));
        seen.in_session(what, ".resources.host.io_pressure_ns")
    });
    let evidence: Vec<Evidence> = of_puts.into_iter().chain(of_packs).chain(pressure).collect();
    (!evidence.is_empty()).then(|| Finding {
        rule: "local-disk",
        title: "what is stored locally waits for the disk".to_owned(),
        seen: evidence,
        why: "an answer comes when its file has its name, and others wait meanwhile".to_owned(),
        next: "no fsync (a body is checked, and can be made again), a faster disk, or tmpfs for --cache-dir".to_owned(),
        saves_ns: Some(saves_ns as u64),
        caveats: vec!["a thread that waits for a core looks the same as one that waits for the disk".to_owned()],
    })
}

/// The backend takes cores that go needs.
pub fn backend_cpu(seen: &Seen<'_>) -> Option<Finding> {
    let busy = seen.busy().filter(|busy| *busy >= SATURATED)?;
    let used_ns = (seen.session.cpu_user_ns? + seen.session.cpu_system_ns?).saturating_sub(seen.session.close_cpu_ns?);
    Some(Finding {
        rule: "backend-cpu",
        title: format!("the backend takes {} of CPU time while all cores are in use", ms(used_ns as f64)),
        seen: vec![
            seen.in_session(
                format!("{} of CPU time", ms(used_ns as f64)),
                ".cpu_user_ns + .cpu_system_ns - .close_cpu_ns",
            ),
            seen.in_session(format!("cores busy for {}", share(busy, 1.0)), ".resources.host.cpu_ns"),
        ],
        why: "what the backend computes go cannot".to_owned(),
        next: format!("{}/pprof/cpu.svg says on what", seen.round.step.leg),
        saves_ns: Some((used_ns as f64 / seen.cores()) as u64),
        caveats: vec!["what steps back (nice) costs the build less than that".to_owned()],
    })
}
