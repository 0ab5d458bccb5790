//! Numbers of requests by kind and outcome.

use crate::telemetry::model::answer::{Answer, Outcome};
use crate::telemetry::model::kind::RequestKind;

/// Numbers of the requests so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Counts {
    /// Gets, answered in any way.
    pub gets: u64,
    /// Gets answered from what was here already.
    pub hits_local: u64,
    /// Gets answered by asking the remote.
    pub hits_remote: u64,
    /// Gets answered with an output of an unknown source: those of a program that is only seen from outside.
    #[serde(default)]
    pub hits_unknown: u64,
    /// Gets without a result.
    pub misses: u64,
    /// Puts, answered in any way.
    pub puts: u64,
    /// Answers with an error.
    pub errors: u64,
    /// Hits on entries that this session neither put nor fetched before.
    pub hits_not_put_here: u64,
    /// Bytes of stored bodies.
    pub put_bytes: u64,
}

impl Counts {
    /// Counts an answer.
    pub fn add(&mut self, answer: &Answer) {
        match answer.kind {
            RequestKind::Get => self.gets += 1,
            RequestKind::Put => self.puts += 1,
            RequestKind::Close | RequestKind::Unknown => {}
        }
        match answer.outcome {
            Outcome::HitLocal { is_foreign } => {
                self.hits_local += 1;
                self.hits_not_put_here += u64::from(is_foreign);
            }
            Outcome::HitRemote => {
                self.hits_remote += 1;
                self.hits_not_put_here += 1;
            }
            Outcome::Hit { is_foreign } => {
                self.hits_unknown += 1;
                self.hits_not_put_here += u64::from(is_foreign);
            }
            Outcome::Miss => self.misses += 1,
            Outcome::Stored => self.put_bytes += answer.bytes.unwrap_or(0),
            Outcome::Error => self.errors += 1,
            Outcome::Closed => {}
        }
    }
}
