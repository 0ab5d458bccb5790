//! Fills the remote of a case from the local store that the preparation left: once for all rounds, without a compiler.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::execute::backend::command::{value_name, value_names};
use crate::execute::go::toolchain;
use crate::execute::process::command;
use crate::execute::round_runner::RoundRunner;
use crate::plan::steps::Step;
use crate::scenario::cache_state::CacheState;
use crate::scenario::case::{Case, Seed};
use crate::scenario::link::Link;

impl RoundRunner<'_> {
    /// Makes the remote for a step of a plan with cases: what its state starts from, behind the link of its case. Each round has
    /// its own copy, so that what it adds is not there for the next.
    pub fn begin_in_case(&mut self, step: Step) -> Result<()> {
        let plan = self.plan;
        self.remote()?.set_link(Link::NONE)?;
        self.remote()?.set_faults(&[])?;
        match plan.case_of(&step) {
            Some(case) if step.state != CacheState::Cold => self.begin_from_seed(case)?,
            _ => self.remote()?.begin_round()?,
        }
        // A preparation has no link to wait for.
        let Some(case) = plan.measured_case(&step) else { return Ok(()) };
        self.remote()?.set_faults(&case.faults)?;
        self.remote()?.set_link(case.link.unwrap_or(Link::NONE))
    }

    fn begin_from_seed(&mut self, case: &Case) -> Result<()> {
        let seed = case.seed();
        let (prefix, is_filled) = self.caches.seed_prefix(&seed);
        let keeps_seeds = self.remote()?.keeps_seeds();
        if keeps_seeds && !is_filled {
            self.remote()?.enter(&prefix);
            self.seed(&seed, case)?;
        }
        self.remote()?.begin_round()?;
        if keeps_seeds { self.remote()?.copy_from(&prefix) } else { self.seed(&seed, case) }
    }

    fn seed(&mut self, seed: &Seed, case: &Case) -> Result<()> {
        let store = self.caches.filled(seed.kind.clone()).local.clone();
        let store = store.context("no run has filled a local store yet")?;
        let mut command = Command::new(case.executable().unwrap_or(&self.executable));
        toolchain::isolate(&mut command, &self.folders.config);
        command.args(arguments(seed)).arg("--cache-dir").arg(store);
        self.remote()?.configure(&mut command);
        let log = self.folder.work.path.join("seed.log");
        let measured = command::run(&mut command, &log, self.interrupt, |_| {})?;
        if !measured.status.success() {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            bail!("cannot fill the remote of a case ({})\n  it said: {}", measured.status, said.trim_end());
        }
        Ok(())
    }
}

/// Arguments of the bench that fills a remote with `seed`, without the local store that it comes from.
pub fn arguments(seed: &Seed) -> Vec<String> {
    let (strategy, share) = (value_name(&seed.strategy), seed.remote_share.to_string());
    let mut words = ["seed", "--strategy", &strategy, "--share", &share].map(str::to_owned).to_vec();
    if !seed.without.is_empty() {
        words.extend(["--without".to_owned(), value_names(&seed.without)]);
    }
    words
}
