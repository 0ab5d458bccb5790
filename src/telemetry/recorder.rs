//! The recorder: takes what a session does, into memory; counts, latencies, wall profile and request log come from it.

use std::sync::{Mutex, MutexGuard, OnceLock};

use crate::note::note;
use crate::protocol::{ActionId, OutputId, Request};
use crate::telemetry::request_log::writer::{RequestLines, RequestLog};
use crate::telemetry::trace::recording::Drawing;
use crate::telemetry::{Clock, Latencies, Latency, SessionFolder, WallProfile};

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

/// When a request was where, nanoseconds since the session's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Its first byte was in this process.
    pub arrived_ns: u64,
    /// Work on it began.
    pub started_ns: u64,
    /// Its body was read to the end; as `started_ns` without one.
    pub body_ns: u64,
    /// No moment: how long reading the body waited for go. Not in `request.txt`.
    pub body_waited_ns: u64,
    /// No moment: how long it may have waited in the pipe before, while the reader worked on another one; 0 where it did
    /// not.
    pub kept_ns: u64,
    /// The local store had done its part.
    pub local_ns: u64,
    /// The cache knew the answer; as `local_ns` when nothing else was asked.
    pub decided_ns: u64,
    /// The answer was written.
    pub answered_ns: u64,
}

impl Times {
    /// Of a request without a body on which work has begun.
    pub fn begun(arrived_ns: u64, started_ns: u64) -> Self {
        Self { arrived_ns, started_ns, body_ns: started_ns, ..Self::default() }
    }

    /// From arrival to answer.
    pub fn took_ns(&self) -> u64 {
        self.answered_ns.saturating_sub(self.arrived_ns)
    }

    /// What each stage took: waiting to be worked on, body, local store, remote, writing the answer. Together they are
    /// [`Times::took_ns`].
    pub fn stages_ns(&self) -> [u64; 5] {
        let ends = [self.started_ns, self.body_ns, self.local_ns, self.decided_ns, self.answered_ns];
        let mut begin = self.arrived_ns;
        ends.map(|end| {
            let ns = end.saturating_sub(begin);
            begin += ns;
            ns
        })
    }
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A get, from what was here already. go itself looks for the file: one that is gone is a miss to go.
    HitLocal {
        /// Whether the entry is older than this session, or another helper's.
        is_foreign: bool,
    },
    /// A get, by asking the remote.
    HitRemote,
    /// A get of something that is nowhere.
    Miss,
    /// A put.
    Stored,
    /// The close.
    Closed,
    /// Any request that could not be done.
    Error,
}

impl Outcome {
    /// As the trace has it.
    pub fn words(self) -> &'static str {
        match self {
            Self::HitLocal { .. } => "hit local",
            Self::HitRemote => "hit remote",
            Self::Miss => "miss",
            Self::Stored => "stored",
            Self::Closed => "closed",
            Self::Error => "error",
        }
    }
}

/// One answered request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Its number.
    pub id: i64,
    /// `get`, `put`, `close` or `unknown`.
    pub kind: &'static str,
    /// The action it was about.
    pub action: Option<ActionId>,
    /// The output that was found or put.
    pub output: Option<OutputId>,
    /// Bytes of that output.
    pub bytes: Option<u64>,
    /// How it was answered.
    pub outcome: Outcome,
    /// What was wrong, in the answer with an error.
    pub error: Option<String>,
    /// When.
    pub times: Times,
}

impl Answer {
    /// Whether it was answered without a task, and so without spans.
    pub fn was_at_once(&self) -> bool {
        !matches!(self.kind, "get" | "put") || self.times.local_ns == self.times.decided_ns
    }

    /// The stages of the request in this process: name, begin and end. What it waited for between the local stage and
    /// `respond` has spans of its own.
    pub fn stages(&self) -> impl Iterator<Item = (&'static str, u64, u64)> {
        let Times { arrived_ns, started_ns, body_ns, local_ns, decided_ns, answered_ns, .. } = self.times;
        let local = match self.kind {
            "get" => Some("local.lookup"),
            "put" => Some("local.write"),
            _ => None,
        };
        let stages = [
            Some(("queue", arrived_ns, started_ns)),
            (body_ns > started_ns).then_some(("body", started_ns, body_ns)),
            local.map(|name| (name, body_ns, local_ns)),
            Some(("respond", decided_ns, answered_ns)),
        ];
        stages.into_iter().flatten()
    }
}

/// What was counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Counts {
    /// Gets, answered in any way.
    pub gets: u64,
    /// Gets answered from what was here already.
    pub hits_local: u64,
    /// Gets answered by asking the remote.
    pub hits_remote: u64,
    /// Gets without a result.
    pub misses: u64,
    /// Puts, answered in any way.
    pub puts: u64,
    /// Answers with an error.
    pub errors: u64,
    /// Hits on entries that this session neither put nor fetched before.
    pub hits_not_put_here: u64,
    /// Bytes of stored bodies.
    pub put_bytes: u64,
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

/// What has been made of the lines so far.
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
        let log = folder.filter(|_| switches.request_log).and_then(|folder| {
            let path = folder.file("request.txt");
            RequestLog::create(&path, &clock)
                .inspect_err(|error| note(format_args!("no request log: {}: {error}", path.display())))
                .ok()
        });
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
        if let Some(call) = self.on_full.get().filter(|_| is_full) {
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
        if let Some(error) = written.log.as_ref().and_then(RequestLog::failure).filter(|_| is_end) {
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

impl Counts {
    fn add(&mut self, answer: &Answer) {
        match answer.kind {
            "get" => self.gets += 1,
            "put" => self.puts += 1,
            _ => {}
        }
        match answer.outcome {
            Outcome::HitLocal { is_foreign } => {
                self.hits_local += 1;
                self.hits_not_put_here += u64::from(is_foreign);
            }
            Outcome::HitRemote => {
                self.hits_remote += 1;
                self.hits_not_put_here += 1;
            }
            Outcome::Miss => self.misses += 1,
            Outcome::Stored => self.put_bytes += answer.bytes.unwrap_or(0),
            Outcome::Error => self.errors += 1,
            Outcome::Closed => {}
        }
    }
}
