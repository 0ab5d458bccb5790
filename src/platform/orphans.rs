//! Processes that a command leaves behind when it ends.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
#[cfg(target_os = "linux")]
use nix::sys::signal::kill;
#[cfg(not(target_os = "linux"))]
use nix::sys::signal::killpg;
use nix::unistd::Pid;

#[cfg(target_os = "linux")]
use crate::platform::descendants::children;
use crate::platform::descendants::{adopt_orphans, descendants};

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);
/// Looks after the last signal: a process that is ended may leave orphans of its own.
#[cfg(target_os = "linux")]
const MOST_SIGNALS: u32 = 20;

/// The processes below this one before a command was started; it takes over the orphans of the command.
#[derive(Debug)]
pub struct Orphanage {
    before: BTreeSet<u32>,
}

impl Orphanage {
    /// From now on orphans of descendants become children of this process, where the system has that (Linux).
    pub fn open() -> Orphanage {
        adopt_orphans();
        Orphanage { before: descendants().into_iter().map(|(pid, _)| pid).collect() }
    }

    /// Waits until nothing of a command that has ended runs any more, at most for `longest`; `stop` is asked between two looks.
    /// `group` is its process group. Returns the names of the processes that still ran then, after ending them.
    pub fn wait(&self, group: u32, longest: Duration, stop: impl Fn() -> bool) -> Vec<String> {
        let group = Pid::from_raw(group.cast_signed());
        let start = Instant::now();
        loop {
            let left = self.left(group);
            if left.is_empty() {
                return Vec::new();
            }
            let is_late = start.elapsed() >= longest;
            if is_late || stop() {
                self.end(group);
                return if is_late { left.into_iter().map(|(_, name)| name).collect() } else { Vec::new() };
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Ends what is left, and what that leaves.
    #[cfg(target_os = "linux")]
    fn end(&self, group: Pid) {
        for _ in 0..MOST_SIGNALS {
            let left = self.left(group);
            if left.is_empty() {
                return;
            }
            for (pid, _) in left {
                let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
            }
            std::thread::sleep(PAUSE);
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn end(&self, group: Pid) {
        let _ = killpg(group, Signal::SIGKILL);
    }

    #[cfg(target_os = "linux")]
    fn left(&self, _: Pid) -> Vec<(u32, String)> {
        self.reap();
        descendants().into_iter().filter(|(pid, _)| !self.before.contains(pid)).collect()
    }

    #[cfg(not(target_os = "linux"))]
    fn left(&self, group: Pid) -> Vec<(u32, String)> {
        let is_there = killpg(group, None).is_ok();
        if is_there { vec![(group.as_raw().cast_unsigned(), "a process of the build".to_owned())] } else { Vec::new() }
    }

    /// Takes the exit codes of adopted processes that have ended, so that they are gone.
    #[cfg(target_os = "linux")]
    fn reap(&self) {
        use nix::sys::wait::{WaitPidFlag, waitpid};

        for pid in children(std::process::id()).into_iter().filter(|pid| !self.before.contains(pid)) {
            // One that still runs is left alone.
            let _ = waitpid(Pid::from_raw(pid.cast_signed()), Some(WaitPidFlag::WNOHANG));
        }
    }
}

/// A round that failed leaves nothing running either.
#[cfg(target_os = "linux")]
impl Drop for Orphanage {
    fn drop(&mut self) {
        self.end(Pid::from_raw(0));
    }
}
