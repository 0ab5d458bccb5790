//! The sampler: looks at processes and machine some times a second, for the sums of a session and the counter tracks.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::platform;
use crate::platform::Counters;
use crate::telemetry::model::clock::Clock;
use crate::telemetry::model::resources::{Moment, Resources};
use crate::telemetry::trace::counter_tracks::{Gauges, Tracks};
use crate::telemetry::trace::file::Drawing;

/// Time between two samples of a young session.
const SHORTEST: Duration = Duration::from_millis(100);
/// The time between two samples is this part of the session's age, once that is longer: the number of samples grows with
/// the logarithm of the time.
const PART_OF_AGE: u32 = 300;
/// A sample waits for so many times what the last one cost: sampling takes at most 1/250 of a core.
const PRICE: u32 = 250;

/// Whom to look at, beside the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watched {
    /// True if this process is the backend.
    pub is_backend: bool,
    /// The backend, where it is not this process: with its descendants.
    pub program: Option<u32>,
    /// The go command.
    pub go: Option<u32>,
    /// The embedded S3 server.
    pub s3: Option<u32>,
}

/// The running sampler.
pub struct Sampler {
    stop: Sender<()>,
    thread: JoinHandle<Resources>,
}

impl Sampler {
    /// Starts on a thread of its own. `gauges` tells what only the session knows; counters are drawn into `drawing`.
    pub fn start(
        watched: Watched,
        clock: Clock,
        drawing: Option<Drawing>,
        gauges: impl Fn() -> Gauges + Send + 'static,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("cacheprog-samples".to_owned());
        let thread = thread.spawn(move || sample(watched, clock, drawing, gauges, &stopped))?;
        Ok(Self { stop, thread })
    }

    /// Lets it take its last sample now, beside whatever the caller goes on to do.
    pub fn stop(&self) {
        // An error says that it has ended.
        let _ = self.stop.send(());
    }

    /// Waits for the last sample; `None` when sampling broke.
    pub fn finish(self) -> Option<Resources> {
        self.stop();
        self.thread.join().ok()
    }
}

fn sample(
    watched: Watched,
    clock: Clock,
    drawing: Option<Drawing>,
    gauges: impl Fn() -> Gauges,
    stopped: &Receiver<()>,
) -> Resources {
    let counters = Counters::default();
    let mut resources = Resources::default();
    let mut tracks = Tracks::new(drawing, gauges());
    let first = look(watched, clock, &counters);
    // Half of the time: the first look also finds out what the later ones know.
    let mut cost = platform::thread_cpu().map_or(SHORTEST / PRICE, |cpu| cpu / 2);
    let mut before = first.clone();
    resources.take(&first, &first);
    loop {
        let age = Duration::from_nanos(clock.now_ns());
        let pause = SHORTEST.max(age / PART_OF_AGE).max(cost * PRICE);
        let is_last = stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
        let cpu_before = platform::thread_cpu();
        let now = look(watched, clock, &counters);
        tracks.draw(&before, &now, gauges());
        resources.take(&first, &now);
        before = now;
        cost = platform::thread_cpu().zip(cpu_before).map_or(SHORTEST / PRICE, |(now, before)| now - before);
        if is_last {
            resources.sampling_cpu_ns = platform::thread_cpu().map(|cpu| cpu.as_nanos() as u64);
            return resources;
        }
    }
}

fn look(watched: Watched, clock: Clock, counters: &Counters) -> Moment {
    Moment {
        at_ns: clock.now_ns(),
        backend: match watched.program {
            // Where there are no trees, it alone.
            Some(program) => counters.tree(program, std::process::id()).or_else(|| counters.process(program)),
            None => watched.is_backend.then(|| counters.this_process()).flatten(),
        },
        go: watched.go.and_then(|go| counters.tree(go, std::process::id())),
        s3: watched.s3.and_then(|s3| counters.process(s3)),
        host: counters.host(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn samples_from_start_to_stop_and_knows_what_they_cost() {
        let watched = Watched { is_backend: true, go: Some(std::process::id()), ..Watched::default() };
        let looked = Arc::new(AtomicU64::new(0));
        let counted = looked.clone();
        let gauges = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Gauges::default()
        };
        let sampler = Sampler::start(watched, Clock::start(), None, gauges).unwrap();
        // However dear a sample is here.
        while looked.load(Ordering::Relaxed) < 3 {
            std::thread::sleep(SHORTEST / 10);
        }
        let resources = sampler.finish().unwrap();
        assert!(resources.samples >= 3, "{resources:?}");
        assert!(resources.interval_ns >= 200_000_000, "{resources:?}");
        assert!(resources.sampling_cpu_ns.unwrap() > 0);
        assert!(resources.backend.unwrap().peak_resident_bytes.unwrap() > 0);
        assert_eq!(resources.s3, None);
        if cfg!(target_os = "linux") {
            assert!(resources.go.unwrap().peak_processes >= 1);
        }
    }

    #[test]
    fn a_session_that_ends_at_once_has_two_samples() {
        let sampler = Sampler::start(Watched::default(), Clock::start(), None, Gauges::default).unwrap();
        sampler.stop();
        assert_eq!(sampler.finish().unwrap().samples, 2);
    }
}
