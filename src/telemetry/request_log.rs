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

/// The lines in memory. Taking a line formats nothing and touches no file.
#[derive(Default)]
pub struct RequestLines(Vec<(u64, Line)>);

/// The file, given up after the first failure.
pub struct RequestLog {
    file: File,
    failed: Option<io::Error>,
}

enum Line {
    Request(Request),
    Answer(Answer),
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

    /// Puts lines back that [`RequestLog::write`] left.
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
        writeln!(file, "# cacheprog request log, version 1, start_unix_ns={start} pid={pid}")?;
        Ok(Self { file, failed: None })
    }

    /// Writes the lines before `until_ns`, in the order of their times, and gives back the rest.
    pub fn write(&mut self, mut lines: RequestLines, until_ns: u64) -> RequestLines {
        lines.0.sort_by_key(|(at, _)| *at);
        let ready = lines.0.partition_point(|(at, _)| *at < until_ns);
        let held = lines.0.split_off(ready);
        if self.failed.is_none() {
            self.failed = self.file.write_all(lines.format().as_bytes()).err();
        }
        RequestLines(held)
    }

    /// What went wrong, if the log was given up.
    pub fn failure(&self) -> Option<&io::Error> {
        self.failed.as_ref()
    }
}

impl RequestLines {
    fn format(&self) -> String {
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
    if let Some(error) = &answer.error {
        let _ = write!(text, " err={error:?}");
    }
}
