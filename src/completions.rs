//! Shell completions and man pages of a program, made from its command line.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Command;
use clap_complete::Shell;

use crate::stdout;

/// Prints a completion script for a shell
#[derive(Debug, clap::Args)]
pub struct CompletionArgs {
    /// The shell: `source <(PROGRAM completions bash)` in its start file
    shell: Shell,
}

/// Writes man pages, one for each command
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Folder for the pages, made if it is missing: `man -l DIR/PROGRAM.1` shows one
    dir: PathBuf,
}

/// Prints the completions of `command` on stdout.
///
/// # Errors
/// When stdout cannot be written.
pub fn completions(args: &CompletionArgs, mut command: Command) -> Result<()> {
    let name = command.get_name().to_owned();
    // Not to stdout itself: clap_complete panics where that is closed.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut text);
    stdout::print(&String::from_utf8_lossy(&text))
}

/// Writes the man pages of `command`.
///
/// # Errors
/// When the folder cannot be made or written to.
pub fn man(args: &ManArgs, command: Command) -> Result<()> {
    let shown = args.dir.display();
    std::fs::create_dir_all(&args.dir).with_context(|| format!("cannot make the folder {shown}"))?;
    clap_mangen::generate_to(command, &args.dir).with_context(|| format!("cannot write to {shown}"))
}
