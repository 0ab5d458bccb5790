//! What a backend session left in its folder: waiting for its end, and its summary.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// How often the lock is tried while a backend still works.
const POLL: Duration = Duration::from_millis(5);
/// How long a backend may go on after go has ended: its uploads have 60 s, then the profile is drawn.
const DEADLINE: Duration = Duration::from_secs(120);

/// `session.json` as the backend writes it at its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub strategy: String,
    /// From the start of the process to the handshake.
    pub handshake_ns: u64,
    pub wall_ns: u64,
    pub gets: u64,
    pub hits_local: u64,
    pub hits_remote: u64,
    pub misses: u64,
    pub puts: u64,
    pub errors: u64,
    /// Hits on actions that this session had not put itself before.
    pub hits_not_put_here: u64,
    pub put_bytes: u64,
    /// Bodies of objects from the remote.
    pub bytes_down: u64,
    /// Bodies of objects to the remote.
    pub bytes_up: u64,
    pub remote_requests: u64,
    pub remote_errors: u64,
    /// Why the session went on without the remote.
    pub remote_off: Option<String>,
    pub uploads_done: u64,
    pub uploads_left: u64,
    pub get_ns: Option<Latency>,
    pub put_ns: Option<Latency>,
    pub cpu_user_ns: u64,
    pub cpu_system_ns: u64,
    pub peak_rss_bytes: u64,
    pub closed_by: String,
    pub error: Option<String>,
}

/// Quantiles of the time from a request's arrival to its answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    pub count: u64,
    pub p50: u64,
    pub p99: u64,
    pub max: u64,
}

/// Waits until the backend of the session in `folder` has ended, however it ended.
///
/// It holds `session.lock` for as long as its process lives. `stop` is asked between two tries.
/// Errors: it never started, or it has not ended within two minutes.
pub fn wait_for_end(folder: &Path, stop: impl Fn() -> bool) -> Result<()> {
    let path = folder.join("session.lock");
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
pub fn read(folder: &Path) -> Result<Session> {
    let path = folder.join("session.json");
    let text =
        std::fs::read(&path).with_context(|| format!("the backend ended without its summary {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("cannot understand {}", path.display()))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A summary in which nothing happened.
    pub fn quiet() -> Session {
        Session {
            strategy: "async".to_owned(),
            handshake_ns: 1,
            wall_ns: 1,
            gets: 0,
            hits_local: 0,
            hits_remote: 0,
            misses: 0,
            puts: 0,
            errors: 0,
            hits_not_put_here: 0,
            put_bytes: 0,
            bytes_down: 0,
            bytes_up: 0,
            remote_requests: 0,
            remote_errors: 0,
            remote_off: None,
            uploads_done: 0,
            uploads_left: 0,
            get_ns: None,
            put_ns: None,
            cpu_user_ns: 0,
            cpu_system_ns: 0,
            peak_rss_bytes: 0,
            closed_by: "close".to_owned(),
            error: None,
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
        let lock = File::create(folder.path().join("session.lock")).unwrap();
        lock.lock().unwrap();
        let holder = std::thread::spawn(move || {
            std::thread::sleep(POLL);
            drop(lock);
        });
        wait_for_end(folder.path(), || false).unwrap();
        assert!(holder.is_finished() || holder.join().is_ok());
    }

    #[test]
    fn an_interrupt_ends_the_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let lock = File::create(folder.path().join("session.lock")).unwrap();
        lock.lock().unwrap();
        wait_for_end(folder.path(), || true).unwrap();
    }

    #[test]
    fn reads_the_summary_and_passes_over_keys_of_later_versions() {
        let folder = tempfile::tempdir().unwrap();
        let mut value = serde_json::to_value(quiet()).unwrap();
        value["schema"] = 1.into();
        value["cpu_profile"] = serde_json::json!({"samples": 3});
        value["get_ns"] = serde_json::json!({"count": 1, "p50": 2, "p99": 3, "max": 4});
        std::fs::write(folder.path().join("session.json"), value.to_string()).unwrap();
        let session = read(folder.path()).unwrap();
        assert_eq!(session.get_ns.unwrap().p99, 3);
    }
}
