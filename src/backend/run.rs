//! The backend's main: handshake first, everything slow after it, records after go has been released.

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

use crate::backend::arguments::backend_args::BackendArgs;
use crate::backend::folders::Folders;
use crate::backend::session::at_close::AtClose;
use crate::backend::session::capture::Tee;
use crate::backend::session::in_flight::InFlight;
use crate::backend::session::io;
use crate::backend::session::records::{InstrumentResults, Records};
use crate::backend::session::serve::{End, Session};
use crate::backend::session::turns;
use crate::backend::session::turns::Turns;
use crate::cache::remote::s3_config::config as s3_config;
use crate::cache::{Cache, LocalStore, Remote, Traffic, UploadCounts, Uploads};
use crate::config::Unreadable;
use crate::note;
use crate::note::note;
use crate::platform;
use crate::platform::fault_injection;
use crate::platform::fault_injection::SessionFaults;
use crate::platform::{Usage, usage};
use crate::protocol::{FrameReader, ProtocolError, Response, ResponseWriter};
use crate::telemetry::{Clock, ClosedBy, CpuProfile, CpuProfileMode, SCHEMA, SessionSummary, since};

/// Threads for requests that wait for the remote.
const WORKERS: usize = 2;

/// Runs one session on this process's stdin and stdout, and ends the process. Anything but a clean end gives a non-zero
/// exit code. `unreadable`: settings whose defaults are used.
pub fn main(args: &BackendArgs, unreadable: &[Unreadable]) -> ! {
    platform::raise_open_files_limit();
    let is_clean = run(args, unreadable).unwrap_or_else(|error| {
        note(format_args!("{error:#}"));
        false
    });
    // Not by returning: a runtime waits for a name look-up under way, and whoever waits for us would wait too.
    std::process::exit(i32::from(!is_clean))
}

/// Runs the session; false if the input was not of the protocol to its end.
fn run(args: &BackendArgs, unreadable: &[Unreadable]) -> anyhow::Result<bool> {
    if args.heap_profile && !args.no_records && !platform::heap::is_profiled() {
        // The allocator has to know it when the process starts.
        note(format_args!("no heap profile: {}", platform::heap::restart_profiled()));
    }
    let clock = Clock::start();
    let (stdout, stdout_copy) = Tee::new(io::take_stdout()?);
    let writer = ResponseWriter::new(stdout);
    let is_profiled_first = args.cpu_profile == CpuProfileMode::First && !args.no_records && !args.heap_profile;
    let profile = is_profiled_first.then(CpuProfile::start).flatten();
    fault_injection::delay_handshake(args.faults());
    writer.send(&Response::HANDSHAKE)?;
    let handshake_ns = clock.now_ns();
    if !args.quiet {
        note::line("CacheProg used.");
    }
    unreadable.iter().for_each(note);
    let (stdin, stdin_copy) = Tee::new(io::take_stdin()?);
    let mut reader = FrameReader::new(stdin);
    let folders = Folders::find(args);
    let mut records = Records::start(args, folders.records.as_deref(), clock, profile);
    if args.capture {
        records.capture(&stdin_copy, &stdout_copy);
    }
    let session = Arc::new(start_session(args, &folders.store, &records, writer));
    let of_session = session.clone();
    records.each_second(move || of_session.cache.local().renew_uses());
    let of_session = session.clone();
    records.sample(args, move || of_session.gauges());
    let end = session.serve(&mut reader);
    if let Err(error) = &end {
        note(error);
    }
    let moved = release(&session, &end, &records, args);
    let is_clean = end.is_ok();
    finish(Released { args, clock, handshake_ns, end, moved }, &session, &mut records);
    // Only the end of the process lets go of the session's lock.
    std::mem::forget((records, session));
    Ok(is_clean)
}

fn start_session(args: &BackendArgs, store: &Path, records: &Records, writer: ResponseWriter<Tee>) -> Session {
    let mut remote = remote();
    if remote.is_some() && !turns::allow_a_remote() {
        remote = None;
    }
    Session {
        cache: Cache::new(LocalStore::open(store), remote, &args.options()),
        recorder: records.recorder().clone(),
        writer,
        runtime: LazyLock::new(start_runtime),
        waiting: TaskTracker::new(),
        ending: Arc::default(),
        in_flight: InFlight::default(),
        faults: SessionFaults::new(args.faults(), args.inject_delay.clone()),
        turns: Turns::new(),
    }
}

/// Does what go does not wait for: the records, and order in both stores.
fn finish(released: Released, session: &Session, records: &mut Records) {
    let args = released.args;
    // Before the records, which take longer: the next build may end meanwhile.
    session.cache.local().note_uses();
    records.finish(released.moved.released_ns, |found| released.summary(session, found));
    session.cache.local().remove_stale();
    // Nobody waits for what reads stderr.
    note::let_go_of_stderr();
    session.maintain();
    session.cache.local().trim_when_due(args.limits.limits());
    records.remove_old(args.keep.keep());
}

