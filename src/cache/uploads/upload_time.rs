//! The time in which something was sent, and in which something was only compressed.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Time so far in which something was sent, and in which nothing was but something was compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Busy {
    pub sending: Duration,
    pub compressing: Duration,
}

impl Busy {
    /// The difference to an earlier sum.
    pub fn since(self, before: Busy) -> Busy {
        Busy {
            sending: self.sending.saturating_sub(before.sending),
            compressing: self.compressing.saturating_sub(before.compressing),
        }
    }
}

/// Adds up what goes on, however many uploads do it.
pub struct Stages(Mutex<State>);

struct State {
    sending: u32,
    compressing: u32,
    /// Up to when `busy` is right.
    at: Instant,
    busy: Busy,
}

/// One upload in a stage, until it is dropped.
pub struct InStage<'a> {
    stages: &'a Stages,
    stage: fn(&mut State) -> &mut u32,
}

impl Default for Stages {
    fn default() -> Self {
        Self(Mutex::new(State { sending: 0, compressing: 0, at: Instant::now(), busy: Busy::default() }))
    }
}

impl Stages {
    /// An upload is sent.
    pub fn sending(&self) -> InStage<'_> {
        self.enter(|state| &mut state.sending)
    }

    /// An upload is compressed, or waits for others to be.
    pub fn compressing(&self) -> InStage<'_> {
        self.enter(|state| &mut state.compressing)
    }

    /// True if something is being sent.
    pub fn is_sending(&self) -> bool {
        self.change(|state| state.sending > 0)
    }

    /// The sums up to now.
    pub fn busy(&self) -> Busy {
        self.change(|state| state.busy)
    }

    fn enter(&self, stage: fn(&mut State) -> &mut u32) -> InStage<'_> {
        self.change(|state| *stage(state) += 1);
        InStage { stages: self, stage }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.0.lock().expect("nobody panics with it");
        let now = Instant::now();
        let passed = now.duration_since(state.at);
        state.at = now;
        match (state.sending, state.compressing) {
            (0, 0) => {}
            (0, _) => state.busy.compressing += passed,
            _ => state.busy.sending += passed,
        }
        change(&mut state)
    }
}

impl Drop for InStage<'_> {
    fn drop(&mut self) {
        self.stages.change(|state| *(self.stage)(state) -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_beside_what_is_sent_counts_as_sent() {
        let stages = Stages::default();
        let step = || std::thread::sleep(Duration::from_millis(3));
        step();
        assert_eq!(stages.busy(), Busy::default());
        let compressing = stages.compressing();
        step();
        let first = stages.busy();
        assert!(first.compressing >= Duration::from_millis(3) && first.sending == Duration::ZERO, "{first:?}");
        let sending = [stages.sending(), stages.sending()];
        drop(compressing);
        step();
        drop(sending);
        let second = stages.busy().since(first);
        assert!(second.sending >= Duration::from_millis(3) && second.compressing < second.sending, "{second:?}");
        let third = stages.busy();
        step();
        assert_eq!(stages.busy(), third);
    }
}
