//! The trace: `tracing` spans to `trace.json` by tracing-chrome, formatted only while go does not wait.
//!
//! tracing-chrome formats on a thread that each event wakes: on two cores that alone made a build of local hits 10 %
//! slower. So its writer stands behind a [`Gate`]: while that is shut the thread sleeps in it and events queue in
//! memory (about 250 bytes each). The gate opens once a second, so that a killed session leaves its trace, and for good
//! at the end, when go has been released.

use std::io;
use std::sync::{Arc, Condvar, Mutex};

use tracing_chrome::{ChromeLayerBuilder, FlushGuard, TraceStyle};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::prelude::*;

use super::trace_writer::TraceWriter;
use super::{Clock, SessionFolder};
use crate::note::note;

/// Spans of other crates (the SDK, hyper) are not recorded.
const TARGET: &str = env!("CARGO_CRATE_NAME");

/// The running trace of this process.
pub struct Trace {
    /// Dropped by `Drop`, when the gate is open.
    guard: Option<FlushGuard>,
    gate: Arc<Gate>,
    failure: Arc<Mutex<Option<io::Error>>>,
}

impl Trace {
    /// Starts recording all spans of this process to `trace.json`. `None`, with a line on stderr, when that cannot be
    /// written, or when something else listens to spans already.
    pub fn start(folder: &SessionFolder, clock: Clock) -> Option<Self> {
        let path = folder.file("trace.json");
        let file = std::fs::File::create(&path)
            .inspect_err(|error| note(format_args!("no trace: {}: {error}", path.display())))
            .ok()?;
        let gate = Arc::new(Gate::default());
        let failure = Arc::new(Mutex::new(None));
        let writer = TraceWriter::new(file, gate.clone(), failure.clone(), clock);
        let (layer, guard) = ChromeLayerBuilder::new()
            .writer(writer)
            .include_args(true)
            .include_locations(false)
            .trace_style(TraceStyle::Async)
            .build();
        let registry =
            tracing_subscriber::registry().with(layer).with(filter_fn(|meta| meta.target().starts_with(TARGET)));
        let trace = Self { guard: Some(guard), gate, failure };
        tracing::subscriber::set_global_default(registry)
            .inspect_err(|error| note(format_args!("no trace: {error}")))
            .ok()?;
        // From these two times of one moment the writer knows tracing-chrome's time zero.
        tracing::info!(t0_ns = clock.now_ns());
        Some(trace)
    }

    /// Writes out what has been recorded so far.
    pub fn flush(&self) {
        self.gate.open();
        if let Some(guard) = &self.guard {
            guard.flush();
        }
    }

    /// Writes out the rest and ends the file.
    pub fn finish(mut self) {
        self.end();
        if let Some(error) = self.failure.lock().expect("no trace writer panics").take() {
            note(format_args!("the trace is not complete: {error}"));
        }
    }

    /// The guard waits for the writer, which waits for the gate.
    fn end(&mut self) {
        self.gate.open_for_good();
        self.guard.take();
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        self.end();
    }
}

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

    fn open(&self) {
        self.set(GateState::Open);
    }

    pub fn open_for_good(&self) {
        self.set(GateState::OpenForGood);
    }

    fn set(&self, state: GateState) {
        *self.state.lock().expect("no gate user panics") = state;
        self.changed.notify_all();
    }
}
