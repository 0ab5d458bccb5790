//! go's actions in one build, each with the requests that it made: action graph and request log, reduced to plain data.

use serde::ser::Error;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use gocacheprog::serde_util::is_default;

/// The actions of one build. Times are nanoseconds since the start of go.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GoActions {
    /// End of the backend's handshake: go can load packages.
    pub load_ns: u64,
    /// The first action is ready: all packages are loaded.
    pub loaded_ns: u64,
    /// Part of the time between, in which requests were open.
    pub load_cache_ns: u64,
    /// Requests of no action: go makes most of them while it loads packages.
    pub others: Asked,
    /// In the order of their ends.
    #[serde(serialize_with = "one_a_line")]
    pub actions: Vec<GoAction>,
}

/// One action of go. Times are nanoseconds since the start of go; fields that are 0 or not known are left out of the file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct GoAction {
    /// go's name for its work: `build check cache`, `build`, `link` …
    pub mode: String,
    #[serde(skip_serializing_if = "is_default")]
    pub package: String,
    /// All its dependencies are done.
    pub ready_ns: u64,
    /// A worker begins it.
    pub start_ns: u64,
    pub done_ns: u64,
    /// Duration of the commands that it ran, as go measured it.
    #[serde(skip_serializing_if = "is_default")]
    pub commands_ns: u64,
    /// Position in the list of the dependency that was done last.
    #[serde(skip_serializing_if = "is_default")]
    pub after: Option<usize>,
    /// Bytes of the output that has its key; None where no request tells.
    #[serde(skip_serializing_if = "is_default")]
    pub bytes: Option<u64>,
    /// Requests that it made while it was at work; None where no request has its key.
    #[serde(skip_serializing_if = "is_default")]
    pub asked: Option<Asked>,
    /// While it was ready and waited for a worker: how long workers had requests open, over the number of workers.
    #[serde(skip_serializing_if = "is_default")]
    pub queue_cache_ns: u64,
}

/// Requests, and how long they were open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Asked {
    #[serde(skip_serializing_if = "is_default")]
    pub gets: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub puts: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub get_ns: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub put_ns: u64,
}

impl Asked {
    /// The time for which they were open, together.
    pub fn open_ns(&self) -> u64 {
        self.get_ns.saturating_add(self.put_ns)
    }
}

/// Writes each action on one line: with a line for each field they would be most of `results.json`.
fn one_a_line<S: Serializer>(actions: &[GoAction], serializer: S) -> Result<S::Ok, S::Error> {
    let lines: Result<Vec<String>, serde_json::Error> = actions.iter().map(serde_json::to_string).collect();
    let text = format!("[\n{}\n]", lines.map_err(S::Error::custom)?.join(",\n"));
    RawValue::from_string(text).map_err(S::Error::custom)?.serialize(serializer)
}
