//! Signals that ask for the end of a session.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use crate::note::note;
use crate::platform;

/// The arrival of a signal that asks for an end, and since when it is known.
#[derive(Clone, Default)]
pub struct Interrupted {
    flag: Arc<AtomicBool>,
    since: Arc<OnceLock<Instant>>,
}

impl Interrupted {
    /// From now on these signals only leave a note: ending before go does would fail the build, and what was put would not be
    /// uploaded. A hang-up that is ignored, as `nohup` has it, stays so.
    pub fn listen(&self) {
        let hangup = if platform::ignores_hangup() { None } else { Some(SIGHUP) };
        for signal in [SIGINT, SIGTERM, SIGQUIT].into_iter().chain(hangup) {
            if let Err(error) = signal_hook::flag::register(signal, self.flag.clone()) {
                note(format_args!("signal {signal} will end the session at once: {error}"));
            }
        }
    }

    /// Since when, to the second; `None` without a signal.
    pub fn since(&self) -> Option<Instant> {
        self.flag.load(Ordering::Relaxed).then(|| *self.since.get_or_init(Instant::now))
    }
}
