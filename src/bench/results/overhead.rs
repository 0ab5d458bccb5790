//! The samples of `bench overhead`, and its file.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::results::environment::Environment;
use crate::results::run::{read_json, write_whole};
use crate::scenario::cache_state::CacheState;

/// Its name in the folder of the run, and beside the runs for the reports of later ones.
pub const OVERHEAD_FILE: &str = "overhead.json";
/// Name of the setting that shows the noise: no instrument on, like the first setting.
pub const AGAIN: &str = "none, again";
/// Name of the setting that timed rounds have.
pub const DEFAULT_SET: &str = "all five";
/// Version of its layout.
const SCHEMA: u32 = 2;

/// One run of `bench overhead`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OverheadRun {
    pub schema: u32,
    /// Name of the run.
    pub run: String,
    pub started_unix_ns: u64,
    /// The cache state of the builds.
    pub state: CacheState,
    /// The packages that were built.
    pub packages: String,
    pub go_version: String,
    pub cpu_model: Option<String>,
    pub cores: Option<usize>,
    /// The first one has no instrument on; the others are compared with it, round by round.
    pub settings: Vec<Setting>,
}

/// Rounds with the same instruments on. The samples are in the order of the rounds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    pub name: String,
    /// Switches of the backend.
    pub switches: String,
    pub walls_ns: Vec<u64>,
    /// CPU time of the backend while go waited for it.
    pub cpu_ns: Vec<u64>,
    /// CPU time of the backend after it had released go.
    pub cpu_after_ns: Vec<u64>,
    pub peak_rss_bytes: Vec<u64>,
}

impl OverheadRun {
    /// A run without samples.
    pub fn new(run: &str, started_unix_ns: u64, state: CacheState, packages: &str, environment: Environment) -> Self {
        Self {
            schema: SCHEMA,
            run: run.to_owned(),
            started_unix_ns,
            state,
            packages: packages.to_owned(),
            go_version: environment.go_version,
            cpu_model: environment.cpu_model,
            cores: environment.cores,
            settings: Vec::new(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is of another version.
    pub fn read(path: &Path) -> Result<Self> {
        read_json(path, SCHEMA)
    }

    /// Writes it by rename.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        write_whole(path, |file| Ok(file.write_all(&text)?))
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::results::environment::tests::environment;

    /// Three rounds of three settings.
    pub fn overhead() -> OverheadRun {
        let setting = |name: &str, walls_ns: &[u64]| Setting {
            name: name.to_owned(),
            walls_ns: walls_ns.to_vec(),
            cpu_ns: vec![40_000_000; walls_ns.len()],
            ..Setting::default()
        };
        let mut overhead = OverheadRun::new("20261123T000000Z-overhead", 1, CacheState::LocalHit, "std", environment());
        overhead.settings = vec![
            setting("none", &[100, 200, 100]),
            setting("none, again", &[101, 200, 99]),
            setting("all", &[102, 206, 101]),
        ];
        overhead
    }

    #[test]
    fn a_run_is_read_back_and_another_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(OVERHEAD_FILE);
        overhead().write(&path).unwrap();
        assert_eq!(OverheadRun::read(&path).unwrap(), overhead());
        OverheadRun { schema: 1, ..overhead() }.write(&path).unwrap();
        let error = OverheadRun::read(&path).unwrap_err().to_string();
        assert!(error.contains("overhead.json has format 1") && error.contains("next:"), "{error}");
        assert!(OverheadRun::read(&folder.path().join("none")).is_err());
    }
}
