//! Finds the stalls of a backend that stops reading its stdin while it works on a request.

use crate::results::time_breakdown::StdinStalls;
use gocacheprog::telemetry::{Answer, LoggedSession};

impl StdinStalls {
    /// The stalls of a backend by its request log.
    pub fn of(log: &LoggedSession) -> StdinStalls {
        let mut answers: Vec<&Answer> = log.lines.iter().filter_map(|(_, line)| line.answer()).collect();
        answers.sort_by_key(|answer| (answer.times.started_ns, answer.id));
        let mut stalls = StdinStalls::default();
        for pair in answers.windows(2) {
            let ([_, _, local_ns, remote_ns, _], kept_ns) = (pair[0].times.stages_ns(), pair[1].times.kept_ns);
            // A request that waits in a task does not keep the reader, however long it waits.
            let by_remote = remote_ns > local_ns && kept_ns >= remote_ns;
            let sum = if by_remote { &mut stalls.kept_by_remote_ns } else { &mut stalls.kept_by_local_ns };
            *sum += kept_ns;
            stalls.kept += u64::from(kept_ns > 0);
        }
        stalls
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gocacheprog::telemetry::{Line, Outcome, RequestKind, Times};

    /// A request that was stored or fetched for so long, and kept in the pipe before.
    fn answer(at_ns: u64, local_ns: u64, remote_ns: u64, kept_ns: u64) -> (u64, Line) {
        let (local_ns, decided_ns) = (at_ns + local_ns, at_ns + local_ns + remote_ns);
        let times = Times { local_ns, decided_ns, answered_ns: decided_ns, kept_ns, ..Times::begun(at_ns, at_ns) };
        let (action, output, bytes, error, outcome) = (None, None, None, None, Outcome::Miss);
        (
            decided_ns,
            Line::Answer(Answer { id: 1, kind: RequestKind::Get, action, output, bytes, outcome, error, times }),
        )
    }

    #[test]
    fn what_was_kept_in_the_pipe_is_told_by_what_kept_it() {
        let reader = |lines| StdinStalls::of(&LoggedSession { start_unix_ns: 0, pid: 1, go: None, lines });
        let lines = vec![answer(0, 1, 50, 0), answer(60, 70, 2, 50), answer(140, 1, 1, 70), answer(150, 1, 1, 0)];
        assert_eq!(reader(lines), StdinStalls { kept: 2, kept_by_remote_ns: 50, kept_by_local_ns: 70 });
        // Its body took 5 to be read, and its upload 100 in a task.
        let lines = vec![answer(0, 5, 100, 0), answer(5, 1, 1, 5)];
        assert_eq!(reader(lines), StdinStalls { kept: 1, kept_by_remote_ns: 0, kept_by_local_ns: 5 });
    }
}
