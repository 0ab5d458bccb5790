//! Progress on stderr: one line that changes on a terminal, two lines for each round elsewhere.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::plan::run_plan::Plan;
use crate::plan::steps::{Kind, Step};
use crate::report::progress::remaining::{Left, Remaining};
use crate::report::progress::status_line::StatusLine;
use crate::report::text::units;
use crate::results::round::Round;
use crate::scenario::case::Case;
use gocacheprog::note;

/// Shows what runs, and how much is left of the whole run.
#[derive(Debug)]
pub struct Progress {
    line: StatusLine,
    /// The folder of the run, in which each step has one of its own.
    folder: PathBuf,
    cases: Vec<Case>,
    remaining: Remaining,
    /// The start of the step that runs.
    started: Instant,
}

impl Progress {
    /// The progress of a plan that runs in `folder` on this many cores.
    pub fn new(plan: &Plan, folder: &Path, cores: usize) -> Progress {
        Progress {
            line: StatusLine::new(),
            folder: folder.to_owned(),
            cases: plan.cases.clone(),
            remaining: Remaining::of(plan, cores),
            started: Instant::now(),
        }
    }

    /// Work before the first step.
    pub fn before(&self, text: &str) {
        let (steps, groups) = (self.remaining.left_from(0), self.remaining.left_from_group(0));
        let all_s = steps.of_step_s + steps.after_s + groups.of_step_s + groups.after_s;
        self.line.say(text, Some(Left { of_step_s: 0.0, after_s: all_s }), None);
    }

    /// Work that is no step and whose duration is not known.
    pub fn note(&self, text: &str) {
        self.line.say(text, None, None);
    }

    /// More steps than were planned, from `position` on.
    pub fn insert(&mut self, position: usize, steps: &[Step]) {
        self.remaining.insert(position, steps);
    }

    /// The step at `position` of the plan starts.
    pub fn starts(&mut self, position: usize, step: Step) {
        self.started = Instant::now();
        let session = step.state.uses_backend().then(|| self.folder.join(step.folder(&self.cases)));
        let log = session.map(|folder| folder.join("request.txt"));
        self.line.say(&self.describe(step), Some(self.remaining.left_from(position)), log);
    }

    /// The step ended with this round.
    pub fn ended(&mut self, position: usize, round: &Round) {
        self.remaining.ended(position, self.started.elapsed().as_secs_f64());
        if !self.line.is_live() {
            let state = if round.state_ok { "" } else { " · NOT IN ITS STATE" };
            let took = units::duration(round.wall_ns as f64);
            note::line(format_args!("{} · {took}{state}", self.describe(round.step)));
        }
    }

    /// The group of machines at `position` of the plan starts.
    pub fn group_starts(&mut self, position: usize, text: &str) {
        self.started = Instant::now();
        self.line.say(text, Some(self.remaining.left_from_group(position)), None);
    }

    /// The group ended.
    pub fn group_ended(&mut self, position: usize) {
        self.remaining.group_ended(position, self.started.elapsed().as_secs_f64());
    }

    /// Takes the line away, so that others can print.
    pub fn finish(&self) {
        self.line.finish();
    }

    fn describe(&self, step: Step) -> String {
        let alike = |kind| {
            let steps = self.remaining.steps();
            steps.filter(|other| other.setup() == step.setup() && other.kind == kind).count()
        };
        let what = match step.kind {
            Kind::Measured => format!("round {} of {}", step.round, alike(Kind::Measured)),
            Kind::WarmUp => "warm-up, not counted".to_owned(),
            Kind::Again => format!("round {} of {}, again for the noise", step.round, alike(Kind::Again)),
            Kind::Preparation => "preparation, not measured".to_owned(),
            Kind::Profile => format!("profile {} of {}, not timed", step.round, alike(Kind::Profile)),
            Kind::Heap => "heap profile, not timed".to_owned(),
        };
        let case = step.case.map_or(String::new(), |case| format!(" · {}", self.cases[case].name));
        format!("{}{case} · {what}", step.state.name())
    }
}
