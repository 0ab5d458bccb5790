//! `bench scaling`: what the backend costs by how much its stores hold, and a bucket after many small commits. It talks to the
//! backend itself, with made-up outputs: no compiler, and no go.

pub mod commits;
pub mod driver;
pub mod entries;
pub mod stores;
pub mod table;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::bench::commands::run::view;
use crate::bench::commands::scaling::commits::Commit;
use crate::bench::commands::scaling::driver::Driver;
use crate::bench::commands::scaling::stores::Size;
use crate::bench::execute::backend::command::NO_INSTRUMENTS;
use crate::bench::execute::backend::session;
use crate::bench::execute::folders::run_folders::RunFolder;
use crate::bench::execute::process::interrupt::{EXIT_CODE, Interrupt};
use crate::bench::execute::remote::server::ServerProcess;
use crate::bench::execute::remote::variables::configure_embedded;
use crate::bench::scenario::link::Link;
use crate::note;
use crate::stdout;
use crate::telemetry::SessionSummary;

/// Every sample, in the folder of the run.
const FILE: &str = "scaling.json";
/// Version of its layout.
const SCHEMA: u32 = 1;

/// Shows how costs grow with the entries of a local store and of a bucket, and what many small commits make of a bucket.
/// Needs no compiler
#[derive(Debug, Clone, clap::Args)]
pub struct ScalingArgs {
    /// Entries in the stores, joined by commas
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1000,10000,100000,1000000",
          value_parser = clap::value_parser!(u64).range(20..=10_000_000))]
    entries: Vec<u64>,
    /// Sessions that are started over each store
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Small commits, each built by a fresh machine
    #[arg(long, value_name = "N", default_value_t = 50)]
    commits: u32,
    /// First-byte latency of the embedded S3 server, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 20.0)]
    rtt: f64,
    /// Folder of the results
    #[arg(long, value_name = "DIR", default_value = "metrics")]
    out: PathBuf,
}

/// What was measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Scaling {
    schema: u32,
    /// Of the far sessions, and of those of the commits.
    first_byte_ms: f64,
    sizes: Vec<Size>,
    commits: Vec<Commit>,
}

/// What all parts need: a remote, a place to work, and a way to start backends.
pub(crate) struct Bench {
    server: ServerProcess,
    interrupt: Interrupt,
    work: PathBuf,
    executable: PathBuf,
    /// Sessions started so far.
    sessions: u32,
}

/// Runs all of it, prints the tables on stdout, and keeps the samples.
///
/// # Errors
/// When a backend does not do what it should, or nothing can be written.
pub fn run(args: &ScalingArgs) -> Result<ExitCode> {
    let far = Link { latency_ms: args.rtt, ..Link::NONE };
    far.check().map_err(|error| anyhow::anyhow!("--rtt {}: {error}", args.rtt))?;
    let interrupt = Interrupt::listen()?;
    let server = ServerProcess::start(Link::NONE, &interrupt)?;
    let folder = RunFolder::create(&args.out, "scaling")?;
    let executable = std::env::current_exe().context("cannot find bench's own executable")?;
    let mut bench =
        Bench { server, interrupt: interrupt.clone(), work: folder.work.path.clone(), executable, sessions: 0 };
    let mut scaling = Scaling { schema: SCHEMA, first_byte_ms: args.rtt, ..Scaling::default() };
    let measured = measure(&mut bench, args, far, &mut scaling);
    note::line("removing the stores of this run");
    folder.work.remove();
    if !(scaling.sizes.is_empty() && scaling.commits.is_empty()) {
        folder.keep();
        let path = folder.path.join(FILE);
        std::fs::write(&path, serde_json::to_vec_pretty(&scaling)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        stdout::print(&format!("{}\n{}  every sample\n", table::render(&scaling, view()), path.display()))?;
    }
    if interrupt.requested() {
        note::line("interrupted: the tables have what was measured so far");
        return Ok(ExitCode::from(EXIT_CODE));
    }
    measured.map(|()| ExitCode::SUCCESS)
}

fn measure(bench: &mut Bench, args: &ScalingArgs, far: Link, scaling: &mut Scaling) -> Result<()> {
    for entries in &args.entries {
        scaling.sizes.push(stores::measure(bench, *entries, args.rounds, far)?);
    }
    if args.commits > 0 {
        scaling.commits = commits::measure(bench, args.commits, far)?;
    }
    Ok(())
}

impl Bench {
    /// Starts a backend over the local store in `store`; gives it with the folder of its session.
    fn start(&mut self, store: &Path) -> Result<(Driver, PathBuf)> {
        self.sessions += 1;
        let session = self.work.join(format!("session-{}", self.sessions));
        std::fs::create_dir(&session).with_context(|| format!("cannot make the folder {}", session.display()))?;
        let mut command = Command::new(&self.executable);
        command.args(["backend", "--quiet", "--strategy", "pack", "--cpu-profile", "off", "--session"]).arg(&session);
        command.arg("--cache-dir").arg(store).args(NO_INSTRUMENTS.split(' '));
        configure_embedded(&mut command, self.server.config());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CACHEPROG_")) {
            command.env_remove(name);
        }
        Ok((Driver::start(command, &self.interrupt)?, session))
    }

    /// Ends a session, and reads its summary.
    fn end(&self, driver: Driver, session: &Path) -> Result<SessionSummary> {
        driver.end()?;
        let summary = session::read(session)?;
        let trouble = summary.error.clone().or_else(|| summary.remote_off.clone());
        trouble.map_or(Ok(summary), |trouble| Err(anyhow::anyhow!("a session was not a good one: {trouble}")))
    }

    fn fresh_store(&self, name: &str) -> PathBuf {
        self.work.join(format!("{name}-{}", self.sessions))
    }
}
