//! Printing on stdout. `println!` would panic where it is closed (`bench … | head`) or full.

use std::io::{ErrorKind, StdoutLock, Write};

use anyhow::{Context, Result};

/// Prints `text`. A reader that has closed the pipe wants no more: that is no error.
///
/// # Errors
/// When stdout cannot be written, as where its disk is full.
pub fn print(text: &str) -> Result<()> {
    write(|stdout| stdout.write_all(text.as_bytes()))
}

/// Prints what `work` writes, as [`print`] does.
///
/// # Errors
/// As [`print`].
pub fn write(work: impl FnOnce(&mut StdoutLock) -> std::io::Result<()>) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    // What is left in the buffer at the exit of the process would be lost without an error.
    match work(&mut stdout).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write to stdout"),
        _ => Ok(()),
    }
}
