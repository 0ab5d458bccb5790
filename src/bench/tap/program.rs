//! The program behind the tap: started as go would start it, and waited for.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use gocacheprog::telemetry::ProgramExit;

/// The pause between two looks at a program that is about to end.
const POLL: Duration = Duration::from_millis(1);

/// A running program, or one that has ended.
pub struct Program {
    child: Child,
    exit: Option<ExitStatus>,
}

impl Program {
    /// Starts it with pipes: gives it, its stdin and its stdout.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &OsStr, arguments: &[OsString]) -> io::Result<(Self, File, File)> {
        let mut command = Command::new(name);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let missing = || io::Error::other("it has no pipes");
        let stdin: OwnedFd = child.stdin.take().ok_or_else(missing)?.into();
        let stdout: OwnedFd = child.stdout.take().ok_or_else(missing)?.into();
        Ok((Self { child, exit: None }, File::from(stdin), File::from(stdout)))
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended; `None` while it runs.
    pub fn exit(&mut self) -> Option<ProgramExit> {
        if self.exit.is_none() {
            self.exit = self.child.try_wait().ok().flatten();
        }
        self.exit.map(|status| match status.code() {
            Some(code) => ProgramExit::Code(code),
            None => ProgramExit::Signal(status.signal().unwrap_or_default()),
        })
    }

    /// Waits for its end, at most `patience`; `None` is for ever.
    pub fn wait(&mut self, patience: Option<Duration>) -> Option<ProgramExit> {
        if patience.is_none() {
            self.exit = self.child.wait().ok();
        }
        let deadline = Instant::now() + patience.unwrap_or_default();
        while self.exit().is_none() && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
        self.exit()
    }
}

/// The exit code that says the same, as shells have it.
pub fn exit_code(exit: ProgramExit) -> i32 {
    match exit {
        ProgramExit::Code(code) => code,
        ProgramExit::Signal(signal) => 128 + signal,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn shell(script: &str) -> (Program, File, File) {
        Program::start(OsStr::new("sh"), &["-c".into(), script.into()]).unwrap()
    }

    #[test]
    fn its_end_is_told_as_a_shell_does() {
        for (script, expected) in [("exit 7", 7), ("kill -9 $$", 137), ("cat; exit 3", 3)] {
            let (mut program, mut stdin, mut stdout) = shell(script);
            if script.starts_with("cat") {
                assert_eq!(program.wait(Some(Duration::ZERO)), None);
            }
            stdin.write_all(b"").unwrap();
            drop(stdin);
            stdout.read_to_end(&mut Vec::new()).unwrap();
            assert_eq!(program.wait(None).map(exit_code), Some(expected), "{script}");
        }
    }

    #[test]
    fn one_that_is_not_there_is_an_error() {
        assert_eq!(Program::start(OsStr::new("./missing"), &[]).err().unwrap().kind(), io::ErrorKind::NotFound);
    }
}
