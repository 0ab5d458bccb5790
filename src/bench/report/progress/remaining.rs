//! The time that is left of a run: by the steps that have ended, and by guesses for those of another kind.

use crate::plan::duration;
use crate::plan::run_plan::Plan;
use crate::plan::steps::{Kind, Setup, Step};

/// The steps of a run with the time of each, in seconds.
#[derive(Debug)]
pub struct Remaining {
    steps: Vec<(Step, f64)>,
    /// Groups of machines, where the plan has them instead of steps.
    groups_s: Vec<f64>,
    /// The last time of each kind of step.
    took: Vec<(Setup, Class, f64)>,
    /// Guessed and real time of all steps that have ended.
    guessed_s: f64,
    measured_s: f64,
}

/// Steps of one class take about as long as each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Timed,
    Profile,
    Heap,
}

impl Class {
    fn of(kind: Kind) -> Class {
        match kind {
            Kind::Measured | Kind::WarmUp | Kind::Again | Kind::Preparation => Class::Timed,
            Kind::Profile => Class::Profile,
            Kind::Heap => Class::Heap,
        }
    }
}

/// Seconds that are left: of the step that runs, and of all that follow.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Left {
    pub of_step_s: f64,
    pub after_s: f64,
}

impl Remaining {
    /// All steps of a plan, on a machine with this many cores.
    pub fn of(plan: &Plan, cores: usize) -> Remaining {
        let guess = |step: &Step| (*step, duration::of_step(plan, step, cores));
        Remaining {
            steps: plan.steps.iter().map(guess).collect(),
            groups_s: plan.study.groups().iter().map(|group| duration::of_group(group, cores)).collect(),
            took: Vec::new(),
            guessed_s: 0.0,
            measured_s: 0.0,
        }
    }

    /// The steps in their order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().map(|(step, _)| step)
    }

    /// More steps than were planned, from `position` on.
    pub fn insert(&mut self, position: usize, steps: &[Step]) {
        let as_known = steps.iter().map(|step| {
            let alike = self.steps.iter().find(|(other, _)| other.setup() == step.setup());
            (*step, alike.map_or(0.0, |(_, guess)| *guess))
        });
        let more: Vec<(Step, f64)> = as_known.collect();
        self.steps.splice(position..position, more);
    }

    /// The step at `position` took this long, with all the work around it.
    pub fn ended(&mut self, position: usize, seconds: f64) {
        let (step, guess) = self.steps[position];
        let (setup, class) = (step.setup(), Class::of(step.kind));
        self.took.retain(|(other, of, _)| (*other, *of) != (setup, class));
        self.took.push((setup, class, seconds));
        self.learn(guess, seconds);
    }

    /// The group at `position` took this long.
    pub fn group_ended(&mut self, position: usize, seconds: f64) {
        self.learn(self.groups_s[position], seconds);
    }

    fn learn(&mut self, guess: f64, seconds: f64) {
        self.guessed_s += guess;
        self.measured_s += seconds;
    }

    /// The time from the step at `position` on; nothing is left behind the last one.
    pub fn left_from(&self, position: usize) -> Left {
        let mut seconds = self.steps.iter().skip(position).map(|(step, guess)| self.expected(step, *guess));
        Left { of_step_s: seconds.next().unwrap_or(0.0), after_s: seconds.sum() }
    }

    /// The time from the group at `position` on.
    pub fn left_from_group(&self, position: usize) -> Left {
        let mut seconds = self.groups_s.iter().skip(position).map(|guess| guess * self.off());
        Left { of_step_s: seconds.next().unwrap_or(0.0), after_s: seconds.sum() }
    }

    /// How far the guesses have been off.
    fn off(&self) -> f64 {
        if self.guessed_s > 0.0 { self.measured_s / self.guessed_s } else { 1.0 }
    }

    /// As the last one of its kind; else the guess, by how far the guesses have been off.
    fn expected(&self, step: &Step, guess: f64) -> f64 {
        let same = self.took.iter().find(|(setup, class, _)| (*setup, *class) == (step.setup(), Class::of(step.kind)));
        same.map_or(guess * self.off(), |(_, _, seconds)| *seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::cache_state::CacheState;

    fn remaining(steps: &[(CacheState, Kind, f64)]) -> Remaining {
        let step = |(state, kind, guess): &(CacheState, Kind, f64)| {
            (Step { state: *state, case: None, kind: *kind, round: 1 }, *guess)
        };
        let steps = steps.iter().map(step).collect();
        Remaining { steps, groups_s: vec![13.0, 26.0], took: Vec::new(), guessed_s: 0.0, measured_s: 0.0 }
    }

    #[test]
    fn the_whole_run_is_estimated_from_its_start_on() {
        let mut left = remaining(&[
            (CacheState::GoCold, Kind::Measured, 30.0),
            (CacheState::LocalHit, Kind::Measured, 1.0),
            (CacheState::LocalHit, Kind::Profile, 3.0),
            (CacheState::LocalHit, Kind::Measured, 1.0),
        ]);
        assert_eq!(left.left_from(0), Left { of_step_s: 30.0, after_s: 5.0 });
        // This machine is half as fast as was guessed.
        left.ended(0, 60.0);
        assert_eq!(left.left_from(1), Left { of_step_s: 2.0, after_s: 8.0 });
        // A profile round says nothing about timed ones.
        left.ended(1, 2.5);
        left.ended(2, 9.0);
        assert_eq!(left.left_from(3), Left { of_step_s: 2.5, after_s: 0.0 });
        assert_eq!(left.left_from(4), Left::default());
    }

    #[test]
    fn more_rounds_than_planned_are_counted() {
        let mut left =
            remaining(&[(CacheState::LocalHit, Kind::Measured, 1.0), (CacheState::Cold, Kind::Profile, 5.0)]);
        left.ended(0, 1.5);
        let more = Step { state: CacheState::LocalHit, case: None, kind: Kind::Measured, round: 2 };
        left.insert(1, &[more]);
        assert_eq!(left.left_from(1), Left { of_step_s: 1.5, after_s: 7.5 });
    }

    #[test]
    fn groups_of_machines_are_estimated_too() {
        let mut left = remaining(&[]);
        assert_eq!(left.left_from_group(0), Left { of_step_s: 13.0, after_s: 26.0 });
        left.group_ended(0, 26.0);
        assert_eq!(left.left_from_group(1), Left { of_step_s: 52.0, after_s: 0.0 });
    }
}
