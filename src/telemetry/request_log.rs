//! `request.txt`: one line a request, one line an answer, in the order of their times.
//!
//! ```text
//! # cacheprog request log, version 1, start_unix_ns=1763800000000000000 pid=4711
//! 000000.001234567 -> 1 get action=AAEC…
//! 000000.001241023 <- 1 get hit source=local output=AAEC… bytes=420 took_ns=6456
//! ```
//! The first column is seconds since the start, in a form that sorts as text. `->` is a request, `<-` an answer; then
//! the request's number, its command, an answer's outcome, and `key=value` pairs. Keys are in the wire's base64.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::{Answer, Clock, Outcome};
use crate::protocol::{Command, Request};

/// Lines younger than this wait: a line of another thread may still have to go before them.
const HOLD_NS: u64 = 50_000_000;

/// The log in memory, written out now and then.
pub struct RequestLog {
    file: File,
    lines: Vec<(u64, Line)>,
    failed: Option<io::Error>,
}

enum Line {
    Request(Request),
    Answer(Answer),
}

impl RequestLog {
    /// Starts a log.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path, clock: &Clock) -> io::Result<Self> {
        let mut file = File::create(path)?;
        let (start, pid) = (clock.start_unix_ns(), std::process::id());
        writeln!(file, "# cacheprog request log, version 1, start_unix_ns={start} pid={pid}")?;
        Ok(Self { file, lines: Vec::with_capacity(1024), failed: None })
    }

    /// Notes a request that arrived at `at_ns`.
    pub fn request(&mut self, at_ns: u64, request: Request) {
        self.lines.push((at_ns, Line::Request(request)));
    }

    /// Notes an answer.
    pub fn answer(&mut self, answer: Answer) {
        self.lines.push((answer.times.answered_ns, Line::Answer(answer)));
    }

    /// Takes what can be written at `now_ns` out of memory: all of it at the end, else the lines that no other will
    /// come before. Call [`RequestLog::format`] with the lock released.
    pub fn take(&mut self, now_ns: u64, is_end: bool) -> Batch {
        self.lines.sort_by_key(|(at, _)| *at);
        let until = now_ns.saturating_sub(HOLD_NS);
        let ready = if is_end { self.lines.len() } else { self.lines.partition_point(|(at, _)| *at < until) };
        Batch(self.lines.drain(..ready).collect())
    }

    /// Appends formatted lines. After the first failure the log is given up.
    pub fn append(&mut self, text: &str) {
        if self.failed.is_none() {
            self.failed = self.file.write_all(text.as_bytes()).err();
        }
    }

    /// What went wrong, if the log was given up.
    pub fn failure(&self) -> Option<&io::Error> {
        self.failed.as_ref()
    }
}

/// Lines on their way to the file.
pub struct Batch(Vec<(u64, Line)>);

impl Batch {
    /// The lines as text.
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
        Command::Unknown { name, body_bytes } => write!(text, "-> {id} unknown name={name:?} bytes={body_bytes}"),
    };
}

fn format_answer(text: &mut String, answer: &Answer) {
    let outcome = match answer.outcome {
        Outcome::HitLocal { .. } => "hit source=local",
        Outcome::HitRemote => "hit source=remote",
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
}
