//! Several machines that build at once over one bucket: a go, a GOCACHE and a local store for each, one server for all.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::execute::backend::command::BackendCommand;
use crate::execute::backend::records;
use crate::execute::backend::session;
use crate::execute::go::build_log::BuildLog;
use crate::execute::process::command;
use crate::execute::process::command::Measured;
use crate::execute::round_runner::RoundRunner;
use crate::plan::go_command::GoCommand;
use crate::plan::steps::{Kind, Step};
use crate::results::machines::{Build, GroupResult, WaveResult};
use crate::scenario::cache_state::CacheState;
use crate::scenario::ci::Group;
use crate::scenario::link::Link;
use gocacheprog::platform;

/// A machine that is about to build.
struct Ready {
    packages: String,
    /// Folders of its records: relative to that of the run, and absolute.
    named: String,
    folder: PathBuf,
    log: PathBuf,
    command: Command,
}

impl RoundRunner<'_> {
    /// Runs the waves of a group, one after the other, on a bucket that is empty at first.
    ///
    /// # Errors
    /// When a build failed, or a backend or the remote did.
    pub fn group(&mut self, group: &Group) -> Result<GroupResult> {
        let link = self.plan.link.unwrap_or(Link::NONE);
        self.caches.make_room();
        let remote = self.remote()?;
        remote.begin_round()?;
        remote.set_link(link)?;
        let mut waves = Vec::new();
        let mut machine = 0;
        for wave in &group.waves {
            let mut ready = Vec::new();
            for packages in &wave.packages {
                machine += 1;
                ready.push(self.ready(&format!("ci/{}/machine-{machine}", group.folder()), packages)?);
            }
            waves.push(self.wave(ready)?);
            if self.interrupt.requested() {
                break;
            }
        }
        Ok(GroupResult { machines: group.machines, start: group.start, builds: group.builds, waves })
    }

    /// Makes all that a machine needs before the clock starts.
    fn ready(&mut self, named: &str, packages: &str) -> Result<Ready> {
        let folder = self.folder.path.join(named);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let (gocache, local) = self.caches.of_one_machine()?;
        let module = self.workload.enter(None)?;
        let mut command = self.go.command(&[], &module, &gocache, &self.folders);
        self.workload.add_arguments(&mut command, &GoCommand::build(packages), &[]);
        self.workload.configure(&mut command);
        let remote = self.remote()?;
        remote.configure(&mut command);
        let server_pid = remote.server_pid();
        let (executable, switches) = (self.executable.as_path(), self.switches.as_deref());
        let backend = BackendCommand { executable, session: &folder, local: &local, server_pid, switches };
        let step = Step { state: CacheState::Cold, case: None, kind: Kind::Measured, round: 1 };
        command.env("GOCACHEPROG", backend.words(self.plan, step)?);
        let log = folder.with_extension("log");
        Ok(Ready { packages: packages.to_owned(), named: named.to_owned(), folder, log, command })
    }

    /// Starts all at once, and waits for the last backend.
    fn wave(&mut self, mut ready: Vec<Ready>) -> Result<WaveResult> {
        platform::settle_disk(&self.folder.work.path);
        let mark = self.remote()?.mark()?;
        let interrupt = self.interrupt;
        let measured: Vec<Result<Measured>> = std::thread::scope(|scope| {
            let start = |ready| {
                let Ready { command, log, .. }: &mut Ready = ready;
                scope.spawn(move || command::run(command, log, interrupt, |_| {}))
            };
            let threads: Vec<_> = ready.iter_mut().map(start).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("bench lost a thread that waited for go")))
            };
            threads.into_iter().map(join).collect()
        });
        let measured: Vec<Measured> = measured.into_iter().collect::<Result<_>>()?;
        let finish = |(ready, measured)| self.finish_machine(ready, measured);
        let builds: Result<Vec<Build>> = ready.into_iter().zip(&measured).map(finish).collect();
        if builds.is_err() {
            // Backends that still run would go on to write beside what is removed.
            measured.iter().for_each(|measured| measured.group.end());
        }
        let builds = builds?;
        let remote = self.remote()?;
        let (server, stored) = (remote.seen_since(mark)?, remote.stored()?);
        Ok(WaveResult { builds, server, stored_objects: stored.map(|s| s.0), stored_bytes: stored.map(|s| s.1) })
    }

    fn finish_machine(&self, ready: Ready, measured: &Measured) -> Result<Build> {
        let (of, tried) = (ready.named.clone(), GoCommand::build(&ready.packages).to_string());
        let (module, stays) = (self.workload.user_folder(), self.folder.is_kept());
        let log = BuildLog::of_ended(&ready.log, &ready.folder, of, &tried, module, measured.status, stays)?;
        let waited = session::wait_for_end(&ready.folder, || self.interrupt.requested());
        let session = waited.and_then(|()| session::read(&ready.folder));
        let session = session.map_err(|error| log.session_failed(&error))?;
        // The server's log is that of all machines: it cannot be compared with one.
        let disagreements = records::check(&ready.folder, &session, None).disagreements;
        Ok(Build { packages: ready.packages, folder: ready.named, wall_ns: measured.wall_ns, session, disagreements })
    }
}
