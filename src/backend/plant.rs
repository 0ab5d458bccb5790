//! A delay put into a stage on purpose: tests and `bench` plant one to see whether the records name it.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::telemetry::PlantSummary;

/// Stages of a request that happen in this process, by the names of their spans.
const STAGES: [&str; 5] = ["queue", "body", "local.lookup", "local.write", "respond"];

/// What is planted: `STAGE:MILLISECONDS:EVERY`, a delay in each `EVERY`th request that comes to the stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Plant {
    stage: &'static str,
    delay: Duration,
    every: u64,
}

/// A plant in a session. Without one it does nothing.
#[derive(Debug, Default)]
pub struct Planted {
    plant: Option<Plant>,
    came_by: AtomicU64,
    count: AtomicU64,
    slept_ns: AtomicU64,
}

impl FromStr for Plant {
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

impl Planted {
    /// What `plant` says, in one session.
    pub fn new(plant: Option<Plant>) -> Self {
        Self { plant, ..Self::default() }
    }

    /// A request comes to `stage`.
    pub fn at(&self, stage: &str) {
        let Some(plant) = self.plant.as_ref().filter(|plant| plant.stage == stage) else { return };
        if !(self.came_by.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(plant.every) {
            return;
        }
        let began = Instant::now();
        std::thread::sleep(plant.delay);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.slept_ns.fetch_add(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }

    /// What it came to; `None` when nothing was planted.
    pub fn summary(&self) -> Option<PlantSummary> {
        let stage = self.plant.as_ref()?.stage.to_owned();
        let (count, slept_ns) = (self.count.load(Ordering::Relaxed), self.slept_ns.load(Ordering::Relaxed));
        Some(PlantSummary { stage, count, slept_ns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_so_manieth_request_of_the_stage_sleeps() {
        let planted = Planted::new(Some("local.lookup:2:3".parse().unwrap()));
        (0..7).for_each(|_| planted.at("local.lookup"));
        planted.at("respond");
        let summary = planted.summary().unwrap();
        assert_eq!((summary.stage.as_str(), summary.count), ("local.lookup", 2));
        assert!(summary.slept_ns >= 4_000_000, "{summary:?}");
        assert_eq!(Planted::default().summary(), None);
    }

    #[test]
    fn what_is_not_of_the_form_is_refused() {
        for text in ["", "respond", "lookup:1:1", "respond:x:1", "respond:1:0", "respond:-1:1", "respond:1:1:1"] {
            assert!(text.parse::<Plant>().is_err(), "{text}");
        }
    }
}
