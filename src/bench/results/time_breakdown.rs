//! The wall-time breakdown of a build: parts that follow each other and add up, from the start of go to its end.

use serde::{Deserialize, Serialize};

/// The wall time of one build in seven parts that add up to `wall_ns`. It is a reduction of `request.txt`, made when the round
/// ends, so that a `results.json` says all without the records beside it. Times are nanoseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TimeBreakdown {
    pub wall_ns: u64,
    /// From the start of go until the backend runs.
    pub startup_ns: u64,
    /// From then until its handshake is out: go waits.
    pub handshake_ns: u64,
    /// No request is open: go only.
    pub go_only_ns: u64,
    /// Some requests are open, but fewer than go has workers, and go uses CPU time meanwhile.
    pub overlapped_ns: u64,
    /// go is blocked on the cache: at least as many requests are open as go has workers, or some are and go uses no CPU time.
    /// The latter is estimated from the CPU time of the whole build, with one core at work while no request is open: too much
    /// where go itself waits then, as for a test that sleeps, and too little where several cores work then.
    pub blocked_ns: u64,
    /// From go's `close` request until go may go on.
    pub close_ns: u64,
    /// From then until go exits.
    pub exit_ns: u64,
    /// Workers of go: its GOMAXPROCS, or what `-p` says.
    pub workers: usize,
    pub cores: usize,
    /// The requests that were open in `overlapped_ns` and `blocked_ns`. Where several were open, each has an equal share.
    pub waits: Vec<Wait>,
    pub stdin_stalls: StdinStalls,
}

/// Time in which requests of one kind were in one stage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Wait {
    pub kind: WaitKind,
    pub stage: Stage,
    /// Its share of `overlapped_ns`.
    pub overlapped_ns: f64,
    /// Its share of `blocked_ns`.
    pub blocked_ns: f64,
    /// The part of the wall clock that it cost: all of the time in which go did nothing else, and where it did, the share of
    /// the cores for which the workers that did not wait were too few. With all cores at work instead the build would be done
    /// so much sooner.
    pub lost_ns: f64,
    /// The part of that which would be left to win if all requests of that kind and stage but one at a time had not been there:
    /// what it cost where they are served one after the other.
    pub lost_by_others_ns: f64,
}

/// Requests that go waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum WaitKind {
    Get,
    Put,
}

/// The stage of a request while go waits for it, as in `request.txt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Waiting to be worked on.
    Queue,
    /// Its body is read.
    Body,
    /// The local store.
    Local,
    /// The remote: the download of a get, the upload of a put.
    Remote,
    /// Its answer is written.
    Respond,
}

/// Stalls of a backend that stopped reading its stdin while it worked on a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StdinStalls {
    /// Requests that were in the pipe while reading stalled for a millisecond or longer.
    pub kept: u64,
    /// Nanoseconds for which it stalled as long as the request before waited for the remote.
    pub kept_by_remote_ns: u64,
    /// Nanoseconds of the other stalls.
    pub kept_by_local_ns: u64,
}

/// The times of one build on go's own axis, nanoseconds since its start.
#[derive(Debug, Clone, Copy)]
pub struct BuildTimes {
    /// Start of the backend's `main`.
    pub backend_ns: u64,
    /// End of its handshake.
    pub handshake_ns: u64,
    /// Its stdout was closed: go may go on.
    pub released_ns: u64,
    /// End of go.
    pub wall_ns: u64,
    pub workers: usize,
    pub cores: usize,
    /// CPU time of go and what it ran: it tells for how long go worked while requests were open.
    pub go_cpu_ns: u64,
}

#[cfg(test)]
pub mod tests {
    use gocacheprog::telemetry::{Answer, Line, LoggedSession, Outcome, Times};

    /// A request whose stages end at these times.
    pub fn answer(kind: &str, arrived_ns: u64, ends_ns: [u64; 5]) -> (u64, Line) {
        let [started_ns, body_ns, local_ns, decided_ns, answered_ns] = ends_ns;
        let times = Times { arrived_ns, started_ns, body_ns, local_ns, decided_ns, answered_ns, ..Times::default() };
        let outcome = Outcome::Miss;
        let answer = Answer {
            id: 1,
            kind: kind.parse().unwrap(),
            action: None,
            output: None,
            bytes: None,
            outcome,
            error: None,
            times,
        };
        (answered_ns, Line::Answer(answer))
    }

    /// A request log with these lines.
    pub fn log(lines: Vec<(u64, Line)>) -> LoggedSession {
        LoggedSession { start_unix_ns: 0, pid: 1, go: None, lines }
    }
}
