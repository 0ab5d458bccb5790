//! `bench scaling`: costs of the backend by the size of its stores, and of a bucket after many small commits.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow};

use crate::commands::run::view;
use crate::execute::folders::run_folders::RunFolder;
use crate::execute::process::interrupt::{EXIT_CODE, Interrupt};
use crate::execute::scaling::harness::Harness;
use crate::execute::scaling::{commits, stores};
use crate::report::progress::status_line::StatusLine;
use crate::report::terminal::scaling;
use crate::results::scaling::{SCALING_FILE, Scaling};
use crate::scenario::link::Link;
use gocacheprog::note;
use gocacheprog::stdout;

/// Measures how costs grow with the size of the stores, and with many commits
#[derive(Debug, Clone, clap::Args)]
pub struct ScalingArgs {
    /// Entries in the stores, separated by commas
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1000,10000,100000,1000000",
          value_parser = clap::value_parser!(u64).range(20..=10_000_000))]
    entries: Vec<u64>,
    /// Sessions over each store
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Small commits, each built by a fresh machine
    #[arg(long, value_name = "N", default_value_t = 50)]
    commits: u32,
    /// Latency of the embedded S3 server, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 20.0)]
    rtt: f64,
    /// Folder of the results
    #[arg(long, value_name = "DIR", default_value = "metrics")]
    out: PathBuf,
}

/// Measures all sizes and commits, prints the tables on stdout, and keeps the samples.
///
/// # Errors
/// When a backend fails, or nothing can be written. What was measured until then is printed and kept all the same.
pub fn run(args: &ScalingArgs) -> Result<ExitCode> {
    let far = Link::NONE.with_latency(args.rtt);
    far.check().map_err(|error| anyhow!("--rtt {}: {error}", args.rtt))?;
    let interrupt = Interrupt::listen()?;
    let folder = RunFolder::create(&args.out, "scaling")?;
    let line = StatusLine::new();
    line.wait_for("starting S3");
    let mut samples = Scaling::new(args.rtt);
    let say = |what: &str| line.say(what, None, None);
    let measured = measure(&mut Harness::start(&folder.work.path, &interrupt, &say)?, args, far, &mut samples);
    line.say("removing the stores of this run", None, None);
    folder.work.remove();
    line.finish();
    if !(samples.sizes.is_empty() && samples.commits.is_empty()) {
        let path = folder.path.join(SCALING_FILE);
        samples.write(&path)?;
        folder.link_latest()?;
        stdout::print(&scaling::printed(&samples, &path, view()))?;
    }
    if interrupt.requested() {
        note::line("interrupted: the tables have what was measured so far");
        return Ok(ExitCode::from(EXIT_CODE));
    }
    measured.map(|()| ExitCode::SUCCESS)
}

fn measure(harness: &mut Harness<'_>, args: &ScalingArgs, far: Link, samples: &mut Scaling) -> Result<()> {
    for entries in &args.entries {
        samples.sizes.push(stores::measure(harness, *entries, args.rounds, far)?);
    }
    if args.commits > 0 {
        samples.commits = commits::measure(harness, args.commits, far)?;
    }
    Ok(())
}
