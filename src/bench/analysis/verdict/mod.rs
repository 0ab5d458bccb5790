//! The verdict on a leg: what held it back, by rules that each name their evidence, and what would help.

use serde::Serialize;

/// What the rules found in the rounds of one leg, under one case where it has cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LegVerdict {
    /// As tables name it: the leg, or the case.
    pub name: String,
    /// The round that was looked at: of those that count the one nearest to the median, below the folder of the run.
    pub folder: String,
    pub wall_ns: u64,
    /// By the time that could be saved, the most first.
    pub ranked: Vec<Finding>,
    /// What has no time: memory that grows, errors, open files.
    pub beside: Vec<Finding>,
    /// Why nothing can be said, where that is so.
    pub too_little: Option<String>,
    /// Records that are not there, and what cannot be judged without them.
    pub missing: Vec<String>,
}

/// What one rule found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// Name of the rule.
    pub rule: &'static str,
    /// What holds the build back, in one line.
    pub title: String,
    /// The numbers that it was seen in.
    pub seen: Vec<Evidence>,
    pub why: String,
    /// A command, or a change, to try next.
    pub next: String,
    /// What it would bring at most, nanoseconds of the wall clock; None for what has no time.
    pub saves_ns: Option<u64>,
    /// What to doubt about it.
    pub caveats: Vec<String>,
}

/// A number, and where it is from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Evidence {
    /// In words, with its unit.
    pub what: String,
    /// Below the folder of the run.
    pub file: String,
    /// What gives the number there: a `jq` filter for JSON, a `grep` for text, the name of a track or span in a trace.
    pub query: String,
}
