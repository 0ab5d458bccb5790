//! The embedded S3 server as a child process of bench, controlled by commands on its stdin.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;

use crate::execute::process::interrupt::{Interrupt, ProcessGroup};
use crate::scenario::link::Link;
use gocacheprog::cache::remote::s3_config::config::{Route, S3Config};
use gocacheprog::s3_server::{Answer, Command, Fault, Greeting, Record, Stats};

/// How long the server may take to end after its input has ended.
const END: Duration = Duration::from_secs(5);

/// Which requests have a fault is drawn by this: each round has the same ones.
const FAULT_SEED: u64 = 1;

const WRONG_ANSWER: &str = "the embedded S3 server answered another command than it was given";

/// A running server. Dropping it ends the process.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    config: S3Config,
    _group: ProcessGroup,
}

impl ServerProcess {
    /// Starts the server in a process group of its own, so that a Ctrl-C at the terminal does not reach it first.
    pub fn start(link: Link, interrupt: &Interrupt) -> Result<ServerProcess> {
        let executable = std::env::current_exe().context("cannot find bench's own executable")?;
        let mut command = std::process::Command::new(&executable);
        command.arg("s3-serve").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {} s3-serve", executable.display()))?;
        let group = interrupt.cover(child.id());
        let input = child.stdin.take().context("the S3 server has no input")?;
        let mut output = BufReader::new(child.stdout.take().context("the S3 server has no output")?);
        let greeting = read_line(&mut output).context("the embedded S3 server did not start")?;
        let mut server = ServerProcess { child, input: Some(input), output, config: config(greeting), _group: group };
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

    /// The number of requests so far: [`ServerProcess::log_since`] takes it.
    pub fn mark(&mut self) -> Result<u64> {
        let Answer::Mark { mark } = self.ask(&Command::Mark)? else { bail!(WRONG_ANSWER) };
        Ok(mark)
    }

    /// The finished requests among those received after `mark`.
    pub fn log_since(&mut self, mark: u64) -> Result<Vec<Record>> {
        let Answer::Log { requests } = self.ask(&Command::Log { since: mark })? else { bail!(WRONG_ANSWER) };
        Ok(requests)
    }

    /// Totals; objects and bytes are those below the prefix in use.
    pub fn stats(&mut self) -> Result<Stats> {
        let prefix = self.config.prefix.clone();
        let Answer::Stats(stats) = self.ask(&Command::Stats { prefix })? else { bail!(WRONG_ANSWER) };
        Ok(stats)
    }

    /// From now on the backend works below this prefix.
    pub fn use_prefix(&mut self, prefix: &str) {
        prefix.clone_into(&mut self.config.prefix);
    }

    /// Deletes every object below the prefix in use.
    pub fn clear(&mut self) -> Result<()> {
        let prefix = self.config.prefix.clone();
        self.ask(&Command::Clear { prefix }).map(drop)
    }

    /// Copies every object below `from` to below the prefix in use.
    pub fn copy_from(&mut self, from: &str) -> Result<()> {
        let to = self.config.prefix.clone();
        self.ask(&Command::Copy { from: from.to_owned(), to }).map(drop)
    }

    /// Changes the link for all requests from now on, and starts a new count of its delays.
    pub fn set_link(&mut self, link: Link) -> Result<()> {
        let command = Command::Link {
            first_byte_ms: link.latency_ms,
            jitter_ms: link.jitter_ms,
            bandwidth_bytes_per_s: link.bytes_per_s(),
        };
        self.ask(&command).map(drop)
    }

    /// Replaces the injected faults for all requests from now on.
    pub fn set_faults(&mut self, faults: &[Fault]) -> Result<()> {
        self.ask(&Command::Faults { faults: faults.to_vec(), seed: FAULT_SEED }).map(drop)
    }

    fn ask(&mut self, command: &Command) -> Result<Answer> {
        let mut line = serde_json::to_string(command).context("cannot write a command as JSON")?;
        line.push('\n');
        let input = self.input.as_mut().context("the S3 server was ended")?;
        let sent = input.write_all(line.as_bytes()).and_then(|()| input.flush());
        sent.context("the embedded S3 server does not take commands any more")?;
        read_answer(&mut self.output).with_context(|| format!("the embedded S3 server did not do {}", line.trim_end()))
    }
}

fn config(greeting: Greeting) -> S3Config {
    S3Config {
        endpoint_url: greeting.endpoint,
        access_key_id: greeting.access_key_id,
        secret_access_key: greeting.secret_access_key,
        session_token: None,
        bucket: greeting.bucket,
        region: "us-east-1".to_owned(),
        prefix: String::new(),
        route: Route::default(),
    }
}

impl Drop for ServerProcess {
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

fn read_line<Line: DeserializeOwned>(output: &mut impl BufRead) -> Result<Line> {
    let mut line = String::new();
    if output.read_line(&mut line).context("cannot read its answer")? == 0 {
        bail!("it ended");
    }
    // The line is not repeated in the error: the first one holds the key pair.
    serde_json::from_str(&line).context("cannot understand its answer")
}

fn read_answer(output: &mut impl BufRead) -> Result<Answer> {
    match read_line(output)? {
        Answer::Error { error } => bail!("it said: {error}"),
        answer => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_as_the_server_takes_them() {
        let line = |command: &Command| serde_json::to_string(command).unwrap();
        assert_eq!(line(&Command::Mark), r#"{"cmd":"mark"}"#);
        assert_eq!(line(&Command::Log { since: 7 }), r#"{"cmd":"log","since":7}"#);
        assert_eq!(line(&Command::Clear { prefix: String::new() }), r#"{"cmd":"clear","prefix":""}"#);
        let link = Command::Link { first_byte_ms: 20.0, jitter_ms: 0.5, bandwidth_bytes_per_s: None };
        let expected = r#"{"cmd":"link","first_byte_ms":20.0,"jitter_ms":0.5,"bandwidth_bytes_per_s":null}"#;
        assert_eq!(line(&link), expected);
    }

    #[test]
    fn an_answer_that_is_not_understood_never_shows_its_text() {
        for text in ["the-secret is not JSON\n", "{\"key\":\"the-secret\"}\n"] {
            let error = read_answer(&mut text.as_bytes()).map(drop).unwrap_err();
            assert!(!format!("{error:?}").contains("the-secret"));
        }
        let error = read_answer(&mut "".as_bytes()).map(drop).unwrap_err();
        assert_eq!(error.to_string(), "it ended");
        let error = read_answer(&mut "{\"error\":\"no such link\"}\n".as_bytes()).map(drop).unwrap_err();
        assert_eq!(error.to_string(), "it said: no such link");
    }
}
