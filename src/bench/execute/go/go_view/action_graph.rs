//! go's action graph as `-debug-actiongraph` writes it, and the requests that have the keys of its actions.

use std::collections::HashMap;

use serde::Deserialize;

use gocacheprog::protocol::ActionId;

/// Names of the entries that go keeps beside the output of an action: the text that its commands printed, and the names of its source files.
const SUBKEYS: [&str; 3] = ["stdout", "link-stdout", "srcfiles"];

/// One step of go's action graph; fields that bench does not use are left out.
/// <https://pkg.go.dev/cmd/go/internal/work> (`actionJSON`)
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Action {
    #[serde(rename = "ID", default)]
    pub id: i64,
    pub mode: String,
    #[serde(default)]
    pub package: String,
    /// The ids of the actions that have to be done before.
    #[serde(default)]
    pub deps: Vec<i64>,
    /// The first 20 characters of the key in base64; missing for steps without one.
    #[serde(rename = "ActionID", default)]
    pub key: Option<String>,
    #[serde(default)]
    pub time_ready: Option<jiff::Timestamp>,
    #[serde(default)]
    pub time_start: Option<jiff::Timestamp>,
    #[serde(default)]
    pub time_done: Option<jiff::Timestamp>,
    /// Wall time of the commands that it ran, nanoseconds.
    #[serde(default)]
    pub cmd_real: Option<u64>,
}

/// Values known by the keys of the action graph, by the full keys of requests: an entry that go keeps beside the output of an
/// action has the value of that action.
pub fn by_request_key<T: Copy, K: Iterator<Item = ActionId>>(
    known: &HashMap<&str, T>,
    keys: K,
) -> HashMap<ActionId, T> {
    let mut found = HashMap::new();
    for key in keys {
        let Some(value) = known.get(key.graph_key().as_str()) else { continue };
        found.insert(key, *value);
        found.extend(SUBKEYS.map(|name| (key.subkey(name), *value)));
    }
    found
}
