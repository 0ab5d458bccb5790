//! The trace: `tracing` spans to `trace.json` by tracing-chrome, formatted only while go does not wait. Requests that are
//! answered at once are drawn from the recorder's lines instead, and counters from the samples: neither needs a span.
//!
//! tracing-chrome formats on a thread that each event wakes: on two cores that alone made a build of local hits 10 %
//! slower. So its writer stands behind a [`Gate`]: while that is shut the thread sleeps in it and events queue in
//! memory (about 250 bytes each). The gate opens once a second, so that a killed session leaves its trace, and for good
//! at the end, when go has been released.

use std::sync::{Arc, Mutex};

use tracing_chrome::{ChromeLayer, ChromeLayerBuilder, FlushGuard, TraceStyle};
use tracing_subscriber::Registry;

use crate::note::note;
use crate::telemetry::folder::session_folder::SessionFolder;
use crate::telemetry::model::clock::Clock;
use crate::telemetry::trace::chrome_lines::TraceLines;
use crate::telemetry::trace::file::{Drawing, TraceFile};
use crate::telemetry::trace::gate::Gate;

/// The running trace of this process.
pub struct Trace {
    /// Dropped by `Drop`, when the gate is open.
    guard: Option<FlushGuard>,
    gate: Arc<Gate>,
    drawing: Drawing,
}

impl Trace {
    /// Makes `trace.json` and the layer that records to it. `None`, with a line on stderr, when it cannot be written.
    pub fn start(folder: &SessionFolder, clock: Clock) -> Option<(Self, ChromeLayer<Registry>)> {
        let path = folder.file("trace.json");
        let file = TraceFile::create(&path, &clock)
            .inspect_err(|error| note(format_args!("no trace: {}: {error}", path.display())))
            .ok()?;
        let gate = Arc::new(Gate::default());
        let drawing = Arc::new(Mutex::new(file));
        let (layer, guard) = ChromeLayerBuilder::new()
            .writer(TraceLines::new(drawing.clone(), gate.clone(), clock))
            .include_args(true)
            .include_locations(false)
            .trace_style(TraceStyle::Async)
            .build();
        Some((Self { guard: Some(guard), gate, drawing }, layer))
    }

    /// The file, to draw into it what needs no spans. No thread that go waits for may do that.
    pub fn drawing(&self) -> Drawing {
        self.drawing.clone()
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
        if let Err(error) = self.drawing.lock().expect("no trace writer panics").end() {
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
