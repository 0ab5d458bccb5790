//! The loop over the steps of a plan: runs each, keeps what came out, stops at an interrupt or a failure.

use anyhow::Result;

use crate::plan::steps::Step;
use crate::results::round::Round;
use crate::results::run::Ended;

/// Runs steps; tests have one that starts no builds.
pub trait Execute {
    fn round(&mut self, step: Step) -> Result<Round>;
    /// True if bench was asked to stop: an error is not a failure then.
    fn interrupted(&self) -> bool;
}

/// An observer of the steps.
pub trait Watch {
    fn starts(&mut self, position: usize, step: Step);
    /// Called after every round that came to its end, so that results can be kept.
    fn ended(&mut self, position: usize, round: Round) -> Result<()>;
    /// Steps to run next, when no more are left whose time counts.
    fn more(&mut self, position: usize) -> Vec<Step>;
}

/// Runs `steps` in their order. Returns how it ended, and the error if it failed.
pub fn run(steps: &[Step], execute: &mut dyn Execute, watch: &mut dyn Watch) -> (Ended, Option<anyhow::Error>) {
    let mut steps = steps.to_vec();
    let mut position = 0;
    while let Some(step) = steps.get(position).copied() {
        if execute.interrupted() {
            return (Ended::Interrupted, None);
        }
        watch.starts(position, step);
        let round = execute.round(step);
        if execute.interrupted() {
            return (Ended::Interrupted, None);
        }
        if let Err(error) = round.and_then(|round| watch.ended(position, round)) {
            return (Ended::Failed, Some(error));
        }
        position += 1;
        if step.is_timed() && !steps[position..].iter().any(Step::is_timed) {
            steps.splice(position..position, watch.more(position));
        }
    }
    (Ended::Complete, None)
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;
    use crate::plan::steps::Kind;
    use crate::results::round::tests::round;
    use crate::scenario::cache_state::CacheState;

    /// Fails or is interrupted at the given step.
    #[derive(Default)]
    struct Script {
        ran: usize,
        fails_at: Option<usize>,
        interrupted_in: Option<usize>,
    }

    impl Execute for Script {
        fn round(&mut self, step: Step) -> Result<Round> {
            self.ran += 1;
            if self.fails_at == Some(self.ran) {
                bail!("go said no");
            }
            Ok(round(step, 1))
        }
        fn interrupted(&self) -> bool {
            self.interrupted_in == Some(self.ran)
        }
    }

    #[derive(Default)]
    struct Protocol {
        words: Vec<String>,
        more: Vec<Step>,
    }

    impl Watch for Protocol {
        fn starts(&mut self, position: usize, step: Step) {
            self.words.push(format!("+{position}{}", step.state));
        }
        fn ended(&mut self, position: usize, round: Round) -> Result<()> {
            self.words.push(format!("-{position}{}", round.step.state));
            Ok(())
        }
        fn more(&mut self, _position: usize) -> Vec<Step> {
            std::mem::take(&mut self.more)
        }
    }

    fn steps() -> Vec<Step> {
        [CacheState::Cold, CacheState::RemoteHit, CacheState::LocalHit]
            .into_iter()
            .map(|state| Step { state, case: None, kind: Kind::Measured, round: 1 })
            .collect()
    }

    fn run_script(mut script: Script) -> (Ended, String, bool) {
        let mut protocol = Protocol::default();
        let (ended, error) = run(&steps(), &mut script, &mut protocol);
        (ended, protocol.words.join(" "), error.is_some())
    }

    #[test]
    fn each_step_ends_before_the_next_starts() {
        let (ended, protocol, failed) = run_script(Script::default());
        assert_eq!((ended, failed), (Ended::Complete, false));
        assert_eq!(protocol, "+0cold -0cold +1remote-hit -1remote-hit +2local-hit -2local-hit");
    }

    #[test]
    fn a_failure_keeps_what_came_before() {
        let script = Script { fails_at: Some(2), ..Script::default() };
        let (ended, protocol, failed) = run_script(script);
        assert_eq!((ended, failed), (Ended::Failed, true));
        assert_eq!(protocol, "+0cold -0cold +1remote-hit");
    }

    #[test]
    fn an_interrupt_is_no_failure_even_where_it_makes_go_fail() {
        let script = Script { fails_at: Some(2), interrupted_in: Some(2), ..Script::default() };
        let (ended, protocol, failed) = run_script(script);
        assert_eq!((ended, failed), (Ended::Interrupted, false));
        assert_eq!(protocol, "+0cold -0cold +1remote-hit");
    }

    #[test]
    fn more_rounds_come_before_what_is_not_timed() {
        let mut steps = steps();
        steps[2].kind = Kind::Profile;
        let more = vec![Step { round: 2, ..steps[1] }];
        let mut protocol = Protocol { more, ..Protocol::default() };
        let (ended, _) = run(&steps, &mut Script::default(), &mut protocol);
        assert_eq!(
            (ended, protocol.words.join(" ").as_str()),
            (
                Ended::Complete,
                "+0cold -0cold +1remote-hit -1remote-hit +2remote-hit -2remote-hit +3local-hit -3local-hit"
            )
        );
    }
}
