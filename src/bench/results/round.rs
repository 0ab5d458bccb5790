//! A round: one run of go as it was measured, with all that was recorded of it.

use serde::{Deserialize, Serialize};

use crate::bench::plan::steps::Step;
use crate::bench::results::go_actions::GoActions;
use crate::bench::results::time_breakdown::TimeBreakdown;
use crate::telemetry::{Agreement, Resources, SessionSummary};

/// The delay that the embedded server really injected before the first byte of its answers.
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
    /// Below the folder of the run.
    pub folder: String,
    pub started_unix_ns: u64,
    /// From the start of go to its end.
    pub wall_ns: u64,
    /// CPU time of go and of all that it waited for; the backend is not in it.
    pub go_cpu_user_ns: u64,
    pub go_cpu_system_ns: u64,
    /// From the end of go to the end of the backend.
    pub backend_after_go_ns: Option<u64>,
    /// Whether the run was in the state that its name claims. If not, its time does not count.
    pub state_ok: bool,
    pub state_checks: Vec<StateCheck>,
    pub before: Option<Before>,
    /// None for a baseline.
    pub session: Option<SessionSummary>,
    /// None for a baseline, and with `--remote env`.
    pub server: Option<ServerSeen>,
    /// What was measured of the link in this round; only where there are cases.
    pub link: Option<LinkMeasured>,
    /// What was used in a baseline. A run with the backend has it in `session`: there the backend itself takes the samples.
    pub resources: Option<Resources>,
    /// Why go's own view is not in the trace of a profile round, where it should be.
    pub go_view_missing: Option<String>,
    /// go's actions with what each asked; None where go's own view was not wanted.
    pub actions: Option<GoActions>,
    /// Why they are not there, where go's own view is.
    pub actions_missing: Option<String>,
    /// Whether the records of the run agree; None for a baseline.
    pub records: Option<Agreement>,
    /// Where the wall clock went, by `request.txt`; None without it.
    pub time_breakdown: Option<TimeBreakdown>,
    /// What `pprof/fg.prof` says; empty without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<SpanSum>,
}

/// What all spans of one path took, without what their children did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SpanSum {
    /// Names, outermost first, with `;` between.
    pub path: String,
    pub count: u64,
    pub wall_ns: u64,
    /// Of that, the time in which a thread worked on them.
    pub busy_ns: u64,
}

impl Round {
    /// A run of go as it was measured, before its state is checked; `folder` is below that of the run, `go_cpu_ns` is user and system time.
    pub fn measured(step: Step, folder: String, started_unix_ns: u64, wall_ns: u64, go_cpu_ns: (u64, u64)) -> Self {
        Self {
            step,
            folder,
            started_unix_ns,
            wall_ns,
            go_cpu_user_ns: go_cpu_ns.0,
            go_cpu_system_ns: go_cpu_ns.1,
            backend_after_go_ns: None,
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
}

/// The state that was found before go started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Before {
    /// True if nothing was in the folder of the local store.
    pub local_empty: bool,
    /// Objects in the remote store; None where they cannot be counted.
    pub remote_objects: Option<u64>,
    /// True if the c that filled the remote was in its state, with all its uploads out.
    pub remote_whole: bool,
    /// True if its case lets the build miss what was stored before: a part of it is gone, or the sources have changed.
    pub may_miss: bool,
    /// True if its case lets the backend upload nothing.
    #[serde(default)]
    pub no_upload: bool,
    /// The most entries that go may put in every run, because it caches none of their kind: programs, tests that cannot be
    /// cached, and what vet found.
    #[serde(alias = "programs")]
    pub made_again: u64,
    /// True if go asks for entries that it never puts, which the backend then looks for in the remote.
    #[serde(default)]
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
    /// Bodies of the objects that were fetched.
    pub bytes_out: u64,
    /// Bodies of the objects that were stored.
    pub bytes_in: u64,
}

/// One thing that makes a state, with what was seen of it.
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
