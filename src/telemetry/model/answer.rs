//! An answered request: times, outcome, and the stages that follow from them.

use crate::protocol::{ActionId, OutputId};
use crate::telemetry::model::kind::RequestKind;

/// Name of the span of a request, and of the event that stands for one.
pub const REQUEST: &str = "request";

/// Times of one request, nanoseconds since the session's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Its first byte was in this process.
    pub arrived_ns: u64,
    /// Work on it began.
    pub started_ns: u64,
    /// Its body was read to the end; as `started_ns` without one.
    pub body_ns: u64,
    /// No moment: how long reading the body waited for go. Not in `request.txt`.
    pub body_waited_ns: u64,
    /// No moment: how long it may have waited in the pipe before, while the reader worked on another one; 0 where it did
    /// not.
    pub kept_ns: u64,
    /// No moment: true if the times were taken between go and the program. Its work is one stage then, which ends at
    /// `local_ns`: whether that was the local store or the remote cannot be seen.
    pub is_outside: bool,
    /// The local store had done its part.
    pub local_ns: u64,
    /// The cache knew the answer; as `local_ns` when nothing else was asked.
    pub decided_ns: u64,
    /// The answer was written.
    pub answered_ns: u64,
}

impl Times {
    /// Times of a request without a body on which work has begun.
    pub fn begun(arrived_ns: u64, started_ns: u64) -> Self {
        Self { arrived_ns, started_ns, body_ns: started_ns, ..Self::default() }
    }

    /// From arrival to answer.
    pub fn took_ns(&self) -> u64 {
        self.answered_ns.saturating_sub(self.arrived_ns)
    }

    /// Length of each stage: waiting to be worked on, body, local store, remote, writing the answer. Together they are
    /// [`Times::took_ns`].
    pub fn stages_ns(&self) -> [u64; 5] {
        let ends = [self.started_ns, self.body_ns, self.local_ns, self.decided_ns, self.answered_ns];
        let mut begin = self.arrived_ns;
        ends.map(|end| {
            let ns = end.saturating_sub(begin);
            begin += ns;
            ns
        })
    }
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A get, from what was here already. go itself looks for the file: one that is gone is a miss to go.
    HitLocal {
        /// True if the entry is older than this session, or another backend's.
        is_foreign: bool,
    },
    /// A get, by asking the remote.
    HitRemote,
    /// A get, by a program that is only seen from outside: its source is unknown.
    Hit {
        /// True if this session did not put the entry before.
        is_foreign: bool,
    },
    /// A get of something that is nowhere.
    Miss,
    /// A put.
    Stored,
    /// The close.
    Closed,
    /// Any request that could not be done.
    Error,
}

impl Outcome {
    /// The words of the trace.
    pub fn words(self) -> &'static str {
        match self {
            Self::HitLocal { .. } => "hit local",
            Self::HitRemote => "hit remote",
            Self::Hit { .. } => "hit",
            Self::Miss => "miss",
            Self::Stored => "stored",
            Self::Closed => "closed",
            Self::Error => "error",
        }
    }
}

/// One answered request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Its number.
    pub id: i64,
    pub kind: RequestKind,
    /// The action it was about.
    pub action: Option<ActionId>,
    /// The output that was found or put.
    pub output: Option<OutputId>,
    /// Bytes of that output.
    pub bytes: Option<u64>,
    /// How it was answered.
    pub outcome: Outcome,
    /// The reason, in an answer with an error.
    pub error: Option<String>,
    /// When.
    pub times: Times,
}

impl Answer {
    /// True if it was answered without a task, and so without spans.
    pub fn was_at_once(&self) -> bool {
        !matches!(self.kind, RequestKind::Get | RequestKind::Put) || self.times.local_ns == self.times.decided_ns
    }

    /// The stages of the request in this process: name, begin and end. What it waited for between the local stage and
    /// `respond` has spans of its own.
    pub fn stages(&self) -> impl Iterator<Item = (&'static str, u64, u64)> {
        let Times { arrived_ns, started_ns, body_ns, local_ns, decided_ns, answered_ns, .. } = self.times;
        let local = match self.kind {
            _ if self.times.is_outside => Some("program"),
            RequestKind::Get => Some("local.lookup"),
            RequestKind::Put => Some("local.write"),
            RequestKind::Close | RequestKind::Unknown => None,
        };
        let stages = [
            Some(("queue", arrived_ns, started_ns)),
            (body_ns > started_ns).then_some(("body", started_ns, body_ns)),
            local.map(|name| (name, body_ns, local_ns)),
            Some(("respond", decided_ns, answered_ns)),
        ];
        stages.into_iter().flatten()
    }
}
