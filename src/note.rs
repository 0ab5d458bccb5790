//! One line for the user on stderr, which may be closed or full: `eprintln!` would panic there and end the build.

use std::fmt::Display;
use std::io::Write;

/// Prints `cacheprog: <text>`.
pub fn note(text: impl Display) {
    line(format_args!("cacheprog: {text}"));
}

/// Prints `text` as it is.
pub fn line(text: impl Display) {
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}
