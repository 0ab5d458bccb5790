//! One line on stderr that says what goes on and for how long: it changes in place on a terminal, and is written once elsewhere.

use std::fmt::Write;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::bench::report::progress::live_requests::LiveRequests;
use crate::note;

/// How often the line on the terminal is drawn: seldom, because it takes CPU from what is measured.
const TICK: Duration = Duration::from_millis(500);

/// The line. It goes away with this.
#[derive(Debug)]
pub struct StatusLine {
    /// None: stderr is no terminal.
    bar: Option<ProgressBar>,
    /// What the session that runs has done.
    requests: LiveRequests,
}

impl StatusLine {
    /// An empty line.
    pub fn new() -> StatusLine {
        let requests = LiveRequests::default();
        let bar = std::io::stderr().is_terminal().then(|| terminal_line(requests.clone()));
        StatusLine { bar, requests }
    }

    /// Whether it changes in place.
    pub fn is_live(&self) -> bool {
        self.bar.is_some()
    }

    /// From now on this goes on: what, and what stands behind the time that it takes. `log` is the request log of its session.
    pub fn say(&self, what: &str, behind: &str, log: Option<PathBuf>) {
        let Some(bar) = &self.bar else { return note::line(format_args!("{what}{behind}")) };
        let is_first = bar.message().is_empty();
        self.requests.follow(log);
        bar.set_prefix(behind.to_owned());
        bar.set_message(what.to_owned());
        bar.reset_elapsed();
        if is_first {
            bar.enable_steady_tick(TICK);
        }
    }

    /// Takes the line away, so that others can print.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.finish();
    }
}

fn terminal_line(requests: LiveRequests) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    let took = |state: &ProgressState, text: &mut dyn Write| {
        let _ = write!(text, "{}", seconds(state.elapsed()));
    };
    if let Ok(style) = ProgressStyle::with_template("{msg} · {took}{requests}{prefix}") {
        bar.set_style(style.with_key("took", took).with_key("requests", requests));
    }
    bar
}

/// With a decimal while that says something.
fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 9.95 { format!("{seconds:.1} s") } else { format!("{seconds:.0} s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_times_have_a_decimal() {
        assert_eq!(seconds(Duration::from_millis(449)), "0.4 s");
        assert_eq!(seconds(Duration::from_secs(75)), "75 s");
    }
}
