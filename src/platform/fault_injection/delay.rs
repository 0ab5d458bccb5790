//! A delay that is injected into a stage of requests: tests and `bench` do it to see whether the records name the stage.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Stages of a request that happen in this process, by the names of their spans.
const STAGES: [&str; 5] = ["queue", "body", "local.lookup", "local.write", "respond"];

/// A delay as the command line has it: `STAGE:MILLISECONDS:EVERY`, in each `EVERY`th request that comes to the stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Delay {
    stage: &'static str,
    delay: Duration,
    every: u64,
}

/// A delay in a session, with the count of the requests that it met.
#[derive(Debug)]
pub(super) struct InjectedDelay {
    delay: Delay,
    came_by: AtomicU64,
    count: AtomicU64,
    slept_ns: AtomicU64,
}

/// Number and length of the delays that a session has injected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DelaySummary {
    /// Stage that was delayed.
    pub stage: String,
    /// Number of delays.
    pub count: u64,
    /// Their real length together, nanoseconds.
    pub slept_ns: u64,
}

impl FromStr for Delay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let [stage, ms, every] = text.split(':').collect::<Vec<_>>()[..] else {
            return Err("not of the form STAGE:MILLISECONDS:EVERY".to_owned());
        };
        let known = STAGES.into_iter().find(|known| *known == stage);
        let stage = known.ok_or_else(|| format!("{stage:?} is none of the stages {}", STAGES.join(", ")))?;
        let ms: f64 = ms.parse().map_err(|_| format!("{ms:?} is no number of milliseconds"))?;
        let delay = Duration::try_from_secs_f64(ms / 1000.0).map_err(|error| error.to_string())?;
        let every = every.parse().ok().filter(|every| *every > 0).ok_or_else(|| format!("{every:?} is no number"))?;
        Ok(Self { stage, delay, every })
    }
}

impl InjectedDelay {
    /// A delay that no request has met yet.
    pub(super) fn new(delay: Delay) -> Self {
        Self { delay, came_by: AtomicU64::new(0), count: AtomicU64::new(0), slept_ns: AtomicU64::new(0) }
    }

    /// Sleeps, if this is the stage and the request is one of those that are delayed.
    pub(super) fn at(&self, stage: &str) {
        let Delay { stage: delayed, delay, every } = self.delay;
        if stage != delayed || !(self.came_by.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(every) {
            return;
        }
        let began = Instant::now();
        std::thread::sleep(delay);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.slept_ns.fetch_add(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }

    /// Number and length of the delays so far.
    pub(super) fn summary(&self) -> DelaySummary {
        let (count, slept_ns) = (self.count.load(Ordering::Relaxed), self.slept_ns.load(Ordering::Relaxed));
        DelaySummary { stage: self.delay.stage.to_owned(), count, slept_ns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_nth_request_of_the_stage_is_delayed() {
        let injected = InjectedDelay::new("local.lookup:2:3".parse().unwrap());
        (0..7).for_each(|_| injected.at("local.lookup"));
        injected.at("respond");
        let summary = injected.summary();
        assert_eq!((summary.stage.as_str(), summary.count), ("local.lookup", 2));
        assert!(summary.slept_ns >= 4_000_000, "{summary:?}");
    }

    #[test]
    fn what_is_not_of_the_form_is_refused() {
        for text in ["", "respond", "lookup:1:1", "respond:x:1", "respond:1:0", "respond:-1:1", "respond:1:1:1"] {
            assert!(text.parse::<Delay>().is_err(), "{text}");
        }
    }
}
