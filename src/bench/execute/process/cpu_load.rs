//! Processes that compete with a build for the CPU, as other programs on the machine would.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use crate::execute::process::interrupt::{Interrupt, ProcessGroup};

/// Such processes. Dropping them ends them.
pub struct Busy(Vec<(Child, ProcessGroup)>);

impl Busy {
    /// Starts `count` of them.
    ///
    /// # Errors
    /// When one does not start; the others are ended then.
    pub fn start(executable: &Path, count: u32, interrupt: &Interrupt) -> Result<Self> {
        let mut busy = Self(Vec::new());
        for _ in 0..count {
            let mut command = Command::new(executable);
            command.arg("busy").stdin(Stdio::piped()).process_group(0);
            let child = command.spawn().context("cannot start a process that takes processor time")?;
            let group = interrupt.cover(child.id());
            busy.0.push((child, group));
        }
        Ok(busy)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for (child, _) in &mut self.0 {
            // An error says that it has ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Keeps a CPU busy until stdin ends, so that no process stays behind a bench that was killed.
pub fn keep_busy() {
    let has_ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _ = std::io::stdin().read(&mut [0]);
            has_ended.store(true, Ordering::Relaxed);
        });
        while !has_ended.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let interrupt = Interrupt::default();
        assert!(Busy::start(Path::new("/nowhere"), 0, &interrupt).is_ok());
        let error = Busy::start(Path::new("/nowhere"), 1, &interrupt).err().unwrap();
        assert!(error.to_string().contains("processor time"));
    }
}
