//! Drives a backend without go: sends made-up requests and takes the answers.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64_simd::STANDARD;
use ring::digest::{SHA256, digest};
use serde::Deserialize;

use crate::execute::process::interrupt::{Interrupt, ProcessGroup};
use gocacheprog::protocol::{ActionId, OutputId};

/// A request to send.
pub enum Ask {
    Get(ActionId),
    Put { action: ActionId, output: OutputId, body: Vec<u8> },
}

/// A running backend.
pub struct Driver {
    child: Child,
    input: BufWriter<ChildStdin>,
    output: BufReader<ChildStdout>,
    started: Instant,
    next_id: i64,
    /// Time from its start to its handshake.
    pub handshake: Duration,
    _group: ProcessGroup,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "ID")]
    id: i64,
    #[serde(rename = "Err")]
    error: Option<String>,
    #[serde(rename = "Miss", default)]
    is_miss: bool,
}

impl Driver {
    /// Starts a backend and takes its handshake.
    ///
    /// # Errors
    /// When it does not start, or sends no handshake.
    pub fn start(mut command: Command, interrupt: &Interrupt) -> Result<Self> {
        let started = Instant::now();
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start the backend")?;
        let group = interrupt.cover(child.id());
        let input = BufWriter::new(child.stdin.take().context("the backend has no input")?);
        let output = BufReader::new(child.stdout.take().context("the backend has no output")?);
        let handshake = Duration::ZERO;
        let mut driver = Self { child, input, output, started, next_id: 1, handshake, _group: group };
        driver.answer().context("the backend made no handshake")?;
        driver.handshake = started.elapsed();
        Ok(driver)
    }

    /// Time since the start of the process.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Sends requests, at most `window` of them open at a time, and takes the answers. `answered` gets the position of each
    /// request, and true unless it was a miss.
    ///
    /// # Errors
    /// When the backend ends, or answers with an error.
    pub fn run(
        &mut self,
        asks: impl Iterator<Item = Ask>,
        window: usize,
        mut answered: impl FnMut(usize, bool),
    ) -> Result<()> {
        let first = self.next_id;
        let mut open = 0;
        let mut take = |driver: &mut Self| {
            let answer = driver.answer()?;
            answered((answer.id - first) as usize, !answer.is_miss);
            anyhow::Ok(())
        };
        for ask in asks {
            self.send(&ask)?;
            open += 1;
            if open == window {
                take(self)?;
                open -= 1;
            }
        }
        (0..open).try_for_each(|_| take(self))
    }

    /// Closes the session, and waits until the process has ended.
    ///
    /// # Errors
    /// When it does not end well.
    pub fn end(mut self) -> Result<()> {
        let id = self.next_id;
        self.write(&format!("{{\"ID\":{id},\"Command\":\"close\"}}\n\n"))?;
        self.answer()?;
        drop(self.input);
        let status = self.child.wait().context("cannot wait for the backend")?;
        if status.success() { Ok(()) } else { bail!("the backend ended with {status}") }
    }

    fn send(&mut self, ask: &Ask) -> Result<()> {
        let id = self.next_id;
        self.next_id += 1;
        match ask {
            Ask::Get(action) => {
                let action = action.to_wire();
                self.write(&format!("{{\"ID\":{id},\"Command\":\"get\",\"ActionID\":\"{action}\"}}\n\n"))
            }
            Ask::Put { action, output, body } => {
                let (action, output, bytes) = (action.to_wire(), output.to_wire(), body.len());
                let body = STANDARD.encode_to_string(body);
                self.write(&format!(
                    "{{\"ID\":{id},\"Command\":\"put\",\"ActionID\":\"{action}\",\"OutputID\":\"{output}\",\
                     \"BodySize\":{bytes}}}\n\n\"{body}\"\n"
                ))
            }
        }
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.input.write_all(text.as_bytes()).context("the backend takes no requests any more")
    }

    fn answer(&mut self) -> Result<Answer> {
        self.input.flush().context("the backend takes no requests any more")?;
        let mut line = String::new();
        let read = self.output.read_line(&mut line).context("cannot read the backend's answer")?;
        if read == 0 {
            bail!("the backend ended before its answer");
        }
        let answer: Answer = serde_json::from_str(&line).with_context(|| format!("no answer: {line}"))?;
        match &answer.error {
            Some(error) => bail!("the backend answered with an error: {error}"),
            None => Ok(answer),
        }
    }
}

/// The action of a version of an entry, the same each time.
pub fn action(number: u64, version: u32) -> ActionId {
    ActionId::new(sha256(format!("action {number} {version}").as_bytes()))
}

/// A body that zstd compresses to about a quarter, as it does with packages that go compiled.
pub fn body(number: u64, version: u32, bytes: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(number << 32 | u64::from(version));
    (0..bytes).map(|_| b"acgt"[random.usize(..4)]).collect()
}

/// The request to put a body for an action.
pub fn put(action: ActionId, body: Vec<u8>) -> Ask {
    Ask::Put { action, output: OutputId::new(sha256(&body)), body }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = digest(&SHA256, bytes);
    std::array::from_fn(|at| digest.as_ref()[at])
}
