//! A round: one run of go as it was measured, with all that was recorded of it.

use serde::{Deserialize, Serialize};

use crate::plan::steps::Step;
use crate::results::go_actions::GoActions;
use crate::results::time_breakdown::{BuildTimes, TimeBreakdown};
use gocacheprog::telemetry::{Agreement, Resources, SessionSummary};

/// The delay that the embedded server injected before the first byte of its answers, as it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LinkMeasured {
    pub answers: u64,
    pub first_byte_median_ms: f64,
    pub first_byte_p99_ms: f64,
}

/// One run of go: the raw sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Round {
    #[serde(flatten)]
    pub step: Step,
    /// Folder of its records, below the one of the run.
    pub folder: String,
    pub started_unix_ns: u64,
    /// From the start of go to its end.
    pub wall_ns: u64,
    /// CPU time of go and of all that it waited for; the backend is not in it.
    pub go_cpu_user_ns: u64,
    pub go_cpu_system_ns: u64,
    /// From the end of go to the end of the backend.
    pub backend_after_go_ns: Option<u64>,
    /// Names of processes that a backend left running, for a minute after go; they were ended then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_running: Vec<String>,
    /// True if the run was in the state that its name claims. If not, its time does not count. Always true of a backend that is
    /// not ours, whose checks are shown beside its times.
    pub state_ok: bool,
    pub state_checks: Vec<StateCheck>,
    pub before: Option<Before>,
    /// None for a baseline.
    pub session: Option<SessionSummary>,
    /// None for a baseline, and with `--remote env`.
    pub server: Option<ServerSeen>,
    /// The delays of the link in this round; only where there are cases.
    pub link: Option<LinkMeasured>,
    /// CPU, memory and the like that a baseline used. A run with the backend has it in `session`: there the backend itself takes the samples.
    pub resources: Option<Resources>,
    /// The reason why go's own view is not in the trace of a profile round, where it should be.
    pub go_view_missing: Option<String>,
    /// go's actions with what each asked; None where go's own view was not wanted.
    pub actions: Option<GoActions>,
    /// The reason why they are not there, where go's own view is.
    pub actions_missing: Option<String>,
    /// Comparison of the records of the round with each other; None for a baseline.
    pub records: Option<Agreement>,
    /// Parts of the wall time by `request.txt`; None without it.
    pub time_breakdown: Option<TimeBreakdown>,
    /// Sums of `pprof/fg.prof`; empty without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<SpanSum>,
}

/// Time of all spans of one path, without that of their children.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SpanSum {
    /// Names, outermost first, with `;` between.
    pub path: String,
    pub count: u64,
    pub wall_ns: u64,
    /// Part of `wall_ns` in which a thread worked on them.
    pub busy_ns: u64,
}

impl Round {
    /// A run of go as it was measured, before its state is checked. `folder` is below that of the run; `go_cpu_ns` is user and
    /// system time.
    pub fn measured(step: Step, folder: String, started_unix_ns: u64, wall_ns: u64, go_cpu_ns: (u64, u64)) -> Self {
        Self {
            step,
            folder,
            started_unix_ns,
            wall_ns,
            go_cpu_user_ns: go_cpu_ns.0,
            go_cpu_system_ns: go_cpu_ns.1,
            backend_after_go_ns: None,
            left_running: Vec::new(),
            state_ok: true,
            state_checks: Vec::new(),
            before: None,
            session: None,
            server: None,
            link: None,
            resources: None,
            go_view_missing: None,
            actions: None,
            actions_missing: None,
            records: None,
            time_breakdown: None,
            spans: Vec::new(),
        }
    }

    /// Its times on go's own axis, where it had this session; `workers` are those of go, on so many cores.
    pub fn times(&self, session: &SessionSummary, workers: usize, cores: usize) -> BuildTimes {
        let backend_ns = session.start_unix_ns.saturating_sub(self.started_unix_ns);
        BuildTimes {
            backend_ns,
            handshake_ns: backend_ns.saturating_add(session.handshake_ns),
            released_ns: backend_ns.saturating_add(session.wall_ns),
            wall_ns: self.wall_ns,
            workers,
            cores,
            go_cpu_ns: self.go_cpu_user_ns.saturating_add(self.go_cpu_system_ns),
        }
    }
}

/// The state that was found before go started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Before {
    /// True if nothing was in the folder of the local store.
    pub local_empty: bool,
    /// Objects in the remote store; None where they cannot be counted.
    pub remote_objects: Option<u64>,
    /// True if the cold build that filled the remote was in its state, and all its uploads were done.
    pub remote_whole: bool,
    /// True if the build may miss what was stored before: a part of it is gone, or the sources have changed.
    pub may_miss: bool,
    /// True if the backend has to upload nothing.
    pub no_upload: bool,
    /// The most entries that go may put in every run, because it caches none of their kind: programs, tests that cannot be
    /// cached, and what vet found.
    pub made_again: u64,
    /// True if go asks for entries that it never puts, which the backend then looks for in the remote.
    pub asks_in_vain: bool,
}

/// The requests that the S3 server itself logged during the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ServerSeen {
    pub requests: u64,
    pub gets: u64,
    pub puts: u64,
    pub lists: u64,
    pub deletes: u64,
    pub not_found: u64,
    /// Bytes of the objects that were fetched.
    pub bytes_out: u64,
    /// Bytes of the objects that were stored.
    pub bytes_in: u64,
}

/// One condition of a cache state, and what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "StateFinding"))]
pub struct StateCheck {
    pub expected: String,
    pub seen: String,
    pub ok: bool,
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A round in its state, in the folder of its state.
    pub fn round(step: Step, wall_ns: u64) -> Round {
        let folder = Step { case: None, ..step }.folder(&[]);
        Round::measured(step, folder, 1, wall_ns, (1, 1))
    }
}
