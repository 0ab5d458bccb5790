//! The embedded S3 server as bench sees it: a child process of the same executable that is told what to do, line by line.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bench::execute::process::interrupt::{Group, Interrupt};
use crate::bench::scenario::link::Link;
use crate::cache::remote::s3_config::config::{Route, S3Config};
use crate::s3_server::Fault;

/// How long the server may take to end after its input has ended.
const END: Duration = Duration::from_secs(5);

/// Which requests have a fault is drawn by this: each round has the same ones.
const FAULT_SEED: u64 = 1;

/// A running server. Dropping it ends the process.
#[derive(Debug)]
pub struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    config: S3Config,
    _group: Group,
}

/// A request as the server logged it; what bench does not look at is left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Request {
    pub op: String,
    pub key: String,
    /// None where the client left before the answer.
    pub status: Option<u16>,
    /// Bytes of the body that came.
    pub bytes_in: u64,
    /// Bytes of the body that went out.
    pub bytes_out: u64,
}

/// What the server holds below a prefix, and what it has done.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Stats {
    pub objects: u64,
    pub bytes: u64,
    pub injected_first_byte_ms: Option<Injected>,
}

/// The delays before the first byte of answers, as they really were.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Injected {
    pub count: u64,
    pub median: Option<f64>,
    pub p99: Option<f64>,
}

