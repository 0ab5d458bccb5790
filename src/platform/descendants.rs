//! Processes that a command leaves behind: those of its process group, and orphans that this process has taken over.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// A process that still runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Running {
    pub pid: i32,
    pub name: String,
}

/// The children that this process had before a command was started; it takes over the orphans of the command.
#[derive(Debug)]
pub struct Adopter {
    before: BTreeSet<i32>,
}

impl Adopter {
    /// From now on orphans of descendants become children of this process, where the system has that (Linux).
    pub fn start() -> Adopter {
        #[cfg(target_os = "linux")]
        // An error leaves orphans to init: then only those of the process group are seen.
        let _ = nix::sys::prctl::set_child_subreaper(true);
        Adopter { before: children().into_iter().map(|child| child.pid).collect() }
    }

    /// Waits until nothing of the command whose process group this is runs any more, at most until `deadline`; `stop` is asked
    /// between two looks. Returns the processes that still ran then, after ending them.
    pub fn wait(&self, group: u32, deadline: Duration, stop: impl Fn() -> bool) -> Vec<Running> {
        let group = Pid::from_raw(group.cast_signed());
        let start = Instant::now();
        loop {
            let left = self.left(group);
            if left.is_empty() {
                return left;
            }
            if start.elapsed() >= deadline || stop() {
                self.end(group);
                return left;
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn left(&self, group: Pid) -> Vec<Running> {
        self.reap();
        let adopted = children().into_iter().filter(|child| !self.before.contains(&child.pid));
        let mut left: Vec<Running> = adopted.chain(of_group(group)).collect();
        left.sort();
        left.dedup();
        left
    }

    fn end(&self, group: Pid) {
        // A process that is ended may leave orphans of its own.
        for _ in 0..10 {
            let _ = killpg(group, Signal::SIGKILL);
            let adopted = children().into_iter().filter(|child| !self.before.contains(&child.pid));
            for child in adopted {
                let _ = kill(Pid::from_raw(child.pid), Signal::SIGKILL);
            }
            std::thread::sleep(PAUSE);
            if self.left(group).is_empty() {
                return;
            }
        }
    }

    /// Takes the exit codes of adopted processes that have ended, so that they are gone.
    fn reap(&self) {
        #[cfg(target_os = "linux")]
        for pid in zombies().into_iter().filter(|pid| !self.before.contains(pid)) {
            let _ = nix::sys::wait::waitpid(Pid::from_raw(pid), Some(nix::sys::wait::WaitPidFlag::WNOHANG));
        }
    }
}

#[cfg(target_os = "linux")]
fn all() -> Vec<procfs::process::Stat> {
    let Ok(all) = procfs::process::all_processes() else { return Vec::new() };
    all.filter_map(|process| process.ok()?.stat().ok()).collect()
}

#[cfg(target_os = "linux")]
const ENDED: [char; 2] = ['Z', 'X'];

#[cfg(target_os = "linux")]
fn own_pid() -> i32 {
    nix::unistd::getpid().as_raw()
}

#[cfg(target_os = "linux")]
fn zombies() -> Vec<i32> {
    all().into_iter().filter(|stat| stat.ppid == own_pid() && stat.state == 'Z').map(|stat| stat.pid).collect()
}

#[cfg(target_os = "linux")]
fn running(is_wanted: impl Fn(&procfs::process::Stat) -> bool) -> Vec<Running> {
    let found = all().into_iter().filter(|stat| is_wanted(stat) && !ENDED.contains(&stat.state));
    found.map(|stat| Running { pid: stat.pid, name: stat.comm }).collect()
}

#[cfg(target_os = "linux")]
fn children() -> Vec<Running> {
    running(|stat| stat.ppid == own_pid())
}

#[cfg(target_os = "linux")]
fn of_group(group: Pid) -> Vec<Running> {
    running(|stat| stat.pgrp == group.as_raw())
}

#[cfg(not(target_os = "linux"))]
fn children() -> Vec<Running> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
fn of_group(group: Pid) -> Vec<Running> {
    match killpg(group, None) {
        Ok(()) => vec![Running { pid: group.as_raw(), name: "a process of the build".to_owned() }],
        Err(_) => Vec::new(),
    }
}
