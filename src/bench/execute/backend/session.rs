//! The end of a backend session, and the summary that it leaves in its folder.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use gocacheprog::telemetry::{INSIDE, LOCK_FILE, SESSION_FILE, SessionSummary, UNFINISHED};

/// The pause between two tries of the lock of a backend that still works.
const POLL: Duration = Duration::from_millis(5);
/// The longest that a backend may go on after go has ended: its uploads have 60 s, then the profile is drawn.
const DEADLINE: Duration = Duration::from_secs(120);

/// Waits until the backend of the session in `folder` has ended, however it ended.
///
/// It holds `session.lock` for as long as its process lives. `stop` is asked between two tries.
/// Errors: it never started, or it has not ended within two minutes.
pub fn wait_for_end(folder: &Path, stop: impl Fn() -> bool) -> Result<()> {
    let path = folder.join(LOCK_FILE);
    let lock = File::open(&path)
        .with_context(|| format!("go ended, but it never started the backend: there is no {}", path.display()))?;
    let deadline = Instant::now() + DEADLINE;
    while !stop() {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(POLL),
            Err(TryLockError::WouldBlock) => {
                bail!("the backend still runs {} s after go ended", DEADLINE.as_secs())
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot try the lock {}", path.display()));
            }
        }
    }
    Ok(())
}

/// The summary in `folder`; an error says that the backend did not come to its end, or wrote something else.
pub fn read(folder: &Path) -> Result<SessionSummary> {
    let path = folder.join(SESSION_FILE);
    SessionSummary::read(folder).with_context(|| format!("the backend ended without its summary {}", path.display()))
}

/// The sessions of go commands that were started by what go ran, such as tests.
#[derive(Debug, Clone, Default)]
pub struct Inside {
    pub summaries: Vec<SessionSummary>,
    /// The number of those that left no summary: a test may end the go that it started, with its backend.
    pub unknown: u64,
}

impl Inside {
    /// True if what go ran started no go.
    pub fn is_none(&self) -> bool {
        self.summaries.is_empty() && self.unknown == 0
    }

    /// Entries that they put or fetched; None where some left no summary.
    pub fn entries(&self) -> Option<u64> {
        let of = |session: &SessionSummary| session.counts.puts + session.counts.hits_remote;
        if self.unknown == 0 { Some(self.summaries.iter().map(of).sum()) } else { None }
    }
}

/// Finds the sessions inside the one in `folder`, and waits for their ends.
///
/// # Errors
/// When the folder cannot be read, or one has not ended within two minutes.
pub fn inside(folder: &Path, stop: impl Fn() -> bool) -> Result<Inside> {
    let mut inside = Inside::default();
    let Ok(entries) = std::fs::read_dir(folder.join(INSIDE)) else { return Ok(inside) };
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", folder.join(INSIDE).display()))?;
        // One that ended before its folder had a name stored nothing.
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            continue;
        }
        wait_for_end(&entry.path(), &stop)?;
        match read(&entry.path()) {
            Ok(summary) => inside.summaries.push(summary),
            Err(_) => inside.unknown += 1,
        }
    }
    Ok(inside)
}

#[cfg(test)]
pub mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use gocacheprog::cache::Strategy;
    use gocacheprog::telemetry::{ClosedBy, Counts, SCHEMA};

    /// A summary in which nothing happened.
    pub fn quiet() -> SessionSummary {
        SessionSummary {
            schema: SCHEMA,
            pid: 1,
            strategy: Some(Strategy::Async),
            start_unix_ns: 1,
            handshake_ns: 1,
            wall_ns: 1,
            counts: Counts::default(),
            bytes_down: 0,
            bytes_up: 0,
            remote_requests: 0,
            remote_errors: 0,
            most_downloads: None,
            unpack_ns: 0,
            unpack_cpu_ns: 0,
            remote_off: None,
            remote_off_remembered: false,
            uploads_done: 0,
            uploads_left: 0,
            get_ns: None,
            put_ns: None,
            cpu_user_ns: None,
            cpu_system_ns: None,
            close_cpu_ns: None,
            close_sending_ns: None,
            close_compressing_ns: None,
            close_run_queue_wait_ns: None,
            render_cpu_ns: None,
            peak_rss_bytes: None,
            closed_by: ClosedBy::Close,
            error: None,
            resources: None,
            injected_delay: None,
            cpu_profile: None,
            seen: None,
        }
    }

    #[test]
    fn a_backend_that_never_started_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = wait_for_end(folder.path(), || false).unwrap_err();
        assert!(error.to_string().contains("never started"), "{error}");
    }

    #[test]
    fn waits_until_the_lock_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let lock = File::create(folder.path().join(LOCK_FILE)).unwrap();
        lock.lock().unwrap();
        let released = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&released);
        let holder = std::thread::spawn(move || {
            std::thread::sleep(POLL * 4);
            seen.store(true, Ordering::SeqCst);
            drop(lock);
        });
        wait_for_end(folder.path(), || false).unwrap();
        assert!(released.load(Ordering::SeqCst), "it returned while the backend still had the lock");
        holder.join().unwrap();
    }

    #[test]
    fn an_interrupt_ends_the_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let lock = File::create(folder.path().join(LOCK_FILE)).unwrap();
        lock.lock().unwrap();
        wait_for_end(folder.path(), || true).unwrap();
    }

    #[test]
    fn a_session_inside_that_was_killed_is_counted_as_unknown() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(inside(folder.path(), || false).unwrap().unknown, 0);
        for name in ["12", "13", &format!("{UNFINISHED}14-0")] {
            let session = folder.path().join(INSIDE).join(name);
            std::fs::create_dir_all(&session).unwrap();
            std::fs::write(session.join(LOCK_FILE), "").unwrap();
        }
        let summary = serde_json::to_string(&quiet()).unwrap();
        std::fs::write(folder.path().join(INSIDE).join("13").join(SESSION_FILE), summary).unwrap();
        let found = inside(folder.path(), || false).unwrap();
        assert_eq!((found.summaries.len(), found.unknown), (1, 1));
    }

    #[test]
    fn reads_the_summary_and_passes_over_keys_of_later_versions() {
        let folder = tempfile::tempdir().unwrap();
        let mut value = serde_json::to_value(quiet()).unwrap();
        value["of_a_later_version"] = 1.into();
        value["gets"] = 7.into();
        std::fs::write(folder.path().join(SESSION_FILE), value.to_string()).unwrap();
        let session = read(folder.path()).unwrap();
        assert_eq!(session.counts.gets, 7);
    }
}
