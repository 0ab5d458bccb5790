//! The critical path of a build: the chain of go's actions that decided how long it took, and what the cache has of it.

use serde::{Deserialize, Serialize};

/// The critical path of one build, by go's own action graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CriticalPath {
    /// The round whose graph it is, below the folder of the run.
    pub folder: String,
    /// Of that build.
    pub wall_ns: u64,
    /// What the steps waited for the cache, together: no faster cache can save more.
    pub cache_ns: u64,
    /// From the first action to the last.
    pub steps: Vec<PathStep>,
}

/// One action on the critical path. Times are nanoseconds since the start of go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PathStep {
    /// go's name for what it does: `build`, `link` …
    pub mode: String,
    pub package: String,
    /// All that it depends on was done.
    pub ready_ns: u64,
    pub start_ns: u64,
    pub done_ns: u64,
    /// In which a request of its key was open; None where no request has its key.
    pub cache_ns: Option<u64>,
    /// Of the commands that it ran, by go: 0 where it ran none.
    pub commands_ns: u64,
}
