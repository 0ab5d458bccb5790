//! One round of one leg: makes the state, runs go, waits for the backend, checks the state.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::folders::RunFolder;
use super::go::{Go, GoFolders};
use super::interrupt::Interrupt;
use super::leg::Leg;
use super::plan::{Kind, Plan, Step};
use super::platform;
use super::process::{self, Measured};
use super::remote::Remote;
use super::results::{LinkMeasured, Round};
use super::session;
use super::state::{self, Before, ServerSeen};
use super::workload::Workload;

/// Lines of go's own words that a failed build shows.
const TAIL_LINES: usize = 20;

/// Runs steps for real: go, the backend, the remote.
pub struct Machine<'a> {
    pub plan: &'a Plan,
    pub go: &'a Go,
    pub folder: &'a RunFolder,
    pub interrupt: &'a Interrupt,
    pub executable: PathBuf,
    pub folders: GoFolders,
    pub workload: Workload,
    /// None where no step uses it.
    pub remote: Option<Remote>,
    pub caches: Caches,
}

/// The caches that rounds leave for other rounds.
#[derive(Debug, Default)]
pub struct Caches {
    /// A GOCACHE that a baseline filled.
    full_gocache: Option<PathBuf>,
    /// The GOCACHE of all runs with a backend: go wants one, and puts nothing into it. Making and removing its 256 folders
    /// for every round took longer than the rounds of a small scenario.
    unused_gocache: Option<PathBuf>,
    /// The local store of the last c or b.
    full_local: Option<PathBuf>,
    /// Uploads that the last c did not get out.
    remote_missing: u64,
    made: u32,
}

/// Where the backend of one round works, and what was there before.
struct BackendRound {
    session: PathBuf,
    local: PathBuf,
    before: Before,
    mark: Option<u64>,
}

impl Machine<'_> {
    /// Runs one step; its records are in a folder of its own below the one of the run.
    ///
    /// Errors: the build failed, or the backend or the remote did. A run in a wrong state is none, it is told in the result.
    pub fn round(&mut self, step: Step) -> Result<Round> {
        let folder = self.folder.path.join(step.folder());
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        self.workload.reset()?;
        let gocache = self.gocache_for(step.leg)?;
        let mut command = self.go.build(&self.plan.packages, &self.workload.folder, &gocache, &self.folders);
        let backend = match step.leg.uses_backend() {
            true => Some(self.prepare_backend(step, &folder, &mut command)?),
            false => None,
        };
        platform::settle_disk(&self.folder.work.path);
        let started_unix_ns = unix_ns();
        // The session's folder has to be empty when the backend starts: go's words move in afterwards.
        let (outside, log) = (folder.with_extension("log"), folder.join("build.log"));
        let measured = process::run(&mut command, &outside, self.interrupt)?;
        std::fs::rename(&outside, &log).with_context(|| format!("cannot write {}", log.display()))?;
        if !measured.status.success() {
            bail!("{}", self.failure(step, &log, &measured));
        }
        let mut round = raw_round(step, started_unix_ns, &measured);
        match backend {
            Some(backend) => self.finish_backend(&mut round, backend)?,
            None if self.caches.full_gocache.is_none() => self.caches.full_gocache = Some(gocache),
            None => (),
        }
        Ok(round)
    }

    /// The delays that the link injected so far.
    pub fn link_measured(&mut self) -> Result<Option<LinkMeasured>> {
        match &mut self.remote {
            Some(remote) => remote.link_measured(),
            None => Ok(None),
        }
    }

    fn gocache_for(&mut self, leg: Leg) -> Result<PathBuf> {
        let known = match leg {
            Leg::BaselineFull => {
                Some(self.caches.full_gocache.clone().context("no baseline has filled a GOCACHE yet")?)
            }
            Leg::BaselineEmpty => None,
            Leg::C | Leg::B | Leg::A => self.caches.unused_gocache.clone(),
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let folder = self.fresh_folder("gocache")?;
        make_gocache(&folder).with_context(|| format!("cannot make a GOCACHE in {}", folder.display()))?;
        if leg.uses_backend() {
            self.caches.unused_gocache = Some(folder.clone());
        }
        Ok(folder)
    }

    fn prepare_backend(&mut self, step: Step, session: &Path, command: &mut Command) -> Result<BackendRound> {
        let local = match step.leg {
            Leg::A => self.caches.full_local.clone().context("no run has filled a local store yet")?,
            _ => self.fresh_folder("local")?,
        };
        let remote = self.remote.as_mut().context("no remote was started")?;
        if step.leg == Leg::C {
            remote.make_empty()?;
        }
        remote.configure(command);
        let before = Before {
            local_empty: is_empty(&local)?,
            remote_objects: remote.objects()?,
            remote_missing: self.caches.remote_missing,
        };
        let mark = remote.mark()?;
        command.env("GOCACHEPROG", self.backend_command(step, session, &local)?);
        Ok(BackendRound { session: session.to_owned(), local, before, mark })
    }

    /// The value of GOCACHEPROG.
    fn backend_command(&self, step: Step, session: &Path, local: &Path) -> Result<String> {
        let strategy = self.plan.strategy.to_possible_value().context("a strategy without a name")?;
        let profile = if step.kind == Kind::Profile { "on" } else { "off" };
        let mut words = vec![
            quoted(&self.executable)?,
            "backend --quiet --session".to_owned(),
            quoted(session)?,
            "--cache-dir".to_owned(),
            quoted(local)?,
            format!("--strategy {} --cpu-profile {profile}", strategy.get_name()),
        ];
        if !self.plan.records {
            // Not --no-records: without a summary nobody could tell in which state the run was.
            words.push("--no-trace --no-request-log".to_owned());
        }
        Ok(words.join(" "))
    }

    fn finish_backend(&mut self, round: &mut Round, backend: BackendRound) -> Result<()> {
        let go_ended = Instant::now();
        session::wait_for_end(&backend.session, || self.interrupt.requested())?;
        round.backend_after_go_ns = Some(nanoseconds(go_ended));
        let session = session::read(&backend.session)?;
        let remote = self.remote.as_mut().context("no remote was started")?;
        let server: Option<ServerSeen> = remote.seen_since(backend.mark)?;
        round.state = state::check(round.step.leg, backend.before, &session, server);
        round.state_ok = round.state.iter().all(|finding| finding.ok);
        if round.step.leg == Leg::C {
            self.caches.remote_missing = session.uploads_left;
        }
        if round.step.leg != Leg::A {
            self.caches.full_local = Some(backend.local);
        }
        round.before = Some(backend.before);
        round.session = Some(session);
        round.server = server;
        Ok(())
    }

    fn fresh_folder(&mut self, kind: &str) -> Result<PathBuf> {
        self.caches.made += 1;
        let folder = self.folder.work.path.join(kind).join(self.caches.made.to_string());
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        Ok(folder)
    }

    fn failure(&self, step: Step, log: &Path, measured: &Measured) -> String {
        let words = std::fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = words.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n  ");
        format!(
            "the build of {} failed ({})\n  tried: go build {}\n  go said:\n  {tail}\n  next:  all it said is in {}",
            step.folder(),
            measured.status,
            self.plan.packages,
            log.display()
        )
    }
}

