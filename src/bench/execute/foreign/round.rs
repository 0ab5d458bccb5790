//! A round of a backend that is not ours: what is made ready for it, and what is seen of it when go has ended.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::execute::backend::command::quoted;
use crate::execute::backend::records;
use crate::execute::backend::session;
use crate::execute::foreign::home::Home;
use crate::execute::foreign::join::join;
use crate::execute::foreign::server_trace;
use crate::execute::foreign::settings::Values;
use crate::execute::foreign::state_check;
use crate::execute::foreign::state_check::Before;
use crate::execute::process::command::Measured;
use crate::execute::remote::remote_store;
use crate::execute::remote::variables;
use crate::execute::round_runner::RoundRunner;
use crate::plan::steps::{Kind, Step};
use crate::results::round::Round;
use crate::results::run::write_whole;
use crate::results::time_breakdown::TimeBreakdown;
use crate::scenario::backends::foreign::Foreign;
use crate::scenario::cache_state::CacheState;
use crate::scenario::case::Case;
use crate::scenario::link::Link;
use gocacheprog::cache::remote::s3_config::config::S3Config;
use gocacheprog::platform::Orphanage;
use gocacheprog::s3_server::Record;
use gocacheprog::telemetry::SESSION_FILE;

/// How long a backend may go on after go has ended: what has not ended by then is named, and ended.
const DEADLINE: Duration = Duration::from_secs(60);

/// The most letters of the name of a bucket.
const MOST_LETTERS: usize = 63;
/// The trace among the records of a session.
const TRACE: &str = "trace.json";

/// The backend of one round, and what was there before.
#[derive(Debug)]
pub struct ForeignRound {
    home: Home,
    before: Before,
    /// Its place in the S3 server's log; None for a backend over disk only.
    mark: Option<u64>,
    orphanage: Orphanage,
    /// True if a relay between go and the backend records the session.
    is_tapped: bool,
}

impl RoundRunner<'_> {
    /// Puts the stores of a backend into the state that the step starts from, and tells go how to start it.
    ///
    /// # Errors
    /// When a folder cannot be made or moved, or the S3 server does not answer.
    pub fn prepare_foreign(
        &mut self,
        step: Step,
        (case, foreign): (&Case, &Foreign),
        (module, records): (&Path, &Path),
        command: &mut Command,
    ) -> Result<ForeignRound> {
        let work = self.folder.work.path.clone();
        let home = Home::open(&work, &case.slug, module)?;
        if step.state != CacheState::LocalHit {
            home.clear()?.into_iter().for_each(|folder| self.caches.retire(folder));
        }
        let before_local = home.is_empty();
        let mut s3: Option<S3Config> = None;
        let mut objects = None;
        let remote = self.remote()?;
        remote.set_faults(&[])?;
        // A preparation has no link to wait for.
        remote.set_link(Link::NONE)?;
        if foreign.s3 {
            let bucket = remote.bucket(&bucket_name(&case.slug))?;
            if step.state == CacheState::Cold {
                remote.clear_bucket(&bucket.bucket)?;
            }
            objects = Some(remote.objects_in(&bucket.bucket)?);
            s3 = Some(bucket);
        }
        let (host, certificate) = remote.address(&work)?;
        let values =
            Values { local: home.local(), work: module, s3: s3.as_ref(), host: &host, certificate: &certificate };
        variables::isolate(command);
        command.envs(home.variables());
        let mut words = values.command(foreign)?;
        let is_tapped = step.kind == Kind::Profile && self.plan.records;
        if is_tapped {
            words = format!("{} tap --session {} -- {words}", quoted(&self.executable)?, quoted(records)?);
        }
        command.envs(values.variables(foreign)).env("GOCACHEPROG", words);
        if self.plan.measured_case(&step).is_some() {
            self.remote()?.set_link(case.link.unwrap_or(Link::NONE))?;
        }
        let mark = if foreign.s3 { self.remote()?.mark()? } else { None };
        home.enter()?;
        Ok(ForeignRound {
            home,
            before: Before { local_empty: before_local, objects },
            mark,
            orphanage: Orphanage::open(),
            is_tapped,
        })
    }

    /// Waits for the end of the backend, and takes over what was seen of it.
    ///
    /// # Errors
    /// When the S3 server does not answer, or a folder cannot be moved.
    pub fn finish_foreign(
        &mut self,
        round: &mut Round,
        foreign: ForeignRound,
        (measured, folder): (&Measured, &Path),
        workers: usize,
    ) -> Result<()> {
        let go_ended = Instant::now();
        round.left_running = foreign.orphanage.wait(measured.pid, DEADLINE, || self.interrupt.requested());
        round.backend_after_go_ns = Some(u64::try_from(go_ended.elapsed().as_nanos()).unwrap_or(u64::MAX));
        foreign.home.leave(folder)?;
        let records = self.remote()?.records_since(foreign.mark)?;
        round.server = records.as_deref().map(remote_store::count);
        round.link = self.link_measured()?;
        round.state_checks = state_check::check(round.step.state, foreign.before, round.server);
        if foreign.is_tapped {
            let server = self.remote()?.server_pid().unwrap_or_default();
            take_tapped(round, (folder, server), &records.unwrap_or_default(), workers)?;
        }
        Ok(())
    }
}

/// The bucket of a backend: its name alone may be too short or too long for one (3 to 63 letters).
fn bucket_name(slug: &str) -> String {
    let name: String = format!("backend-{slug}").chars().take(MOST_LETTERS).collect();
    name.trim_end_matches('-').to_owned()
}

/// Reads what the relay recorded, and joins the S3 server's log to it.
fn take_tapped(round: &mut Round, (folder, server): (&Path, u32), requests: &[Record], workers: usize) -> Result<()> {
    let mut session = session::read(folder)?;
    if let Some(mut log) = records::request_log(folder) {
        let joined = join(&mut log, &mut session, requests);
        // Before go's own view comes into the trace and moves its beginning. Without it the trace lacks a process.
        let trace = folder.join(TRACE);
        let _ = server_trace::add(&trace, log.start_unix_ns, server, requests, &joined.requests);
        round.spans = joined.spans;
        round.time_breakdown = Some(TimeBreakdown::of(records::times(round, &session, workers), &log));
    }
    // The numbers of the server's log are in the records too, because evidence leads there.
    write_whole(&folder.join(SESSION_FILE), |file| Ok(serde_json::to_writer_pretty(file, &session)?))?;
    round.session = Some(session);
    Ok(())
}
