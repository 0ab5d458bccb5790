//! Lets the trace's writer work only while go does not wait: see [`crate::telemetry::trace::recording`].

use std::sync::{Condvar, Mutex};

/// Lets the writer through, or lets it wait.
#[derive(Default)]
pub struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default, PartialEq)]
enum GateState {
    #[default]
    Shut,
    Open,
    OpenForGood,
}

impl Gate {
    /// Waits until the gate is open.
    pub fn pass(&self) {
        let state = self.state.lock().expect("no gate user panics");
        drop(self.changed.wait_while(state, |state| *state == GateState::Shut));
    }

    /// Shuts the gate, unless it is open for good.
    pub fn shut(&self) {
        let mut state = self.state.lock().expect("no gate user panics");
        if *state == GateState::Open {
            *state = GateState::Shut;
        }
    }

    /// Opens the gate until it is shut.
    pub fn open(&self) {
        self.set(GateState::Open);
    }

    /// Opens the gate for the rest of the process.
    pub fn open_for_good(&self) {
        self.set(GateState::OpenForGood);
    }

    fn set(&self, state: GateState) {
        *self.state.lock().expect("no gate user panics") = state;
        self.changed.notify_all();
    }
}
