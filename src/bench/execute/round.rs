//! One round of one state: makes the state, runs go, waits for the backend, checks the state.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::error_text::in_words;
use crate::execute::backend::command::BackendCommand;
use crate::execute::backend::records;
use crate::execute::backend::session;
use crate::execute::foreign::round::ForeignRound;
use crate::execute::go::build_log::BuildLog;
use crate::execute::go::go_view::merge::GoView;
use crate::execute::go::gocache;
use crate::execute::go::workers;
use crate::execute::process::command;
use crate::execute::process::command::Measured;
use crate::execute::process::cpu_load::Busy;
use crate::execute::process::time_limit::TimeLimit;
use crate::execute::round_runner::RoundRunner;
use crate::execute::state_check;
use crate::plan::steps::Step;
use crate::results::round::Round;
use crate::results::round::{Before, ServerSeen};
use crate::scenario::cache_state::CacheState;
use crate::scenario::case::Case;
use gocacheprog::note;
use gocacheprog::platform;
use gocacheprog::platform::clock::now_unix_ns;
use gocacheprog::telemetry::{Clock, Gauges, Resources, Sampler, Watched};

/// The longest build with a backend that is not ours.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Lets go keep its work folder. A file system passes over the inodes of thousands of deleted files for minutes (`recently_deleted` in
/// ext4), and the next rounds would be charged for it.
const KEEPS_WORK: &str = "-work";

/// All that is read when a round has ended.
struct AfterRound {
    gocache: PathBuf,
    files_before: u64,
    view: Option<GoView>,
    /// True if go's own view is wanted, and this go does not show it.
    lacks_view: bool,
    backend: Option<BackendRound>,
    /// The backend, where it is not ours.
    foreign: Option<ForeignRound>,
    /// Workers of go: so many requests may be open at once.
    workers: usize,
}

/// Where the backend of one round works, and what was there before.
struct BackendRound {
    session: PathBuf,
    local: PathBuf,
    before: Before,
    mark: Option<u64>,
}

