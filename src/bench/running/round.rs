//! One round of one leg: makes the state, runs go, waits for the backend, checks the state.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::build_log::BuildLog;
use super::folders::RunFolder;
use super::go::{Go, GoFolders};
use super::go_view::GoView;
use super::gocache;
use super::interrupt::Interrupt;
use super::process::{self, Measured};
use super::records;
use super::remote::Remote;
use super::session;
use super::state::{self, Before, ServerSeen};
use super::workload::Workload;
use crate::bench::planning::leg::Leg;
use crate::bench::planning::plan::{Kind, Plan, Step};
use crate::bench::reporting::errors::in_words;
use crate::bench::reporting::results::{LinkMeasured, Round};
use crate::platform;
use crate::telemetry::{Clock, Gauges, Resources, Sampler, Watched};

/// With less free space than this the stores of earlier rounds are removed between the rounds.
const TIGHT_DISK_BYTES: u64 = 10 << 30;

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
    /// Switches of the instruments instead of those of the plan.
    pub switches: Option<String>,
}

/// The caches that rounds leave for other rounds.
#[derive(Debug, Default)]
pub struct Caches {
    /// A GOCACHE that a baseline filled.
    full_gocache: Option<PathBuf>,
    /// The GOCACHE of all runs with a backend: go wants one, and puts nothing into it. Making and removing its 256 folders
    /// for every round took longer than the rounds of a small scenario.
    unused_gocache: Option<PathBuf>,
    /// The local store of the last c, or of the last b that was in its state.
    full_local: Option<PathBuf>,
    /// Local stores that nobody starts from any more.
    retired: Vec<PathBuf>,
    /// Whether the last c was in its state, so that the remote is full.
    remote_whole: bool,
    /// Whether go has the flags for it; None until that is needed.
    go_shows_its_view: Option<bool>,
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
        let (wants_view, has_view) = self.go_view(step);
        let view = has_view.then(|| GoView::beside(&folder));
        let flags = view.as_ref().map(GoView::flags).unwrap_or_default();
        let mut command =
            self.go.build_with(&flags, &self.plan.packages, &self.workload.folder, &gocache, &self.folders);
        let backend = match step.leg.uses_backend() {
            true => Some(self.prepare_backend(step, &folder, &mut command)?),
            false => None,
        };
        let files_before = gocache_files(&gocache)?;
        platform::settle_disk(&self.folder.work.path);
        let started_unix_ns = unix_ns();
        // The session's folder has to be empty when the backend starts: go's words move in afterwards.
        let (outside, log) = (folder.with_extension("log"), folder.join("build.log"));
        let mut sampler = None;
        let is_sampled = backend.is_none() && self.plan.records;
        let started = |go| sampler = is_sampled.then(|| sample(go)).flatten();
        let measured = process::run(&mut command, &outside, self.interrupt, started)?;
        let resources = sampler.and_then(Sampler::finish).map(|resources| with_all_cpu(resources, &measured));
        let mut round =
            Round::measured(step, started_unix_ns, measured.wall_ns, (measured.cpu_user_ns, measured.cpu_system_ns));
        round.resources = resources;
        let finish = || -> Result<Round> {
            std::fs::rename(&outside, &log).with_context(|| format!("cannot write {}", log.display()))?;
            let log = BuildLog { path: log, of: step.folder() };
            if !measured.status.success() {
                let tried = format!("go build {}", self.plan.packages);
                return Err(log.build_failed(&tried, &measured.status.to_string()));
            }
            log.check_packages(&self.plan.packages)?;
            match backend {
                Some(backend) => {
                    self.finish_backend(&mut round, backend, &log)?;
                    let merged = view.map(|view| view.merge_into(&folder, measured.pid));
                    round.go_view_missing = merged.and_then(Result::err).map(|error| in_words(&error));
                    if wants_view && !has_view {
                        round.go_view_missing = Some("this go has no -debug-trace and -debug-actiongraph".to_owned());
                    }
                }
                None => self.finish_baseline(&mut round, gocache, files_before)?,
            }
            Ok(round)
        };
        let finished = finish();
        if finished.is_err() || self.interrupt.requested() {
            end_backend(&measured, &folder);
        }
        finished
    }

    /// The delays that the link injected so far.
    pub fn link_measured(&mut self) -> Result<Option<LinkMeasured>> {
        match &mut self.remote {
            Some(remote) => remote.link_measured(),
            None => Ok(None),
        }
    }

    /// Whether go's own view is wanted, and whether this go shows it. Only where nothing is timed: it costs go time.
    fn go_view(&mut self, step: Step) -> (bool, bool) {
        let wanted = (step.kind, step.round) == (Kind::Profile, 1) && self.plan.records;
        let go = self.go;
        let config = &self.folders.config;
        let shows = wanted && *self.caches.go_shows_its_view.get_or_insert_with(|| go.shows_its_view(config));
        (wanted, shows)
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
        gocache::make(&folder).with_context(|| format!("cannot make a GOCACHE in {}", folder.display()))?;
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
            remote_whole: self.caches.remote_whole,
        };
        let mark = remote.mark()?;
        command.env("GOCACHEPROG", self.backend_command(step, session, &local)?);
        Ok(BackendRound { session: session.to_owned(), local, before, mark })
    }

    /// The value of GOCACHEPROG.
    fn backend_command(&self, step: Step, session: &Path, local: &Path) -> Result<String> {
        let strategy = self.plan.strategy.to_possible_value().context("a strategy without a name")?;
        let mut words = vec![
            quoted(&self.executable)?,
            "backend --quiet --session".to_owned(),
            quoted(session)?,
            "--cache-dir".to_owned(),
            quoted(local)?,
            format!("--strategy {}", strategy.get_name()),
            self.switches(step),
        ];
        if let Some(pid) = self.remote.as_ref().and_then(Remote::server_pid) {
            words.push(format!("--watch-s3 {pid}"));
        }
        Ok(words.join(" "))
    }

    /// Which instruments of the backend are on.
    fn switches(&self, step: Step) -> String {
        if let Some(switches) = &self.switches {
            return switches.clone();
        }
        let profile = match step.kind {
            // The first of such rounds is for go's own view, and starting the profiler would hold go up.
            Kind::Profile if self.plan.is_short(step.leg) && step.round == 1 => "--cpu-profile off",
            Kind::Profile if self.plan.is_short(step.leg) => "--cpu-profile first",
            Kind::Profile => "--cpu-profile on",
            Kind::Heap => "--cpu-profile off --heap-profile",
            Kind::Measured | Kind::Preparation => "--cpu-profile off",
        };
        // Not --no-records: without a summary nobody could tell in which state the run was.
        let light = "--no-trace --no-request-log --no-histograms --no-wall-profile --no-samples";
        if self.plan.records { profile.to_owned() } else { format!("{profile} {light}") }
    }

    fn finish_baseline(&mut self, round: &mut Round, gocache: PathBuf, files_before: u64) -> Result<()> {
        round.state = state::check_baseline(round.step.leg, files_before, gocache_files(&gocache)?);
        round.state_ok = round.state.iter().all(|finding| finding.ok);
        self.caches.full_gocache.get_or_insert(gocache);
        Ok(())
    }

    fn finish_backend(&mut self, round: &mut Round, backend: BackendRound, log: &BuildLog) -> Result<()> {
        let go_ended = Instant::now();
        let waited = session::wait_for_end(&backend.session, || self.interrupt.requested());
        round.backend_after_go_ns = Some(nanoseconds(go_ended));
        let session = waited.and_then(|()| session::read(&backend.session));
        let session = session.map_err(|error| log.session_failed(&error))?;
        let remote = self.remote.as_mut().context("no remote was started")?;
        let server: Option<ServerSeen> = remote.seen_since(backend.mark)?;
        round.state = state::check(round.step.leg, backend.before, &session, server);
        round.state_ok = round.state.iter().all(|finding| finding.ok);
        if round.step.leg == Leg::C {
            self.caches.remote_whole = round.state_ok;
        }
        // The store of a b that was not in its state may lack what it did not fetch.
        if round.step.leg == Leg::C || (round.step.leg == Leg::B && round.state_ok) {
            self.caches.retired.extend(self.caches.full_local.replace(backend.local));
            self.make_room();
        }
        round.records = Some(records::check(&backend.session, &session, server));
        round.before = Some(backend.before);
        round.session = Some(session);
        round.server = server;
        Ok(())
    }

    /// Removes the local stores of earlier rounds where the disk gets tight. Not before: ext4 creates files slowly for
    /// minutes after a thousand were removed, and the next round would be charged for it.
    fn make_room(&mut self) {
        let disk = rustix::fs::statvfs(&self.folder.work.path);
        if disk.is_ok_and(|disk| disk.f_bavail * disk.f_frsize < TIGHT_DISK_BYTES) {
            for store in self.caches.retired.drain(..) {
                let _ = std::fs::remove_dir_all(store);
            }
        }
    }

    fn fresh_folder(&mut self, kind: &str) -> Result<PathBuf> {
        self.caches.made += 1;
        let folder = self.folder.work.path.join(kind).join(self.caches.made.to_string());
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        Ok(folder)
    }
}

/// The last sample of a go comes before its end; what the kernel counted goes to the end.
fn with_all_cpu(mut resources: Resources, measured: &Measured) -> Resources {
    if let Some(go) = &mut resources.go {
        go.cpu_ns = Some(measured.cpu_user_ns + measured.cpu_system_ns);
    }
    resources
}

/// Looks at a go that has no backend to do it. Nothing of it is worth an error: the samples are missing then.
fn sample(go: u32) -> Option<Sampler> {
    let watched = Watched { go: Some(go), ..Watched::default() };
    Sampler::start(watched, Clock::start(), None, Gauges::default).ok()
}

/// Before anything of the round is removed: a backend that still runs would go on to write beside that.
fn end_backend(measured: &Measured, session: &Path) {
    measured.group.end();
    // An error says that there is no backend to wait for, or that it cannot be ended: there is one already.
    let _ = session::wait_for_end(session, || false);
}

fn gocache_files(folder: &Path) -> Result<u64> {
    gocache::files(folder).with_context(|| format!("cannot count the files in {}", folder.display()))
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
}
