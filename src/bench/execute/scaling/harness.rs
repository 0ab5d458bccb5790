//! The surroundings of made-up sessions: an embedded S3 server, a work folder and a way to start backends.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};

use crate::execute::backend::command::NO_INSTRUMENTS;
use crate::execute::backend::session;
use crate::execute::process::interrupt::Interrupt;
use crate::execute::remote::server::ServerProcess;
use crate::execute::remote::variables::configure_embedded;
use crate::execute::scaling::driver::Driver;
use crate::scenario::link::Link;
use gocacheprog::telemetry::SessionSummary;

/// A server without entries, and the means to start backends that use it.
pub struct Harness<'a> {
    pub server: ServerProcess,
    /// Folder of the local stores and of the sessions.
    pub work: &'a Path,
    /// Reports progress.
    pub say: &'a dyn Fn(&str),
    interrupt: &'a Interrupt,
    executable: PathBuf,
    /// Sessions started so far.
    sessions: u32,
}

impl<'a> Harness<'a> {
    /// Starts the S3 server.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(work: &'a Path, interrupt: &'a Interrupt, say: &'a dyn Fn(&str)) -> Result<Harness<'a>> {
        let server = ServerProcess::start(Link::NONE, interrupt)?;
        let executable = std::env::current_exe().context("cannot find bench's own executable")?;
        Ok(Harness { server, work, say, interrupt, executable, sessions: 0 })
    }

    /// Starts a backend over the local store in `store`. Returns it with the folder of its session.
    ///
    /// # Errors
    /// When it does not start.
    pub fn session(&mut self, store: &Path) -> Result<(Driver, PathBuf)> {
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
        Ok((Driver::start(command, self.interrupt)?, session))
    }

    /// Ends a session, and reads its summary.
    ///
    /// # Errors
    /// When the backend failed, or went without S3.
    pub fn end(&self, driver: Driver, session: &Path) -> Result<SessionSummary> {
        driver.end()?;
        let summary = session::read(session)?;
        match summary.error.as_ref().or(summary.remote_off.as_ref()) {
            Some(trouble) => Err(anyhow!("a session failed: {trouble}")),
            None => Ok(summary),
        }
    }

    /// A path for a local store that does not exist yet.
    pub fn fresh_store(&self, name: &str) -> PathBuf {
        self.work.join(format!("{name}-{}", self.sessions))
    }
}