fn raw_round(step: Step, started_unix_ns: u64, measured: &Measured) -> Round {
    Round {
        step,
        folder: step.folder(),
        started_unix_ns,
        wall_ns: measured.wall_ns,
        go_cpu_user_ns: measured.cpu_user_ns,
        go_cpu_system_ns: measured.cpu_system_ns,
        backend_after_go_ns: None,
        state_ok: true,
        state: Vec::new(),
        before: None,
        session: None,
        server: None,
    }
}

/// go makes these folders in a new cache, and takes 5 ms for it.
fn make_gocache(folder: &Path) -> std::io::Result<()> {
    for number in 0..=255_u8 {
        std::fs::create_dir(folder.join(format!("{number:02x}")))?;
    }
    Ok(())
}

fn is_empty(folder: &Path) -> Result<bool> {
    let mut entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    Ok(entries.next().is_none())
}

/// go splits GOCACHEPROG at spaces, and knows quotes but no escapes.
fn quoted(path: &Path) -> Result<String> {
    let text = path.to_str().with_context(|| format!("the path {} is not UTF-8", path.display()))?;
    match (text.contains('\''), text.contains('"')) {
        (false, _) => Ok(format!("'{text}'")),
        (true, false) => Ok(format!("\"{text}\"")),
        (true, true) => {
            bail!("GOCACHEPROG cannot hold the path {text}: it has both kinds of quotes\n  next:  use another folder")
        }
    }
}

fn unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_as_go_splits_them() {
        assert_eq!(quoted(Path::new("/a b")).unwrap(), "'/a b'");
        assert_eq!(quoted(Path::new("/it's")).unwrap(), "\"/it's\"");
        assert!(quoted(Path::new("/'\"")).is_err());
    }

    #[test]
    fn a_gocache_has_its_folders_before_go_starts() {
        let folder = tempfile::tempdir().unwrap();
        make_gocache(folder.path()).unwrap();
        assert!(folder.path().join("00").is_dir() && folder.path().join("ff").is_dir());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 256);
    }
}
