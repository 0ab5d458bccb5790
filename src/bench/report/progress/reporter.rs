//! Progress on stderr: one line that changes on a terminal, two lines a round elsewhere.

use std::path::{Path, PathBuf};

use crate::bench::plan::run_plan::Plan;
use crate::bench::plan::steps::{Kind, Setup, Step};
use crate::bench::report::progress::status_line::StatusLine;
use crate::bench::report::text::units;
use crate::bench::results::round::Round;
use crate::bench::scenario::case::Case;
use crate::note;

/// Tells what runs, for how long, and what is left.
#[derive(Debug)]
pub struct Progress {
    line: StatusLine,
    /// Of the run, in which each step has one of its own.
    folder: PathBuf,
    steps: Vec<Step>,
    cases: Vec<Case>,
    /// The last time that each setup took.
    took_ns: Vec<(Setup, u64)>,
}

impl Progress {
    /// Of a plan that runs in `folder`.
    pub fn new(plan: &Plan, folder: &Path) -> Progress {
        Progress {
            line: StatusLine::new(),
            folder: folder.to_owned(),
            steps: plan.steps.clone(),
            cases: plan.cases.clone(),
            took_ns: Vec::new(),
        }
    }

    /// Something that is no step: warming up, tidying up.
    pub fn note(&self, text: &str) {
        self.line.say(text, "", None);
    }

    /// More steps than were planned, from `position` on.
    pub fn insert(&mut self, position: usize, steps: &[Step]) {
        self.steps.splice(position..position, steps.iter().copied());
    }

    /// The step at `position` of the plan starts.
    pub fn starts(&self, position: usize) {
        let left = self.left_ns(position).map(|left| format!(" · about {} left", seconds(left))).unwrap_or_default();
        let behind = if self.line.is_live() { left } else { format!("{left} …") };
        let step = self.steps[position];
        let session = step.state.uses_backend().then(|| self.folder.join(step.folder(&self.cases)));
        self.line.say(&self.describe(position), &behind, session.map(|folder| folder.join("request.txt")));
    }

    /// It ended with this.
    pub fn ended(&mut self, position: usize, round: &Round) {
        let setup = round.step.setup();
        self.took_ns.retain(|(other, _)| *other != setup);
        self.took_ns.push((setup, round.wall_ns + round.backend_after_go_ns.unwrap_or(0)));
        if !self.line.is_live() {
            let state = if round.state_ok { "" } else { " · NOT IN ITS STATE" };
            let took = units::duration(round.wall_ns as f64);
            note::line(format_args!("{} · {took}{state}", self.describe(position)));
        }
    }

    /// Takes the line away, so that others can print.
    pub fn finish(&self) {
        self.line.finish();
    }

    fn describe(&self, position: usize) -> String {
        let step = self.steps[position];
        let all = |kind| self.steps.iter().filter(|other| other.setup() == step.setup() && other.kind == kind).count();
        let what = match step.kind {
            Kind::Measured => format!("round {} of {}", step.round, all(Kind::Measured)),
            Kind::WarmUp => "warm-up, not counted".to_owned(),
            Kind::Again => format!("round {} of {}, again for the noise", step.round, all(Kind::Again)),
            Kind::Preparation => "preparation, not measured".to_owned(),
            Kind::Profile => format!("profile {} of {}, not timed", step.round, all(Kind::Profile)),
            Kind::Heap => "heap profile, not timed".to_owned(),
        };
        let case = step.case.map_or(String::new(), |case| format!(" · {}", self.cases[case].name));
        format!("{}{case} · {what}", step.state.name())
    }

    /// The time that the steps from `position` on will take, if each state takes as long as the last time.
    ///
    /// One that has not run yet is taken for one of its kind that has; None where there is none.
    fn left_ns(&self, position: usize) -> Option<u64> {
        let took = |setup: Setup| {
            let find = |is_alike: &dyn Fn(&Setup) -> bool| self.took_ns.iter().find(|(other, _)| is_alike(other));
            let same = find(&|other| *other == setup);
            let of_state = || find(&|other| other.state == setup.state);
            let alike = || find(&|other| other.state.is_cold() == setup.state.is_cold());
            same.or_else(of_state).or_else(alike).map(|(_, took)| *took)
        };
        self.steps[position..].iter().map(|step| took(step.setup())).sum()
    }
}

fn seconds(nanoseconds: u64) -> String {
    let seconds = nanoseconds.div_ceil(1_000_000_000);
    match seconds {
        0..120 => format!("{seconds} s"),
        _ => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::round::tests::round;
    use crate::bench::scenario::cache_state::CacheState;

    fn progress(states: &[CacheState]) -> Progress {
        let steps = states.iter().map(|state| Step { state: *state, case: None, kind: Kind::Measured, round: 1 });
        let line = StatusLine::new();
        Progress { line, folder: PathBuf::new(), steps: steps.collect(), cases: Vec::new(), took_ns: Vec::new() }
    }

    #[test]
    fn what_is_left_is_guessed_from_states_that_are_alike() {
        let mut progress = progress(&[CacheState::GoCold, CacheState::GoWarm, CacheState::Cold, CacheState::LocalHit]);
        assert_eq!(progress.left_ns(0), None);
        progress.ended(0, &round(progress.steps[0], 30_000_000_000));
        assert_eq!(progress.left_ns(1), None);
        progress.ended(1, &round(progress.steps[1], 1_000_000_000));
        assert_eq!(progress.left_ns(2), Some(31_000_000_000));
        assert_eq!(progress.left_ns(4), Some(0));
        assert_eq!(seconds(31_000_000_001), "32 s");
        assert_eq!(seconds(150_000_000_000), "3 min");
    }
}
