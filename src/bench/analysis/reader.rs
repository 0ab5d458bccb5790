//! How a backend read its stdin: whether it stood still while a request waited, so that others waited unseen in the pipe.

use serde::{Deserialize, Serialize};

use crate::telemetry::{Answer, LoggedSession};

/// A stage shorter than this says nothing about who else could have come meanwhile.
const LONG_NS: u64 = 1_000_000;
/// What comes so soon after an answer was in the pipe already: go needs longer to ask for the next thing.
const AT_ONCE_NS: u64 = 60_000;

/// What `request.txt` tells of the reader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reader {
    /// Requests that waited for the remote, or for a slow disk, a millisecond or longer.
    pub waited: u64,
    /// Of those, the ones while which another request came in.
    pub joined: u64,
    /// Of those, the ones after whose end another request was read at once, and so had been in the pipe.
    pub followed: u64,
    /// How long these took, together: the least that others waited in the pipe, nanoseconds; where the remote took longest,
    pub hidden_by_remote_ns: u64,
    /// and where the local store did.
    pub hidden_by_local_ns: u64,
}

impl Reader {
    /// Of what a backend logged.
    pub fn of(log: &LoggedSession) -> Reader {
        let mut answers: Vec<&Answer> = log.lines.iter().filter_map(|(_, line)| line.answer()).collect();
        answers.sort_by_key(|answer| answer.times.arrived_ns);
        let arrivals: Vec<u64> = answers.iter().map(|answer| answer.times.arrived_ns).collect();
        let mut reader = Reader::default();
        for answer in answers.iter().filter(|answer| matches!(answer.kind, "get" | "put")) {
            let (from_ns, to_ns) = worked_on(answer);
            if to_ns.saturating_sub(from_ns) < LONG_NS {
                continue;
            }
            reader.waited += 1;
            let next = arrivals.partition_point(|at| *at <= from_ns);
            match arrivals.get(next) {
                Some(at) if *at < to_ns => reader.joined += 1,
                Some(at) if *at - to_ns < AT_ONCE_NS => {
                    reader.followed += 1;
                    let [_, _, local_ns, remote_ns, _] = answer.times.stages_ns();
                    let is_local = local_ns > remote_ns;
                    let sum = if is_local { &mut reader.hidden_by_local_ns } else { &mut reader.hidden_by_remote_ns };
                    *sum += to_ns - from_ns;
                }
                _ => {}
            }
        }
        reader
    }

    /// Whether the reader stood still: next to nobody came while another waited, and many had been waiting when it was over.
    pub fn stood_still(&self) -> bool {
        const FEWEST: u64 = 10;
        self.waited >= FEWEST && self.joined * 20 <= self.waited && self.followed * 3 >= self.waited
    }
}

/// From the end of its body to its answer.
fn worked_on(answer: &Answer) -> (u64, u64) {
    (answer.times.body_ns, answer.times.answered_ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Line, Outcome, Times};

    const MS: u64 = 1_000_000;

    fn log(spans: &[(u64, u64)]) -> LoggedSession {
        let line = |(arrived_ns, answered_ns): &(u64, u64)| {
            let times = Times {
                local_ns: *arrived_ns,
                decided_ns: *answered_ns,
                answered_ns: *answered_ns,
                ..Times::begun(*arrived_ns, *arrived_ns)
            };
            let (outcome, action, output, bytes) = (Outcome::HitRemote, None, None, None);
            (
                *answered_ns,
                Line::Answer(Answer { id: 1, kind: "get", action, output, bytes, outcome, error: None, times }),
            )
        };
        LoggedSession { start_unix_ns: 0, pid: 1, go: None, lines: spans.iter().map(line).collect() }
    }

    #[test]
    fn a_reader_that_goes_on_lets_others_join() {
        let spans: Vec<(u64, u64)> = (0..20).map(|n| (n * 5 * MS, n * 5 * MS + 9 * MS)).collect();
        let reader = Reader::of(&log(&spans));
        assert_eq!((reader.waited, reader.joined, reader.hidden_by_remote_ns), (20, 19, 0));
        assert!(!reader.stood_still());
    }

    #[test]
    fn one_that_stands_still_finds_the_next_in_the_pipe() {
        let spans: Vec<(u64, u64)> = (0..20).map(|n| (n * 9 * MS + 10, (n + 1) * 9 * MS)).collect();
        let reader = Reader::of(&log(&spans));
        assert_eq!((reader.waited, reader.joined, reader.followed), (20, 0, 19));
        assert_eq!(reader.hidden_by_remote_ns, 19 * (9 * MS - 10));
        assert!(reader.stood_still());
    }

    #[test]
    fn one_request_after_the_other_is_no_fault_of_the_reader() {
        let spans: Vec<(u64, u64)> = (0..20).map(|n| (n * 20 * MS, n * 20 * MS + 9 * MS)).collect();
        assert!(!Reader::of(&log(&spans)).stood_still());
        assert_eq!(Reader::of(&log(&[(0, 10)])), Reader::default());
    }
}