impl RoundRunner<'_> {
    /// Runs one step; its records are in a folder of its own below the one of the run.
    ///
    /// Errors: the build failed, or the backend or the remote did. A run in a wrong state is not an error: the result names it.
    pub fn round(&mut self, step: Step) -> Result<Round> {
        let named = self.plan.folder_of(&step);
        let folder = self.folder.path.join(&named);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let (mut command, after) = self.prepare(step, &folder)?;
        platform::settle_disk(&self.folder.work.path);
        let started_unix_ns = now_unix_ns();
        // The session's folder has to be empty when the backend starts: go's output is moved into it afterwards.
        let outside = folder.with_extension("log");
        let mut sampler = None;
        let is_sampled = after.backend.is_none() && self.plan.records;
        let is_foreign = after.foreign.is_some();
        let mut limit = None;
        let started = |go| {
            sampler = is_sampled.then(|| sample(go)).flatten();
            limit = is_foreign.then(|| TimeLimit::start(go, LONGEST));
        };
        let busy = self.plan.measured_case(&step).map_or(0, |case| case.busy);
        let busy = Busy::start(&self.executable, busy, self.interrupt)?;
        let measured = command::run(&mut command, &outside, self.interrupt, started)?;
        drop(busy);
        if limit.is_some_and(|limit| limit.has_passed()) {
            note::line(format_args!(
                "note: {named}: go had not ended after {} min, and was ended; its backend did not answer, or kept its stdout open",
                LONGEST.as_secs() / 60
            ));
        }
        let resources = sampler.and_then(Sampler::finish).map(|resources| with_all_cpu(resources, &measured));
        let mut round = Round::measured(
            step,
            named.clone(),
            started_unix_ns,
            measured.wall_ns,
            (measured.cpu_user_ns, measured.cpu_system_ns),
        );
        round.resources = resources;
        self.keep_work_folders();
        let (tried, module) = (self.plan.command().to_string(), self.workload.user_folder());
        let stays = self.folder.is_kept();
        let finished = BuildLog::of_ended(&outside, &folder, named, &tried, module, measured.status, stays)
            .and_then(|log| self.finish(&mut round, after, &log, (&folder, &measured)));
        if finished.is_err() || self.interrupt.requested() {
            end_backend(&measured, &folder);
        }
        finished.map(|()| round)
    }

    /// Gives up the work folders that go kept: they go with the run, or when the disk gets tight.
    fn keep_work_folders(&mut self) {
        let Ok(entries) = std::fs::read_dir(&self.folders.of_builds) else { return };
        let kept = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| !self.caches.is_retired(path));
        let kept: Vec<PathBuf> = kept.collect();
        kept.into_iter().for_each(|path| self.caches.retire(path));
    }

    /// Takes over what the backend or go left in the folder of the round.
    fn finish(&mut self, round: &mut Round, after: AfterRound, log: &BuildLog, at: (&Path, &Measured)) -> Result<()> {
        match (after.foreign, after.backend) {
            (Some(foreign), _) => self.finish_foreign(round, foreign, (at.1, at.0), after.workers)?,
            (None, Some(backend)) => self.finish_backend(round, backend, log, after.workers)?,
            (None, None) => return self.finish_baseline(round, after.gocache, after.files_before),
        }
        if let Some(view) = after.view {
            take_view(round, &view, at, after.workers);
        }
        if after.lacks_view {
            round.go_view_missing = Some("this go has no -debug-trace and -debug-actiongraph".to_owned());
        }
        Ok(())
    }

    /// Makes what the step starts from, and the command that it runs.
    fn prepare(&mut self, step: Step, folder: &Path) -> Result<(Command, AfterRound)> {
        self.workload.reset()?;
        self.caches.make_room();
        let case = self.plan.case_of(&step);
        let gocache = self.caches.gocache_for(step.state, case)?;
        let (wants_view, has_view) = self.go_view(step);
        let view = has_view.then(|| GoView::beside(folder));
        let mut flags = view.as_ref().map(GoView::flags).unwrap_or_default();
        flags.extend(case.filter(|case| case.trimpath).map(|_| "-trimpath".into()));
        if step.state.is_cold() {
            flags.push(KEEPS_WORK.into());
        }
        // What others start from is made before the change.
        let change = self.plan.measured_case(&step).and_then(|case| case.change);
        let module = self.workload.enter(change)?;
        let mut command = self.timed(&module, &gocache, &flags);
        let is_foreign = step.state.uses_backend() && case.is_some_and(|case| case.foreign().is_some());
        // A backend that is not ours gets variables of its own.
        if !is_foreign {
            self.isolate(&mut command);
        }
        if let Some(jobs) = case.and_then(|case| case.jobs) {
            command.env("GOMAXPROCS", jobs.to_string());
        }
        let workers = workers::of(&command, &self.go.version);
        let (mut backend, mut foreign) = (None, None);
        match case.and_then(|case| Some((case, case.foreign()?))) {
            _ if !step.state.uses_backend() => {}
            Some(of_case) => foreign = Some(self.prepare_foreign(step, of_case, (&module, folder), &mut command)?),
            None => backend = Some(self.prepare_backend(step, folder, &mut command)?),
        }
        let files_before = gocache_files(&gocache)?;
        let lacks_view = wants_view && !has_view;
        Ok((command, AfterRound { gocache, files_before, view, lacks_view, backend, foreign, workers }))
    }

    fn prepare_backend(&mut self, step: Step, session: &Path, command: &mut Command) -> Result<BackendRound> {
        let case = self.plan.case_of(&step);
        let local = self.caches.local_for(step.state, case)?;
        if self.plan.study.has_cases() {
            self.begin_in_case(step)?;
        } else if step.state == CacheState::Cold {
            self.remote()?.make_empty()?;
        }
        let remote_whole = self.caches.filled(Case::cache_kind(step.state, case)).remote_whole;
        let (made_again, asks_in_vain) = (self.workload.made_again, self.workload.asks_in_vain);
        let remote = self.remote()?;
        // Again: the place for this round may be another by now.
        remote.configure(command);
        let before = Before {
            local_empty: is_empty(&local)?,
            remote_objects: remote.objects()?,
            remote_whole,
            may_miss: case.is_some_and(Case::may_miss),
            no_upload: case.is_some_and(|case| case.settings.no_upload),
            made_again,
            asks_in_vain,
        };
        let (mark, server_pid) = (remote.mark()?, remote.server_pid());
        let executable = case.and_then(Case::executable).unwrap_or(&self.executable);
        let switches = self.switches.as_deref();
        let backend = BackendCommand { executable, session, local: &local, server_pid, switches };
        command.env("GOCACHEPROG", backend.words(self.plan, step)?);
        Ok(BackendRound { session: session.to_owned(), local, before, mark })
    }

    fn finish_baseline(&mut self, round: &mut Round, gocache: PathBuf, files_before: u64) -> Result<()> {
        let case = self.plan.case_of(&round.step);
        // Each put is two files.
        let growth = if self.workload.gocache_grows { 2 * self.workload.made_again } else { 0 };
        let growth = if case.is_some_and(Case::may_miss) { None } else { Some(growth) };
        round.state_checks =
            state_check::check_baseline(round.step.state, files_before, gocache_files(&gocache)?, growth);
        round.state_ok = round.state_checks.iter().all(|finding| finding.ok);
        self.caches.filled(Case::cache_kind(round.step.state, case)).gocache.get_or_insert(gocache);
        Ok(())
    }

    fn finish_backend(
        &mut self,
        round: &mut Round,
        backend: BackendRound,
        log: &BuildLog,
        workers: usize,
    ) -> Result<()> {
        let go_ended = Instant::now();
        let waited = session::wait_for_end(&backend.session, || self.interrupt.requested());
        round.backend_after_go_ns = Some(nanoseconds(go_ended));
        let session = waited.and_then(|()| session::read(&backend.session));
        let session = session.map_err(|error| log.session_failed(&error))?;
        let inside = session::inside(&backend.session, || self.interrupt.requested());
        let inside = inside.map_err(|error| log.session_failed(&error))?;
        let server: Option<ServerSeen> = self.remote()?.seen_since(backend.mark)?;
        if self.plan.study.has_cases() {
            round.link = self.link_measured()?;
        }
        round.state_checks = state_check::check(round.step.state, backend.before, &session, &inside, server);
        round.state_ok = round.state_checks.iter().all(|finding| finding.ok);
        self.keep_or_retire(round, backend.local);
        let server_of_one = if inside.is_none() { server } else { None };
        round.records = Some(records::check(&backend.session, &session, server_of_one));
        round.time_breakdown = records::time_breakdown(&backend.session, round, &session, workers);
        round.spans = records::spans(&backend.session);
        round.before = Some(backend.before);
        round.session = Some(session);
        round.server = server;
        Ok(())
    }

    /// Keeps a local store for later rounds, or gives it up.
    fn keep_or_retire(&mut self, round: &Round, local: PathBuf) {
        let state = round.step.state;
        let case = self.plan.measured_case(&round.step);
        let cache_kind = Case::cache_kind(state, self.plan.case_of(&round.step));
        if state == CacheState::Cold && case.is_none() {
            self.caches.filled(cache_kind.clone()).remote_whole = round.state_ok;
        }
        match state {
            CacheState::LocalHit => {}
            _ if case.is_some() => self.caches.retire(local),
            // The store of a remote-hit round that was not in its state may lack entries that it did not fetch.
            CacheState::RemoteHit if !round.state_ok => {}
            _ => self.caches.keep_local(cache_kind, local),
        }
    }
}

/// Takes over go's own view of a round; the round names what does not work.
fn take_view(round: &mut Round, view: &GoView, (folder, measured): (&Path, &Measured), workers: usize) {
    let taken = match view.take(folder) {
        Ok(taken) => taken,
        Err(error) => {
            round.go_view_missing = Some(in_words(&error));
            round.actions_missing = round.go_view_missing.clone();
            return;
        }
    };
    round.go_view_missing = taken.merge(measured.pid).err().map(|error| in_words(&error));
    let Some(session) = &round.session else { return };
    match taken.joined(records::times(round, session, workers)) {
        Ok(actions) => round.actions = Some(actions),
        Err(error) => round.actions_missing = Some(in_words(&error)),
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

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
