//! The pipes to and from go, kept apart from what anything else in this process prints.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use crate::platform;

/// Takes stdout away from everybody else: whatever is printed from now on goes to stderr, because a line on stdout that
/// is no answer kills the build.
///
/// # Errors
/// When the file descriptors cannot be duplicated.
pub fn take_stdout() -> io::Result<File> {
    let ours: OwnedFd = io::stdout().as_fd().try_clone_to_owned()?;
    nix::unistd::dup2_stdout(io::stderr())?;
    Ok(File::from(ours))
}

/// Stdin without a buffer, with as much room in the pipe as the system gives.
///
/// # Errors
/// When the file descriptor cannot be duplicated.
pub fn take_stdin() -> io::Result<File> {
    let ours: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
    // go writes bodies in pieces of 4 KiB: with more room it waits for us less often.
    platform::enlarge(&ours);
    Ok(File::from(ours))
}
