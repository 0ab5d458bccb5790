//! One line for the user on stderr, which may be closed or full: `eprintln!` would panic there and end the build.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write;

/// Prints `cacheprog: <text>`.
pub fn note(text: impl Display) {
    line(format_args!("cacheprog: {text}"));
}

/// Prints `text` as it is.
pub fn line(text: impl Display) {
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Gives stderr back: whoever reads what go and its backend say (`go build | cat`) need not wait for this process. What is
/// said after that is lost.
pub fn let_go_of_stderr() {
    if let Ok(nowhere) = OpenOptions::new().write(true).open("/dev/null") {
        let _ = nix::unistd::dup2_stderr(nowhere);
    }
}
