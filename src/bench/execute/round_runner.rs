//! The machine that runs steps: its folders, caches and remote, and the go command that it times.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::execute::folders::caches::Caches;
use crate::execute::folders::run_folders::RunFolder;
use crate::execute::go::toolchain::{Go, GoFolders};
use crate::execute::go::workers;
use crate::execute::process::interrupt::Interrupt;
use crate::execute::remote::remote_store::Remote;
use crate::execute::remote::variables;
use crate::execute::runner::Execute;
use crate::execute::workload::build_target::BuildTarget;
use crate::execute::workload::user_module::UserModule;
use crate::plan::run_plan::Plan;
use crate::plan::steps::{Kind, Step};
use crate::results::round::{LinkMeasured, Round};
use gocacheprog::platform;

/// Runs steps for real: go, the backend, the remote.
pub struct RoundRunner<'a> {
    pub plan: &'a Plan,
    pub go: &'a Go,
    pub folder: &'a RunFolder,
    pub interrupt: &'a Interrupt,
    pub executable: PathBuf,
    pub folders: GoFolders,
    /// One of these folders. It goes with this.
    pub _temporary: TempDir,
    pub workload: BuildTarget,
    /// None where no step uses it.
    pub remote: Option<Remote>,
    pub caches: Caches,
    /// Switches of the instruments instead of those of the plan.
    pub switches: Option<String>,
}

impl<'a> RoundRunner<'a> {
    /// A runner of the rounds of a plan, with folders of its own.
    ///
    /// # Errors
    /// When the folders of the run cannot be made.
    pub fn set_up(
        plan: &'a Plan,
        go: &'a Go,
        folder: &'a RunFolder,
        interrupt: &'a Interrupt,
        remote: Option<Remote>,
        module: Option<UserModule>,
    ) -> Result<RoundRunner<'a>> {
        let work = &folder.work.path;
        let temporary = interrupt.temporary_folder().context("cannot make a temporary folder")?;
        let folders = GoFolders {
            config: work.join("config"),
            gopath: work.join("gopath"),
            of_builds: work.join("tmp"),
            of_programs: temporary.path().to_owned(),
        };
        for folder in [&folders.config, &folders.gopath, &folders.of_builds] {
            std::fs::create_dir(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        platform::switch_off_telemetry(&folders.config)
            .with_context(|| format!("cannot write go's settings below {}", folders.config.display()))?;
        Ok(RoundRunner {
            plan,
            go,
            folder,
            interrupt,
            executable: std::env::current_exe().context("cannot find bench's own executable")?,
            workload: BuildTarget::create(work, plan, module, go, &folders)?,
            folders,
            _temporary: temporary,
            remote,
            caches: Caches::new(work),
            switches: None,
        })
    }
}

impl RoundRunner<'_> {
    /// The go command that is timed, with the settings of the user that count.
    pub fn timed(&self, module: &Path, gocache: &Path, flags: &[OsString]) -> Command {
        let mut command = self.go.command(&[], module, gocache, &self.folders);
        self.workload.add_arguments(&mut command, &self.plan.command(), flags);
        self.workload.configure(&mut command);
        command
    }

    /// Workers of the go that is timed, where no case gives it others.
    ///
    /// # Errors
    /// When the module cannot be put in its place.
    pub fn go_workers(&mut self) -> Result<usize> {
        let module = self.workload.enter(None)?;
        Ok(workers::of(&self.timed(&module, &self.folders.of_builds, &[]), &self.go.version))
    }

    /// Gives a go command the variables of the remote, also without a backend: the tests that it runs must find the same
    /// variables in both cases.
    pub fn isolate(&mut self, command: &mut Command) {
        match &mut self.remote {
            Some(remote) => remote.configure(command),
            None if self.plan.link.is_some() => variables::isolate(command),
            None => {}
        }
    }

    /// The remote.
    ///
    /// # Errors
    /// When no step of the plan was said to use it.
    pub fn remote(&mut self) -> Result<&mut Remote> {
        self.remote.as_mut().context("no remote was started")
    }

    /// The delays that the link injected since it was set.
    pub fn link_measured(&mut self) -> Result<Option<LinkMeasured>> {
        match &mut self.remote {
            Some(remote) => remote.link_measured(),
            None => Ok(None),
        }
    }

    /// Says if go's own view is wanted, and if this go shows it. Only where nothing is timed: it costs go time.
    pub fn go_view(&mut self, step: Step) -> (bool, bool) {
        let wanted = (step.kind, step.round) == (Kind::Profile, 1) && self.plan.records;
        let go = self.go;
        let config = &self.folders.config;
        let shows = wanted && *self.caches.go_shows_its_view.get_or_insert_with(|| go.shows_its_view(config));
        (wanted, shows)
    }
}

impl Execute for RoundRunner<'_> {
    fn round(&mut self, step: Step) -> Result<Round> {
        RoundRunner::round(self, step)
    }

    fn interrupted(&self) -> bool {
        self.interrupt.requested()
    }
}
