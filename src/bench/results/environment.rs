//! The machine, the system and the toolchain of a run: all that a reader needs to compare it with another.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The machine, the system and the toolchain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Environment {
    /// Like `go1.26.8`.
    pub go_version: String,
    /// Like `linux/amd64`.
    pub go_platform: String,
    pub goroot: String,
    pub bench_version: String,
    pub cpu_model: Option<String>,
    /// Cores that this process may use at once: fewer than the machine has where its affinity or a quota says so.
    pub cores: Option<usize>,
    /// Workers of the go that is timed. A case with `jobs` gives it others; what each round had is in its `time_breakdown`.
    pub go_workers: Option<usize>,
    /// Cores of the machine.
    pub machine_cores: Option<usize>,
    pub memory_bytes: Option<u64>,
    pub os: Option<String>,
    pub kernel: Option<String>,
    /// Type of the file system that holds the caches.
    pub file_system: Option<String>,
    /// Go settings of the user, other than go's defaults, and variables of go's runtime, under which the module was built.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub go_settings: BTreeMap<String, String>,
    /// Names of the settings and variables of the user that bench replaced or left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub go_settings_left_out: Vec<String>,
}

impl Environment {
    /// The go settings of the user as the shell takes them; empty where there are none.
    pub fn settings_in_words(&self) -> String {
        let words: Vec<String> = self.go_settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        words.join(" ")
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The environment of a run of tests.
    pub fn environment() -> Environment {
        Environment {
            go_settings: BTreeMap::new(),
            go_settings_left_out: Vec::new(),
            go_version: "go1.26.8".to_owned(),
            go_platform: "linux/amd64".to_owned(),
            goroot: "/go".to_owned(),
            bench_version: "0".to_owned(),
            cpu_model: None,
            cores: Some(2),
            go_workers: Some(2),
            machine_cores: Some(2),
            memory_bytes: None,
            os: None,
            kernel: None,
            file_system: None,
        }
    }
}
