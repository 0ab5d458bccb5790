//! One line on stderr that says what goes on and how much is left: it changes in place on a terminal, and is written once elsewhere.

use std::fmt::Write;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::report::progress::live_requests::LiveRequests;
use crate::report::progress::remaining::Left;
use crate::report::text::units;
use gocacheprog::note;

/// How often the line on the terminal is drawn: seldom, because it takes CPU from what is measured.
const TICK: Duration = Duration::from_millis(500);

/// The line. It goes away when this is dropped.
#[derive(Debug)]
pub struct StatusLine {
    /// None: stderr is no terminal.
    bar: Option<ProgressBar>,
    /// The requests of the session that runs.
    requests: LiveRequests,
    /// As it was when the line was last changed; None: not known.
    left: Arc<Mutex<Option<Left>>>,
}

impl StatusLine {
    /// An empty line.
    pub fn new() -> StatusLine {
        let (requests, left) = (LiveRequests::default(), Arc::default());
        let bar = std::io::stderr().is_terminal().then(|| terminal_line(requests.clone(), Arc::clone(&left)));
        StatusLine { bar, requests, left }
    }

    /// True on a terminal, where the line changes in place.
    pub fn is_live(&self) -> bool {
        self.bar.is_some()
    }

    /// From now on this goes on, with so much left; `log` is the request log of its session.
    pub fn say(&self, what: &str, left: Option<Left>, log: Option<PathBuf>) {
        let Some(bar) = &self.bar else {
            let left = left.map_or(String::new(), |left| format!(" · {} …", in_words(left, 0.0)));
            return note::line(format_args!("{what}{left}"));
        };
        let is_first = bar.message().is_empty();
        self.requests.follow(log);
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = left;
        bar.set_message(what.to_owned());
        bar.reset_elapsed();
        if is_first {
            bar.enable_steady_tick(TICK);
        }
    }

    /// From now on this goes on; only a terminal is told, where nothing else would be seen for some seconds.
    pub fn wait_for(&self, what: &str) {
        if self.is_live() {
            self.say(what, None, None);
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

fn terminal_line(requests: LiveRequests, left: Arc<Mutex<Option<Left>>>) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    let time = move |state: &ProgressState, text: &mut dyn Write| {
        let elapsed = state.elapsed();
        let left = *left.lock().unwrap_or_else(PoisonError::into_inner);
        let words = left.map_or_else(|| seconds(elapsed), |left| in_words(left, elapsed.as_secs_f64()));
        let _ = write!(text, "{words}");
    };
    if let Ok(style) = ProgressStyle::with_template("{msg}{requests} · {time}") {
        bar.set_style(style.with_key("time", time).with_key("requests", requests));
    }
    bar
}

/// The time that is left `elapsed_s` seconds after the step began; one that takes longer than expected leaves all that follows.
fn in_words(left: Left, elapsed_s: f64) -> String {
    let seconds = (left.of_step_s - elapsed_s).max(0.0) + left.after_s;
    format!("about {} left", units::rough_duration(seconds.max(1.0)))
}

/// The time with a decimal while that is short.
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

    #[test]
    fn the_time_left_counts_down_to_that_of_the_steps_that_follow() {
        let left = Left { of_step_s: 10.0, after_s: 60.0 };
        assert_eq!(in_words(left, 0.0), "about 1 min 10 s left");
        assert_eq!(in_words(left, 500.0), "about 1 min left");
        assert_eq!(in_words(Left::default(), 0.0), "about 1 s left");
    }
}
