//! Ctrl-C, Ctrl-\, SIGTERM and a terminal that is closed: they end the process groups that bench started, and the loop of
//! rounds sees that it has to stop. When bench is killed its watcher ends the groups.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use tempfile::TempDir;

use crate::execute::process::watcher::Watcher;
use gocacheprog::platform;

/// Exit code of a run that was interrupted, as shells have it for SIGINT.
pub const EXIT_CODE: u8 = 130;

/// Knows whether an interrupt was asked for, and whom it has to end.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
pub(crate) struct Shared {
    requested: AtomicBool,
    groups: Mutex<Vec<Pid>>,
    /// None in tests, whose executable is not bench.
    watcher: Option<Watcher>,
}

/// A process group that an interrupt ends, until this is dropped.
#[derive(Debug)]
pub struct ProcessGroup {
    shared: Arc<Shared>,
    id: Pid,
}

impl Interrupt {
    /// Catches the signals, and starts the watcher. A second signal, should the tidying up hang, ends bench at once.
    pub fn listen() -> Result<Interrupt> {
        let watcher = Watcher::start().context("cannot start the process that watches over the others")?;
        let shared = Shared { watcher: Some(watcher), ..Shared::default() };
        let interrupt = Interrupt { shared: Arc::new(shared) };
        interrupt.catch_signals().context("cannot catch Ctrl-C")?;
        Ok(interrupt)
    }

    fn catch_signals(&self) -> std::io::Result<()> {
        let again = Arc::new(AtomicBool::new(false));
        let signals = signals();
        for signal in &signals {
            // Exits on the second signal: `again` is false when the first one comes, because this handler runs before the one that sets it.
            signal_hook::flag::register_conditional_shutdown(*signal, EXIT_CODE.into(), Arc::clone(&again))?;
            signal_hook::flag::register(*signal, Arc::clone(&again))?;
        }
        let mut signals = Signals::new(&signals)?;
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || {
            for _ in signals.forever() {
                shared.end_all();
            }
        });
        Ok(())
    }

    /// True if bench was asked to stop.
    pub fn requested(&self) -> bool {
        self.shared.requested.load(Ordering::SeqCst)
    }

    /// As if a signal had come.
    #[cfg(test)]
    pub fn request(&self) {
        self.shared.end_all();
    }

    /// Puts a process group that was just started under the interrupt.
    pub fn cover(&self, leader: u32) -> ProcessGroup {
        let id = Pid::from_raw(leader.cast_signed());
        self.shared.groups().push(id);
        if let Some(watcher) = &self.shared.watcher {
            watcher.cover(id);
        }
        // The signal may have come between the start and this line.
        if self.requested() {
            self.shared.end_all();
        }
        ProcessGroup { shared: Arc::clone(&self.shared), id }
    }

    /// A temporary folder that goes when it is dropped, and when bench is killed.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn temporary_folder(&self) -> std::io::Result<TempDir> {
        let folder = tempfile::tempdir()?;
        if let Some(watcher) = &self.shared.watcher {
            watcher.remove_at_end(folder.path());
        }
        Ok(folder)
    }
}

impl Shared {
    fn groups(&self) -> std::sync::MutexGuard<'_, Vec<Pid>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end_all(&self) {
        self.requested.store(true, Ordering::SeqCst);
        for group in self.groups().iter() {
            // SIGKILL: the caches are thrown away anyway, and a compiler or a backend that drains would keep us waiting.
            let _ = killpg(*group, Signal::SIGKILL);
        }
    }
}

impl ProcessGroup {
    /// Ends what is left of the group.
    pub fn end(&self) {
        let _ = killpg(self.id, Signal::SIGKILL);
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.shared.groups().retain(|group| *group != self.id);
        if let Some(watcher) = &self.shared.watcher {
            watcher.uncover(self.id);
        }
    }
}

/// Who started bench by `nohup` wants it to outlive the terminal.
fn signals() -> Vec<i32> {
    let mut signals = vec![SIGINT, SIGTERM, SIGQUIT];
    if !platform::ignores_hangup() {
        signals.push(SIGHUP);
    }
    signals
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::Command;

    use super::*;

    #[test]
    fn an_interrupt_ends_covered_groups_and_those_covered_later() {
        let interrupt = Interrupt::default();
        let start = || Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let mut first = start();
        let _first_group = interrupt.cover(first.id());
        interrupt.shared.end_all();
        assert!(interrupt.requested());
        assert_eq!(first.wait().unwrap().signal(), Some(9));
        let mut second = start();
        let _second_group = interrupt.cover(second.id());
        assert_eq!(second.wait().unwrap().signal(), Some(9));
    }

    #[test]
    fn a_dropped_group_is_left_alone() {
        let interrupt = Interrupt::default();
        drop(interrupt.cover(1_000_000));
        assert!(interrupt.shared.groups().is_empty());
    }
}
