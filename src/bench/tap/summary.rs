//! The summary of a session that was seen from outside.

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use gocacheprog::telemetry::{ClosedBy, ProgramExit, ProgramSeen, Resources, SCHEMA, SessionSummary};

use crate::tap::records::Records;
use crate::tap::tapped::Tapped;

/// A session at its end.
pub struct Session<'a> {
    pub records: &'a mut Records,
    pub tapped: &'a Tapped,
    pub resources: Option<Resources>,
}

/// The summary. What only the program itself knows, such as its traffic, is 0 or `None`.
pub fn summary(session: &mut Session<'_>) -> SessionSummary {
    let seen = all_seen(session);
    let recorder = session.records.recorder();
    let now_ns = recorder.clock().now_ns();
    // Of the program and those of its children that it waited for; nothing while it runs.
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok().filter(|_| seen.exit.is_some());
    SessionSummary {
        schema: SCHEMA,
        pid: std::process::id(),
        strategy: None,
        start_unix_ns: recorder.clock().start_unix_ns(),
        handshake_ns: seen.handshake_ns.unwrap_or_default(),
        wall_ns: seen.stdout_end_ns.unwrap_or(now_ns),
        counts: recorder.counts(),
        bytes_down: 0,
        bytes_up: 0,
        remote_requests: 0,
        remote_errors: 0,
        most_downloads: None,
        unpack_ns: 0,
        unpack_cpu_ns: 0,
        remote_off: None,
        remote_off_remembered: false,
        uploads_done: 0,
        uploads_left: 0,
        get_ns: recorder.latency("get"),
        put_ns: recorder.latency("put"),
        cpu_user_ns: usage.map(|usage| usage.user_time().num_nanoseconds().cast_unsigned()),
        cpu_system_ns: usage.map(|usage| usage.system_time().num_nanoseconds().cast_unsigned()),
        close_cpu_ns: None,
        close_sending_ns: None,
        close_compressing_ns: None,
        close_run_queue_wait_ns: None,
        render_cpu_ns: None,
        peak_rss_bytes: usage.and_then(peak_rss_bytes),
        closed_by: closed_by(&seen),
        error: error(&seen),
        resources: session.resources.take(),
        injected_delay: None,
        cpu_profile: None,
        seen: Some(Box::new(seen)),
    }
}

/// Linux counts in KiB, macOS in bytes.
fn peak_rss_bytes(usage: Usage) -> Option<u64> {
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    u64::try_from(usage.max_rss()).ok().map(|peak| peak * unit)
}

/// What was seen of the program, with what only the threads know.
fn all_seen(session: &mut Session<'_>) -> ProgramSeen {
    let tapped = session.tapped;
    let mut seen = session.records.seen().clone();
    {
        let requests = tapped.requests();
        seen.bytes_from_go = requests.bytes;
        seen.stdin_blocked_ns = requests.blocked_ns;
        seen.longest_stdin_block_ns = requests.longest_block_ns;
    }
    seen.bytes_to_go = tapped.answers().passed;
    seen.stdin_end_ns = tapped.stdin_end_ns.get().copied();
    seen.stdin_closed_ns = tapped.stdin_closed_ns.get().copied();
    seen.stdout_end_ns = tapped.stdout_end_ns.get().copied();
    seen.signals = tapped.signals.lock().expect("no thread of the tap panics").clone();
    seen
}

fn closed_by(seen: &ProgramSeen) -> ClosedBy {
    if seen.stray_lines > 0 || seen.unknown_ids > 0 || seen.unreadable_requests > 0 {
        ClosedBy::Error
    } else if seen.close_answered_ns.is_some() {
        ClosedBy::Close
    } else {
        ClosedBy::Eof
    }
}

/// The first thing that ends a build, in words.
fn error(seen: &ProgramSeen) -> Option<String> {
    if let Some(error) = &seen.start_error {
        return Some(format!("the program could not be started: {error}"));
    }
    if let Some(line) = &seen.first_stray_line {
        return Some(format!("the program wrote a line to its stdout that is no answer: {line}"));
    }
    if let Some(id) = seen.first_unknown_id {
        return Some(format!("the program answered the request {id}, which was not open"));
    }
    // go ends the input of such a program too, but later.
    let ended_first = |end_ns| seen.stdin_end_ns.is_none_or(|input_end_ns| input_end_ns > end_ns);
    if seen.close_ns.is_none() && seen.stdout_end_ns.is_some_and(ended_first) {
        let end = match seen.exit {
            Some(ProgramExit::Code(code)) => format!("it ended with exit code {code}"),
            Some(ProgramExit::Signal(signal)) => format!("it was ended by signal {signal}"),
            None => "it still runs".to_owned(),
        };
        return Some(format!("the program ended its output before go sent close: {end}"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_what_ends_the_build() {
        let error_of = |change: fn(&mut ProgramSeen)| {
            let mut seen = ProgramSeen { stdout_end_ns: Some(5), ..ProgramSeen::default() };
            change(&mut seen);
            error(&seen).unwrap_or_default()
        };
        assert!(error_of(|seen| seen.exit = Some(ProgramExit::Code(3))).ends_with("exit code 3"));
        assert!(error_of(|_| {}).ends_with("it still runs"));
        assert_eq!(error_of(|seen| seen.close_ns = Some(1)), "");
        assert_eq!(error_of(|seen| seen.stdin_end_ns = Some(1)), "");
        assert!(error_of(|seen| seen.first_unknown_id = Some(9)).contains("request 9"));
        assert!(error_of(|seen| seen.first_stray_line = Some("log".to_owned())).ends_with("log"));
    }

    #[test]
    fn only_an_answered_close_is_one() {
        let mut seen = ProgramSeen { close_ns: Some(1), ..ProgramSeen::default() };
        assert_eq!(closed_by(&seen), ClosedBy::Eof);
        seen.close_answered_ns = Some(2);
        assert_eq!(closed_by(&seen), ClosedBy::Close);
        seen.unknown_ids = 1;
        assert_eq!(closed_by(&seen), ClosedBy::Error);
    }
}
