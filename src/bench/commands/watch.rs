//! `bench watch -- COMMAND`: runs one command with the tap around the GOCACHEPROG program that its go uses.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, bail};

use gocacheprog::config::folders::RECORDS;
use gocacheprog::note;
use gocacheprog::platform;
use gocacheprog::telemetry::{Clock, SESSION_FILE, SessionFolder};
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};

use crate::execute::backend::command::quoted;
use crate::execute::backend::session;

/// A command, and where the records of its session go.
#[derive(Debug, clap::Args)]
pub struct WatchArgs {
    /// Where the records go: a folder for each session [default: cacheprog in the user's state folder: XDG_STATE_HOME,
    /// ~/.local/state, or ~/Library/Application Support on macOS]
    #[arg(long, value_name = "DIR")]
    metrics: Option<PathBuf>,
    /// A go command, or a program that runs one
    #[arg(last = true, required = true, num_args = 1.., value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs the command, and prints where the records are. Gives the command's own exit code.
///
/// # Errors
/// When GOCACHEPROG is not set, the command cannot be started, or the records have no place.
pub fn run(args: &WatchArgs) -> Result<ExitCode> {
    let (name, arguments) = args.command.split_first().context("there is no command")?;
    let program = backend(name)?;
    let folder = new_folder(args.metrics.as_deref())?;
    let tap = format!("{} tap --session {} -- {program}", quoted(&std::env::current_exe()?)?, quoted(&folder)?);
    // Ctrl-C reaches the command too, which ends in its own way: its records are printed all the same.
    for signal in [SIGINT, SIGTERM, SIGQUIT] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    let status = Command::new(name).args(arguments).env("GOCACHEPROG", tap).status();
    let status = status.with_context(|| {
        let name = name.display();
        format!("cannot start {name}\n  next:  write the command after `--`, as in bench watch -- go build ./...")
    })?;
    session::wait_for_end(&folder, || false)?;
    if folder.join(SESSION_FILE).exists() {
        note::line(format_args!("bench watch: the records of this session are in {}", folder.display()));
    } else {
        note::line("bench watch: no records: the command ran no go that started its GOCACHEPROG program");
    }
    Ok(exit_code(status))
}

/// The GOCACHEPROG program that go would use: by the variable, or by `go env -w`.
fn backend(command: &OsStr) -> Result<String> {
    let variable = std::env::var("GOCACHEPROG").unwrap_or_default();
    if !variable.trim().is_empty() {
        return Ok(variable);
    }
    let is_go = Path::new(command).file_name() == Some(OsStr::new("go"));
    let go = if is_go { command } else { OsStr::new("go") };
    let output = Command::new(go).args(["env", "GOCACHEPROG"]).output();
    let output = output.with_context(|| format!("cannot run {} env GOCACHEPROG", go.display()))?;
    let program = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if program.is_empty() {
        bail!(
            "GOCACHEPROG is not set, so go uses its own cache and there is nothing to watch\n  next:  export GOCACHEPROG=./your-program"
        );
    }
    Ok(program)
}

/// An empty folder among those of other sessions, for the session of the first go. It is not locked: that is for the tap.
fn new_folder(metrics: Option<&Path>) -> Result<PathBuf> {
    let place = RECORDS.find(metrics, false, platform::user_temporary_folder);
    let records = match place.path() {
        Ok(path) => std::path::absolute(path)?,
        Err(why) => bail!("no place for records: {why}\n  next:  give a folder with --metrics"),
    };
    let folder = SessionFolder::create_below(&records, &Clock::start());
    let folder = folder.with_context(|| {
        format!("cannot make a folder for records in {}\n  next:  give another with --metrics", records.display())
    })?;
    let file = folder.file(SESSION_FILE);
    Ok(file.parent().context("a session has a folder")?.to_owned())
}

/// The command's own, as shells have it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_command() {
        let code = |raw| format!("{:?}", exit_code(ExitStatus::from_raw(raw)));
        assert_eq!(code(3 << 8), format!("{:?}", ExitCode::from(3)));
        assert_eq!(code(2), format!("{:?}", ExitCode::from(130)));
    }
}
