//! Runs one command in a process group of its own, and measures its wall and CPU time.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::execute::process::interrupt::{Interrupt, ProcessGroup};

/// The end of a command, and the time that it took.
#[derive(Debug)]
pub struct Measured {
    pub status: ExitStatus,
    /// Number that its process had.
    pub pid: u32,
    /// From the start of the process to the moment its end was seen.
    pub wall_ns: u64,
    /// CPU time of the process and of all descendants that were waited for.
    pub cpu_user_ns: u64,
    pub cpu_system_ns: u64,
    /// Keeps the process group, in which the backend outlives go, under the interrupt.
    pub group: ProcessGroup,
}

/// Runs `command` to its end; its output goes into the file `log`.
///
/// A file and no pipe: the end of a pipe would only come with the end of the last process that holds it, the backend.
/// `started` gets the number of the process.
pub fn run(command: &mut Command, log: &Path, interrupt: &Interrupt, started: impl FnOnce(u32)) -> Result<Measured> {
    let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let errors = output.try_clone().context("cannot share the build log")?;
    command.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0);
    let (user_before, system_before) = children_cpu_ns()?;
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let group = interrupt.cover(child.id());
    started(child.id());
    let status = child.wait().context("cannot wait for go")?;
    let wall = start.elapsed();
    let (user_after, system_after) = children_cpu_ns()?;
    Ok(Measured {
        status,
        pid: child.id(),
        wall_ns: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
        cpu_user_ns: user_after.saturating_sub(user_before),
        cpu_system_ns: system_after.saturating_sub(system_before),
        group,
    })
}

/// User and system time of all children that were waited for so far.
fn children_cpu_ns() -> Result<(u64, u64)> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("cannot read the CPU time of children")?;
    Ok((nanoseconds(usage.user_time()), nanoseconds(usage.system_time())))
}

fn nanoseconds(time: TimeVal) -> u64 {
    let microseconds = i128::from(time.tv_sec()) * 1_000_000 + i128::from(time.tv_usec());
    u64::try_from(microseconds * 1000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_status_and_time_of_a_command() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("build.log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);
        let measured = run(&mut command, &log, &Interrupt::default(), |_| {}).unwrap();
        assert_eq!(measured.status.code(), Some(3));
        assert!(measured.wall_ns > 0);
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "out\nerr\n");
    }

    #[test]
    fn cpu_time_of_grandchildren_counts() {
        let folder = tempfile::tempdir().unwrap();
        let cpu_ns_of = |rounds: u64| {
            let mut command = Command::new("sh");
            command.args(["-c", &format!("sh -c 'i=0; while [ $i -lt {rounds} ]; do i=$((i+1)); done'; true")]);
            let measured = run(&mut command, &folder.path().join("log"), &Interrupt::default(), |_| {}).unwrap();
            measured.cpu_user_ns + measured.cpu_system_ns
        };
        assert!(cpu_ns_of(400_000) > 4 * cpu_ns_of(1));
    }
}
