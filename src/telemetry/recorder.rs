//! The recorder: takes what a session does, into memory; counts, latencies, wall profile and request log come from it.

use std::sync::{Mutex, MutexGuard, OnceLock};

use crate::note::note;
use crate::protocol::Request;
use crate::telemetry::folder::session_folder::SessionFolder;
use crate::telemetry::model::answer::Answer;
use crate::telemetry::model::clock::Clock;
use crate::telemetry::model::counts::Counts;
use crate::telemetry::profile::latencies::{Latencies, Latency};
use crate::telemetry::profile::wall::WallProfile;
use crate::telemetry::request_log::writer::{RequestLines, RequestLog};
use crate::telemetry::trace::file::Drawing;

/// Which of the recorder's files are written.
#[derive(Clone, Copy, Debug)]
pub struct Switches {
    /// `request.txt`.
    pub request_log: bool,
    /// Latencies of requests and stages.
    pub histograms: bool,
    /// The requests' part of `pprof/fg.prof`.
    pub wall_profile: bool,
}

/// So many lines in memory call for a flush: with what the trace keeps of the same requests, some ten megabytes.
const FULL: usize = 8192;
/// Lines of the log younger than this wait: one of another thread may still have to go before them.
const HOLD_NS: u64 = 50_000_000;

/// Collects the records of one session. Recording takes one short lock and one push: all else is done by
/// [`Recorder::flush`], beside the answers or after them.
pub struct Recorder {
    clock: Clock,
    /// `None` when nothing is recorded.
    lines: Mutex<Option<RequestLines>>,
    /// Called when there are [`FULL`] lines.
    on_full: OnceLock<Box<dyn Fn() + Send + Sync>>,
    written: Mutex<Written>,
}

/// The records that have been made of the lines so far.
struct Written {
    counts: Counts,
    /// `None` when they are not asked for.
    latencies: Option<Latencies>,
    /// `None` when it is not asked for.
    wall: Option<WallProfile>,
    /// `None` without a log.
    log: Option<RequestLog>,
    /// `None` without a trace.
    trace: Option<Drawing>,
}

impl Recorder {
    /// A recorder that writes below `folder` what `switches` ask for, and into the trace; without a folder it records
    /// nothing. A record that cannot be written is given up with one line on stderr.
    pub fn new(clock: Clock, folder: Option<&SessionFolder>, switches: Switches, trace: Option<Drawing>) -> Self {
        let log = match folder {
            Some(folder) if switches.request_log => create_log(folder, &clock),
            _ => None,
        };
        let lines = folder.map(|_| RequestLines::default());
        let wall = switches.wall_profile.then(WallProfile::default);
        let latencies = switches.histograms.then(Latencies::default);
        let written = Written { counts: Counts::default(), latencies, wall, log, trace };
        Self { clock, lines: Mutex::new(lines), on_full: OnceLock::new(), written: Mutex::new(written) }
    }

    /// From now on `call` is called when it is time for a flush, from the thread that answers: it must not take long.
    pub fn on_full(&self, call: impl Fn() + Send + Sync + 'static) {
        // A second one has no meaning.
        let _ = self.on_full.set(Box::new(call));
    }

    /// The session's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Notes a request that arrived at `at_ns`.
    pub fn request(&self, at_ns: u64, request: &Request) {
        self.push(|lines| lines.request(at_ns, request.clone()));
    }

    /// Notes an answer that has been written.
    pub fn answer(&self, answer: Answer) {
        self.push(|lines| lines.answer(answer));
    }

    /// Adds one line, and calls for a flush at each [`FULL`] of them.
    fn push(&self, add: impl FnOnce(&mut RequestLines)) {
        let mut is_full = false;
        if let Some(lines) = &mut *self.lines() {
            add(lines);
            is_full = lines.0.len().is_multiple_of(FULL);
        }
        if is_full && let Some(call) = self.on_full.get() {
            call();
        }
    }

    /// Works up what is in memory: all of it at the end, else the lines that no other will come before.
    pub fn flush(&self, is_end: bool) {
        let mut written = self.written.lock().expect("no recorder panics");
        let until_ns = if is_end { u64::MAX } else { self.clock.now_ns().saturating_sub(HOLD_NS) };
        let mut taken = self.lines().as_mut().map(RequestLines::take).unwrap_or_default();
        let held = taken.split_off(until_ns);
        if let Some(lines) = &mut *self.lines() {
            lines.put_back(held);
        }
        written.add(&taken);
        if is_end && let Some(error) = written.log.as_ref().and_then(RequestLog::failure) {
            note(format_args!("the request log is not complete: {error}"));
        }
    }

    /// Counts, up to the last flush.
    pub fn counts(&self) -> Counts {
        self.written().counts
    }

    /// Latency of the requests of one kind, up to the last flush; `None` without one.
    pub fn latency(&self, kind: &str) -> Option<Latency> {
        self.written().latencies.as_ref()?.of(kind)
    }

    /// Latencies of the requests and their stages, up to the last flush, if they were asked for.
    pub fn latencies(&self) -> Option<Latencies> {
        self.written().latencies.clone()
    }

    /// Where the time of the requests went, up to the last flush, if that was asked for.
    pub fn wall_profile(&self) -> Option<WallProfile> {
        self.written().wall.clone()
    }

    fn lines(&self) -> MutexGuard<'_, Option<RequestLines>> {
        self.lines.lock().expect("no recorder panics")
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().expect("no recorder panics")
    }
}

fn create_log(folder: &SessionFolder, clock: &Clock) -> Option<RequestLog> {
    let path = folder.file("request.txt");
    let log = RequestLog::create(&path, clock);
    log.inspect_err(|error| note(format_args!("no request log: {}: {error}", path.display()))).ok()
}

impl Written {
    fn add(&mut self, lines: &RequestLines) {
        for answer in lines.answers() {
            self.counts.add(answer);
            if let Some(latencies) = &mut self.latencies {
                latencies.add(answer);
            }
            if let Some(wall) = &mut self.wall {
                wall.add_request(answer);
            }
        }
        if let Some(trace) = &self.trace {
            let mut trace = trace.lock().expect("no trace writer panics");
            lines.answers().filter(|answer| answer.was_at_once()).for_each(|answer| trace.request(answer));
        }
        if let Some(log) = &mut self.log {
            log.write(lines);
        }
    }
}
