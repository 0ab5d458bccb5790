//! The thread of a session that works once a second: it writes the records out, and starts the CPU profile.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::backend::session::interrupted::Interrupted;
use crate::telemetry::{AUTO_AFTER, CpuProfile, CpuProfileMode, HeapProfile, Recorder, Trace};

/// How often records are written out, so that a killed session leaves them.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// How often it looks while the heap is profiled.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Work of the session that is done each second.
pub type EachSecond = Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>;

/// Why the ticker need not wait for its second.
pub enum Wake {
    /// Much has gathered.
    Full,
    /// The session is over.
    Stop,
}

/// The thread that works once a second, and what it works on.
pub struct Ticker {
    pub recorder: Arc<Recorder>,
    pub trace: Option<Trace>,
    pub profile: Option<CpuProfile>,
    pub heap: Option<HeapProfile>,
    /// How old the session has to be for a profile to be started.
    pub profile_after: Option<Duration>,
    pub each_second: EachSecond,
    pub interrupted: Interrupted,
}

impl Ticker {
    /// The service without its thread, which broke.
    pub fn broken(recorder: Arc<Recorder>, interrupted: Interrupted) -> Self {
        Self {
            recorder,
            trace: None,
            profile: None,
            heap: None,
            profile_after: None,
            each_second: EachSecond::default(),
            interrupted,
        }
    }

    /// Starts the thread. Gives what wakes it, and the thread, which gives back all that it worked on.
    pub fn start(mut self) -> (Sender<Wake>, JoinHandle<Ticker>) {
        let (wake, woken) = channel();
        let began = Instant::now();
        let full = wake.clone();
        // An error says that the session is over.
        self.recorder.on_full(move || drop(full.send(Wake::Full)));
        let thread = std::thread::spawn(move || {
            self.start_profile(began.elapsed());
            while matches!(woken.recv_timeout(self.pause()), Ok(Wake::Full) | Err(RecvTimeoutError::Timeout)) {
                self.tick(began.elapsed());
            }
            self
        });
        (wake, thread)
    }

    fn tick(&mut self, age: Duration) {
        self.heap.iter_mut().for_each(HeapProfile::look);
        self.interrupted.since();
        if let Some(work) = self.each_second.get() {
            work();
        }
        self.recorder.flush(false);
        if let Some(trace) = &self.trace {
            trace.flush();
        }
        self.start_profile(age);
    }

    /// A peak of memory may be short.
    fn pause(&self) -> Duration {
        if self.heap.is_some() { LOOK_EVERY } else { FLUSH_EVERY }
    }

    fn start_profile(&mut self, age: Duration) {
        if self.profile_after.is_some_and(|after| age >= after) {
            self.profile_after = None;
            self.profile = CpuProfile::start();
        }
    }
}

/// Age of a session at which its CPU profile begins; `None`: not by the ticker.
pub fn profile_after(mode: CpuProfileMode) -> Option<Duration> {
    match mode {
        CpuProfileMode::On => Some(Duration::ZERO),
        CpuProfileMode::Auto => Some(AUTO_AFTER),
        CpuProfileMode::First | CpuProfileMode::Off => None,
    }
}
