//! The embedded S3 server as a child process of bench, controlled by commands on its stdin.

use std::io::BufReader;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result};

use crate::execute::process::interrupt::{Interrupt, ProcessGroup};
use crate::scenario::link::Link;
use gocacheprog::cache::remote::s3_config::config::{Route, S3Config};
use gocacheprog::s3_server::{ControlClient, Fault, Greeting, LinkSettings, Place, Stats};

/// How long the server may take to end after its input has ended.
const END: Duration = Duration::from_secs(5);

/// Which requests have a fault is drawn by this: each round has the same ones.
const FAULT_SEED: u64 = 1;

/// A running server. Dropping it ends the process.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    control: ControlClient<ChildStdin, BufReader<ChildStdout>>,
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
        let output = BufReader::new(child.stdout.take().context("the S3 server has no output")?);
        let control = ControlClient::connect(input, output)?;
        let config = config(control.greeting());
        let mut server = ServerProcess { child, control, config, _group: group };
        server.set_link(link)?;
        Ok(server)
    }

    /// What a backend of ours has to know: the address for http, the key pair, the bucket and the prefix in use.
    pub fn config(&self) -> &S3Config {
        &self.config
    }

    /// Its addresses, certificate, log and buckets. Each bucket is open to the key pair of [`ServerProcess::config`].
    pub fn control(&mut self) -> &mut ControlClient<ChildStdin, BufReader<ChildStdout>> {
        &mut self.control
    }

    /// Number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Totals; objects and bytes are those below the prefix in use.
    pub fn stats(&mut self) -> Result<Stats> {
        let place = self.below(&self.config.prefix);
        self.control.stats(place)
    }

    /// From now on the backend works below this prefix.
    pub fn use_prefix(&mut self, prefix: &str) {
        prefix.clone_into(&mut self.config.prefix);
    }

    /// Deletes every object below the prefix in use.
    pub fn clear(&mut self) -> Result<()> {
        let place = self.below(&self.config.prefix);
        self.control.clear(place).map(drop)
    }

    /// Copies every object below `from` to below the prefix in use.
    pub fn copy_from(&mut self, from: &str) -> Result<()> {
        let (from, to) = (self.below(from), self.below(&self.config.prefix));
        self.control.copy(from, to).map(drop)
    }

    /// The objects of our backend's bucket below a prefix.
    fn below(&self, prefix: &str) -> Place {
        Place { bucket: self.config.bucket.clone(), prefix: prefix.to_owned() }
    }

    /// Changes the link for all requests and connections from now on, and starts a new count of its delays.
    pub fn set_link(&mut self, link: Link) -> Result<()> {
        let settings = LinkSettings::from_values(link.latency_ms, link.rtt_ms, link.jitter_ms, link.bytes_per_s());
        self.control.set_link(settings.map_err(Error::msg)?)
    }

    /// Replaces the injected faults for all requests from now on.
    pub fn set_faults(&mut self, faults: &[Fault]) -> Result<()> {
        self.control.set_faults(faults.to_vec(), FAULT_SEED)
    }
}

fn config(greeting: &Greeting) -> S3Config {
    let Greeting { access_key_id, secret_access_key, bucket, .. } = greeting.clone();
    S3Config {
        endpoint_url: greeting.http_url(),
        access_key_id,
        secret_access_key,
        session_token: None,
        bucket,
        region: "us-east-1".to_owned(),
        prefix: String::new(),
        route: Route::default(),
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.control.end();
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