/// Does what has to be done before go may go on, lets it go on, and sees to what is left.
fn release(session: &Session, end: &Result<End, ProtocolError>, records: &Records, args: &BackendArgs) -> Moved {
    let began = records.interrupted().since().unwrap_or_else(Instant::now);
    // Without a close nobody waits, but for the end of the process.
    let kind = if matches!(end, Ok(End::Close { .. })) { "close" } else { "end of input" };
    let drain = || {
        session.drain(kind, args.drain_deadline.saturating_sub(began.elapsed()));
        session.cache.remember_unsent();
    };
    let before_close = AtClose::now(session);
    if !args.detach {
        drain();
    }
    records.stop_sampling();
    let counts = || session.cache.uploads().map(Uploads::counts).unwrap_or_default();
    let left = if args.detach { 0 } else { counts().left };
    if let Some(line) = session.cache.remote().and_then(|remote| remote.closing_line(left)) {
        note(line);
    }
    if let Ok(End::Close { id, arrived_ns }) = *end {
        session.answer_close(id, arrived_ns);
    }
    session.writer.close();
    let (released_ns, usage) = (session.recorder.clock().now_ns(), usage());
    let at_close = before_close.since(session, usage);
    if args.detach {
        note::let_go_of_stderr();
        drain();
    }
    let remote = session.cache.remote();
    Moved {
        released_ns,
        usage,
        at_close,
        uploads: counts(),
        traffic: remote.map(Remote::traffic).unwrap_or_default(),
        remote_off: remote.and_then(Remote::trouble).map(|reason| reason.to_string()),
        remote_off_remembered: remote.is_some_and(Remote::was_off_before),
    }
}

fn remote() -> Option<Remote> {
    match s3_config::from_env(|name| std::env::var_os(name)) {
        Ok(config) => config.map(Remote::new),
        Err(error) => {
            note(format_args!("{error}; this build works from local disk"));
            None
        }
    }
}

fn start_runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("cacheprog-io")
        .enable_all()
        .build()
        .expect("the system gives a process two threads and an epoll")
}

/// A session at the moment when go was released.
struct Released<'a> {
    args: &'a BackendArgs,
    clock: Clock,
    handshake_ns: u64,
    end: Result<End, ProtocolError>,
    moved: Moved,
}

/// The traffic with the remote when the uploads were over, or their deadline. Later ones go on until the process
/// ends.
struct Moved {
    /// When go could go on, and what had been used by then.
    released_ns: u64,
    usage: Usage,
    /// From the end of the input until then.
    at_close: AtClose,
    uploads: UploadCounts,
    traffic: Traffic,
    remote_off: Option<String>,
    remote_off_remembered: bool,
}

impl Released<'_> {
    fn closed_by(&self) -> ClosedBy {
        match self.end {
            Ok(End::Close { .. }) => ClosedBy::Close,
            Ok(End::EndOfInput) => ClosedBy::Eof,
            Err(_) => ClosedBy::Error,
        }
    }

    fn summary(&self, session: &Session, found: InstrumentResults) -> SessionSummary {
        let counts = session.recorder.counts();
        let Moved { uploads, traffic, remote_off, at_close, .. } = &self.moved;
        SessionSummary {
            schema: SCHEMA,
            pid: std::process::id(),
            strategy: Some(self.args.cache.strategy),
            start_unix_ns: self.clock.start_unix_ns(),
            handshake_ns: self.handshake_ns,
            wall_ns: self.moved.released_ns,
            counts,
            bytes_down: traffic.bytes_down,
            bytes_up: traffic.bytes_up,
            remote_requests: traffic.requests,
            remote_errors: traffic.errors,
            most_downloads: Some(traffic.most_downloads),
            unpack_ns: traffic.unpack_ns,
            unpack_cpu_ns: traffic.unpack_cpu_ns,
            remote_off: remote_off.clone(),
            remote_off_remembered: self.moved.remote_off_remembered,
            uploads_done: uploads.done,
            uploads_left: uploads.left,
            get_ns: session.recorder.latency("get"),
            put_ns: session.recorder.latency("put"),
            cpu_user_ns: self.moved.usage.cpu_user_ns,
            cpu_system_ns: self.moved.usage.cpu_system_ns,
            close_cpu_ns: at_close.cpu_ns,
            close_sending_ns: Some(at_close.uploads.sending.as_nanos() as u64),
            close_compressing_ns: Some(at_close.uploads.compressing.as_nanos() as u64),
            close_run_queue_wait_ns: at_close.run_queue_wait_ns,
            render_cpu_ns: since(self.moved.usage.cpu_ns(), usage().cpu_ns()),
            peak_rss_bytes: self.moved.usage.peak_rss_bytes,
            closed_by: self.closed_by(),
            error: self.end.as_ref().err().map(ToString::to_string),
            resources: found.resources,
            injected_delay: session.faults.delay_summary(),
            cpu_profile: found.profile,
            seen: None,
        }
    }
}
