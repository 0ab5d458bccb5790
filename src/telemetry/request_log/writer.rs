//! `request.txt`: one line a request, one line an answer, in the order of their times.
//!
//! ```text
//! # cacheprog request log, version 2, start_unix_ns=1763800000000000000 pid=4711 go=go1.26.8
//! 000000.001234567 -> 1 get action=AAEC…
//! 000000.001241023 <- 1 get hit source=local own=0 output=AAEC… bytes=420 took_ns=6456 queue_ns=900 body_ns=0 …
//! ```
//! The first column is seconds since the start, in a form that sorts as text. `->` is a request, `<-` an answer; then
//! the request's number, its command, an answer's outcome, and `key=value` pairs. Keys are in the wire's base64.
//! `own=1` is said of a local hit on what this session itself put; what it fetched is `source=remote`. A log that was
//! taken between go and a program has `source=unknown`. The stages `queue_ns`, `body_ns`, `local_ns`,
//! `remote_ns` and `respond_ns` follow upon each other and add up to `took_ns`. `kept_ns`, where it is there, is how long the
//! request may have waited in the pipe before that, while the reader worked on another one. `name` and `err` are JSON strings and
//! come last. [`crate::telemetry::request_log::reader`] reads it all back.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;

use crate::platform;
use crate::protocol::{Command, Request};
use crate::telemetry::model::answer::{Answer, Outcome};
use crate::telemetry::model::clock::Clock;

/// The stages of an answer's line, as [`crate::telemetry::model::answer::Times::stages_ns`] has them.
pub const STAGES: [&str; 5] = ["queue_ns", "body_ns", "local_ns", "remote_ns", "respond_ns"];

/// How the first line begins.
pub const HEADER: &str = "# cacheprog request log, version 2,";

/// The lines in memory. Taking a line formats nothing and touches no file.
#[derive(Default)]
pub struct RequestLines(pub Vec<(u64, Line)>);

/// The file, given up after the first failure.
pub struct RequestLog {
    file: File,
    failed: Option<io::Error>,
}

/// A request or an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// A request arrived.
    Request(Request),
    /// It was answered.
    Answer(Answer),
}

impl Line {
    /// The number of a request, if it is one.
    pub fn request_id(&self) -> Option<i64> {
        match self {
            Line::Request(request) => Some(request.id),
            Line::Answer(_) => None,
        }
    }

    /// The answer, if it is one.
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Line::Answer(answer) => Some(answer),
            Line::Request(_) => None,
        }
    }
}

impl RequestLines {
    /// Notes a request that arrived at `at_ns`.
    pub fn request(&mut self, at_ns: u64, request: Request) {
        self.0.push((at_ns, Line::Request(request)));
    }

    /// Notes an answer.
    pub fn answer(&mut self, answer: Answer) {
        self.0.push((answer.times.answered_ns, Line::Answer(answer)));
    }

    /// Takes all lines out.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Sorts the lines by time, and takes those out that are not before `until_ns`.
    pub fn split_off(&mut self, until_ns: u64) -> Self {
        self.0.sort_by_key(|(at, _)| *at);
        let ready = self.0.partition_point(|(at, _)| *at < until_ns);
        Self(self.0.split_off(ready))
    }

    /// The answers among the lines.
    pub fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.0.iter().filter_map(|(_, line)| line.answer())
    }

    /// Puts lines back that [`RequestLines::split_off`] gave.
    pub fn put_back(&mut self, mut held: Self) {
        held.0.append(&mut self.0);
        *self = held;
    }
}

impl RequestLog {
    /// Starts a log.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path, clock: &Clock) -> io::Result<Self> {
        let mut file = File::create(path)?;
        let (start, pid) = (clock.start_unix_ns(), std::process::id());
        let go = platform::parent_go_version().unwrap_or_else(|| "-".to_owned());
        writeln!(file, "{HEADER} start_unix_ns={start} pid={pid} go={go}")?;
        Ok(Self { file, failed: None })
    }

    /// Writes the lines.
    pub fn write(&mut self, lines: &RequestLines) {
        if self.failed.is_none() {
            self.failed = self.file.write_all(lines.format().as_bytes()).err();
        }
    }

    /// The error for which the log was given up, if it was.
    pub fn failure(&self) -> Option<&io::Error> {
        self.failed.as_ref()
    }
}

impl RequestLines {
    /// The text of the lines.
    pub fn format(&self) -> String {
        let mut text = String::with_capacity(self.0.len() * 160);
        for (at, line) in &self.0 {
            let _ = write!(text, "{:06}.{:09} ", at / 1_000_000_000, at % 1_000_000_000);
            match line {
                Line::Request(request) => format_request(&mut text, request),
                Line::Answer(answer) => format_answer(&mut text, answer),
            }
            text.push('\n');
        }
        text
    }
}

fn format_request(text: &mut String, request: &Request) {
    let id = request.id;
    let _ = match &request.command {
        Command::Get { action } => write!(text, "-> {id} get action={action}"),
        Command::Put { action, output, body_bytes } => {
            write!(text, "-> {id} put action={action} output={output} bytes={body_bytes}")
        }
        Command::Close => write!(text, "-> {id} close"),
        Command::Unknown { name, body_bytes } => {
            write!(text, "-> {id} unknown bytes={body_bytes} name={}", Value::from(&**name))
        }
    };
}

fn format_answer(text: &mut String, answer: &Answer) {
    let outcome = match answer.outcome {
        Outcome::HitLocal { is_foreign: true } => "hit source=local own=0",
        Outcome::HitLocal { is_foreign: false } => "hit source=local own=1",
        Outcome::HitRemote => "hit source=remote",
        Outcome::Hit { is_foreign: true } => "hit source=unknown own=0",
        Outcome::Hit { is_foreign: false } => "hit source=unknown own=1",
        Outcome::Miss => "miss",
        Outcome::Stored => "stored",
        Outcome::Closed => "closed",
        Outcome::Error => "error",
    };
    let _ = write!(text, "<- {} {} {outcome}", answer.id, answer.kind);
    if let (Some(output), Some(bytes)) = (&answer.output, answer.bytes) {
        let _ = write!(text, " output={output} bytes={bytes}");
    }
    let _ = write!(text, " took_ns={}", answer.times.took_ns());
    for (name, ns) in STAGES.iter().zip(answer.times.stages_ns()) {
        let _ = write!(text, " {name}={ns}");
    }
    if answer.times.kept_ns > 0 {
        let _ = write!(text, " kept_ns={}", answer.times.kept_ns);
    }
    if let Some(error) = &answer.error {
        let _ = write!(text, " err={}", Value::from(&**error));
    }
}
