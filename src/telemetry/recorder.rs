//! The recorder: takes what a session does, into memory; counts, histograms and the request log come from it.

use hdrhistogram::Histogram;
use std::sync::Mutex;

use super::request_log::{RequestLines, RequestLog};
use super::{Clock, Latency, SessionFolder, WallProfile};
use crate::note::note;
use crate::protocol::{ActionId, OutputId, Request};

/// Which of the recorder's files are written.
#[derive(Clone, Copy, Debug)]
pub struct Switches {
    /// `request.txt`.
    pub request_log: bool,
    /// The requests' part of `pprof/fg.prof`.
    pub wall_profile: bool,
}

/// When a request was where, nanoseconds since the session's start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// Its first byte was in this process.
    pub arrived_ns: u64,
    /// Work on it began.
    pub started_ns: u64,
    /// Its body was read to the end; as `started_ns` without one.
    pub body_ns: u64,
    /// The local store had done its part.
    pub local_ns: u64,
    /// The cache knew the answer; as `local_ns` when nothing else was asked.
    pub decided_ns: u64,
    /// The answer was written.
    pub answered_ns: u64,
}

impl Times {
    /// From arrival to answer.
    pub fn took_ns(&self) -> u64 {
        self.answered_ns.saturating_sub(self.arrived_ns)
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

/// One answered request.
#[derive(Clone, Debug)]
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
    /// The stages of the request in this process: name, begin and end. What it waited for between the local stage and
    /// `respond` has spans of its own.
    pub fn stages(&self) -> impl Iterator<Item = (&'static str, u64, u64)> {
        let Times { arrived_ns, started_ns, body_ns, local_ns, decided_ns, answered_ns } = self.times;
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

/// Lines of the log younger than this wait: one of another thread may still have to go before them.
const HOLD_NS: u64 = 50_000_000;

/// Collects the records of one session. Recording takes one short lock, formats nothing and touches no file.
pub struct Recorder {
    clock: Clock,
    memory: Mutex<Memory>,
    /// Apart from `memory`: a slow disk must not hold up answers.
    log: Mutex<Option<RequestLog>>,
}

struct Memory {
    counts: Counts,
    get_ns: Histogram<u64>,
    put_ns: Histogram<u64>,
    /// `None` when it is not asked for.
    wall: Option<WallProfile>,
    /// `None` without a log.
    lines: Option<RequestLines>,
}

impl Recorder {
    /// A recorder that writes below `folder` what `switches` ask for. A record that cannot be written is given up with
    /// one line on stderr.
    pub fn new(clock: Clock, folder: Option<&SessionFolder>, switches: Switches) -> Self {
        let log = folder.filter(|_| switches.request_log).and_then(|folder| {
            let path = folder.file("request.txt");
            RequestLog::create(&path, &clock)
                .inspect_err(|error| note(format_args!("no request log: {}: {error}", path.display())))
                .ok()
        });
        let histogram = || Histogram::new(3).expect("three digits are supported");
        let lines = log.as_ref().map(|_| RequestLines::default());
        let wall = switches.wall_profile.then(WallProfile::default);
        let memory = Memory { counts: Counts::default(), get_ns: histogram(), put_ns: histogram(), wall, lines };
        Self { clock, memory: Mutex::new(memory), log: Mutex::new(log) }
    }

    /// The session's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Notes a request that arrived at `at_ns`.
    pub fn request(&self, at_ns: u64, request: &Request) {
        if let Some(lines) = &mut self.memory().lines {
            lines.request(at_ns, request.clone());
        }
    }

    /// Notes an answer that has been written.
    pub fn answer(&self, answer: Answer) {
        let memory = &mut *self.memory();
        memory.counts.add(&answer);
        let histogram = match answer.kind {
            "get" => Some(&mut memory.get_ns),
            "put" => Some(&mut memory.put_ns),
            _ => None,
        };
        if let Some(histogram) = histogram {
            let _ = histogram.record(answer.times.took_ns());
        }
        if let Some(wall) = &mut memory.wall {
            wall.add_request(&answer);
        }
        if let Some(lines) = &mut memory.lines {
            lines.answer(answer);
        }
    }

    /// Writes out what is in memory: all of it at the end, else the lines that no other will come before.
    pub fn flush(&self, is_end: bool) {
        let mut log = self.log.lock().expect("no recorder panics");
        let Some(log) = log.as_mut() else { return };
        let until_ns = if is_end { u64::MAX } else { self.clock.now_ns().saturating_sub(HOLD_NS) };
        let taken = self.memory().lines.as_mut().map(RequestLines::take).unwrap_or_default();
        let held = log.write(taken, until_ns);
        if let Some(lines) = &mut self.memory().lines {
            lines.put_back(held);
        }
        if let Some(error) = log.failure().filter(|_| is_end) {
            note(format_args!("the request log is not complete: {error}"));
        }
    }

    /// Counts so far.
    pub fn counts(&self) -> Counts {
        self.memory().counts
    }

    /// Latency of gets and of puts so far.
    pub fn latencies(&self) -> (Option<Latency>, Option<Latency>) {
        let memory = self.memory();
        (Latency::of(&memory.get_ns), Latency::of(&memory.put_ns))
    }

    /// Where the time of the requests so far went, if that was asked for.
    pub fn wall_profile(&self) -> Option<WallProfile> {
        self.memory().wall.clone()
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().expect("no recorder panics")
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