#[derive(Serialize)]
#[serde(tag = "cmd", rename_all = "lowercase")]
enum Ask<'a> {
    Link { first_byte_ms: f64, jitter_ms: f64, bandwidth_bytes_per_s: Option<u64> },
    Faults { faults: &'a [Fault], seed: u64 },
    Mark,
    Log { since: u64 },
    Stats { prefix: &'a str },
    Clear { prefix: &'a str },
    Copy { from: &'a str, to: &'a str },
}

#[derive(Deserialize)]
struct Hello {
    endpoint: String,
    access_key_id: String,
    secret_access_key: String,
    bucket: String,
}

#[derive(Debug, Deserialize)]
struct Mark {
    mark: u64,
}

#[derive(Deserialize)]
struct Log {
    requests: Vec<Request>,
}

#[derive(Debug, Deserialize)]
struct Done {}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Server {
    /// Starts the server in a process group of its own, so that a Ctrl-C at the terminal does not reach it first.
    pub fn start(link: Link, interrupt: &Interrupt) -> Result<Server> {
        let executable = std::env::current_exe().context("cannot find bench's own executable")?;
        let mut command = Command::new(&executable);
        command.arg("s3-serve").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {} s3-serve", executable.display()))?;
        let group = interrupt.cover(child.id());
        let input = child.stdin.take().context("the S3 server has no input")?;
        let mut output = BufReader::new(child.stdout.take().context("the S3 server has no output")?);
        let hello: Hello = read_line(&mut output).context("the embedded S3 server did not start")?;
        let mut server = Server { child, input: Some(input), output, config: hello.into_config(), _group: group };
        server.set_link(link)?;
        Ok(server)
    }

    /// Where it listens, and the key pair that opens it.
    pub fn config(&self) -> &S3Config {
        &self.config
    }

    /// Number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The number of requests so far: [`Server::log_since`] takes it.
    pub fn mark(&mut self) -> Result<u64> {
        Ok(self.ask::<Mark>(&Ask::Mark)?.mark)
    }

    /// The requests after a mark.
    pub fn log_since(&mut self, mark: u64) -> Result<Vec<Request>> {
        Ok(self.ask::<Log>(&Ask::Log { since: mark })?.requests)
    }

    /// What it holds below the prefix in use.
    pub fn stats(&mut self) -> Result<Stats> {
        let prefix = self.config.prefix.clone();
        self.ask(&Ask::Stats { prefix: &prefix })
    }

    /// From now on the backend works below this prefix.
    pub fn use_prefix(&mut self, prefix: &str) {
        prefix.clone_into(&mut self.config.prefix);
    }

    /// Deletes every object below the prefix in use.
    pub fn clear(&mut self) -> Result<()> {
        let prefix = self.config.prefix.clone();
        self.ask::<Done>(&Ask::Clear { prefix: &prefix }).map(drop)
    }

    /// Copies every object below `from` to below the prefix in use.
    pub fn copy_from(&mut self, from: &str) -> Result<()> {
        let to = self.config.prefix.clone();
        self.ask::<Done>(&Ask::Copy { from, to: &to }).map(drop)
    }

    /// Changes the link for all requests from now on, and starts a new count of its delays.
    pub fn set_link(&mut self, link: Link) -> Result<()> {
        let ask = Ask::Link {
            first_byte_ms: link.latency_ms,
            jitter_ms: link.jitter_ms,
            bandwidth_bytes_per_s: link.bytes_per_s(),
        };
        self.ask::<Done>(&ask).map(drop)
    }

    /// What goes wrong with requests from now on, in the place of what did before.
    pub fn set_faults(&mut self, faults: &[Fault]) -> Result<()> {
        self.ask::<Done>(&Ask::Faults { faults, seed: FAULT_SEED }).map(drop)
    }

    fn ask<Answer: DeserializeOwned>(&mut self, ask: &Ask<'_>) -> Result<Answer> {
        let mut line = serde_json::to_string(ask).context("cannot write a command as JSON")?;
        line.push('\n');
        let input = self.input.as_mut().context("the S3 server was ended")?;
        let sent = input.write_all(line.as_bytes()).and_then(|()| input.flush());
        sent.context("the embedded S3 server does not take commands any more")?;
        read_line(&mut self.output).with_context(|| format!("the embedded S3 server did not do {}", line.trim_end()))
    }
}

impl Hello {
    fn into_config(self) -> S3Config {
        S3Config {
            endpoint_url: self.endpoint,
            access_key_id: self.access_key_id,
            secret_access_key: self.secret_access_key,
            session_token: None,
            bucket: self.bucket,
            region: "us-east-1".to_owned(),
            prefix: String::new(),
            route: Route::default(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        let deadline = Instant::now() + END;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // It holds nothing but memory: nothing is lost by ending it the hard way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_line<Answer: DeserializeOwned>(output: &mut impl BufRead) -> Result<Answer> {
    let mut line = String::new();
    if output.read_line(&mut line).context("cannot read its answer")? == 0 {
        bail!("it ended");
    }
    if let Ok(refusal) = serde_json::from_str::<Refusal>(&line) {
        bail!("it said: {}", refusal.error);
    }
    // The line is not repeated in the error: the first one holds the key pair.
    serde_json::from_str(&line).context("cannot understand its answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_as_the_server_takes_them() {
        let line = |ask: &Ask<'_>| serde_json::to_string(ask).unwrap();
        assert_eq!(line(&Ask::Mark), r#"{"cmd":"mark"}"#);
        assert_eq!(line(&Ask::Log { since: 7 }), r#"{"cmd":"log","since":7}"#);
        assert_eq!(line(&Ask::Clear { prefix: "" }), r#"{"cmd":"clear","prefix":""}"#);
        let link = Ask::Link { first_byte_ms: 20.0, jitter_ms: 0.5, bandwidth_bytes_per_s: None };
        let expected = r#"{"cmd":"link","first_byte_ms":20.0,"jitter_ms":0.5,"bandwidth_bytes_per_s":null}"#;
        assert_eq!(line(&link), expected);
    }

    #[test]
    fn an_answer_that_is_none_never_shows_its_text() {
        let mut text = "the-secret is not JSON\n".as_bytes();
        let error = read_line::<Mark>(&mut text).unwrap_err();
        assert!(!format!("{error:?}").contains("the-secret"));
        let error = read_line::<Mark>(&mut "".as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "it ended");
        let error = read_line::<Done>(&mut "{\"error\":\"no such link\"}\n".as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "it said: no such link");
    }
}
