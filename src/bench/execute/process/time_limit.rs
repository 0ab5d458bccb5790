//! Ends a command that never ends: go waits without a limit for a backend that does not answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The limit of one command. Dropping it lifts the limit.
#[derive(Debug)]
pub struct TimeLimit {
    _running: Sender<()>,
    has_passed: Arc<AtomicBool>,
}

impl TimeLimit {
    /// Ends the process group after this time.
    pub fn start(group: u32, longest: Duration) -> TimeLimit {
        let (running, ended) = channel::<()>();
        let has_passed = Arc::new(AtomicBool::new(false));
        let passed = Arc::clone(&has_passed);
        std::thread::spawn(move || {
            if ended.recv_timeout(longest) == Err(RecvTimeoutError::Timeout) {
                passed.store(true, Ordering::SeqCst);
                let _ = killpg(Pid::from_raw(group.cast_signed()), Signal::SIGKILL);
            }
        });
        TimeLimit { _running: running, has_passed }
    }

    /// True if the command was ended.
    pub fn has_passed(&self) -> bool {
        self.has_passed.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::Command;

    use super::*;

    #[test]
    fn a_command_that_takes_too_long_is_ended_and_another_is_not() {
        let start = |script: &str| Command::new("sh").args(["-c", script]).process_group(0).spawn().unwrap();
        let mut endless = start("sleep 77");
        let limit = TimeLimit::start(endless.id(), Duration::from_millis(50));
        assert_eq!(endless.wait().unwrap().signal(), Some(9));
        assert!(limit.has_passed());
        let mut quick = start("true");
        let limit = TimeLimit::start(quick.id(), Duration::from_secs(60));
        assert!(quick.wait().unwrap().success() && !limit.has_passed());
    }
}
