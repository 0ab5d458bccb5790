//! A run as it was measured: the raw part of `results.json`.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::{Builder, NamedTempFile};

use crate::plan::run_plan::Plan;
use crate::results::environment::Environment;
use crate::results::machines::GroupResult;
use crate::results::round::{LinkMeasured, Round};

/// Its name in the folder of a run.
pub const RESULTS_FILE: &str = "results.json";
/// The beginning of the names of files that are not whole yet.
pub const TEMPORARY: &str = ".bench-unfinished-";

/// Version of the layout of `results.json`.
pub const SCHEMA: u32 = 3;

/// One run of `bench`: all that was measured, nothing that is computed from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Run {
    pub schema: u32,
    /// Name of the run: its folder below `metrics/`.
    #[serde(rename = "run")]
    pub name: String,
    pub started_unix_ns: u64,
    pub ended: Ended,
    /// The error that ended the run before its plan did.
    pub error: Option<String>,
    pub plan: Plan,
    pub environment: Environment,
    /// The delays that the link injected, in the last round where there are cases; None before it was used, and with
    /// `--remote env`.
    pub link: Option<LinkMeasured>,
    /// Cost of the backend's records on this machine, from the last `bench overhead`; None where it was not measured.
    pub record_overhead: Option<RecordOverhead>,
    /// In the order in which they ran.
    pub rounds: Vec<Round>,
    /// Builds of several machines, in the place of rounds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub machines: Vec<GroupResult>,
    /// Place at which the file of a saved run was cut off, in words.
    #[serde(skip)]
    pub cut_off: Option<String>,
}

/// Cost of all records of the backend in a build that hits locally, as ratios of wall times: 1 costs nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RecordOverhead {
    /// Name of the run that measured it.
    pub run: String,
    /// The packages that it built.
    pub packages: String,
    pub rounds: usize,
    pub ratio: f64,
    /// Ends of the interval of `ratio`.
    pub interval: [f64; 2],
    /// Ends of the interval of the same build without records against itself.
    pub noise: [f64; 2],
}

/// The end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// It has not: the file was written between two rounds.
    Running,
    Complete,
    Interrupted,
    Failed,
}

/// Writes a file by rename, so that no reader sees half of it.
///
/// # Errors
/// When that fails, or `write` does.
pub fn write_whole(path: &Path, write: impl FnOnce(&mut NamedTempFile) -> Result<()>) -> Result<()> {
    let whole = || -> Result<()> {
        let mut file = Builder::new().prefix(TEMPORARY).tempfile_in(path.parent().unwrap_or(Path::new(".")))?;
        write(&mut file)?;
        make_readable(file.as_file())?;
        file.persist(path)?;
        Ok(())
    };
    whole().with_context(|| format!("cannot write {}", path.display()))
}

/// Reads a JSON file whose layout has this version.
///
/// # Errors
/// When it cannot be read, or has another version.
pub fn read_json<T: DeserializeOwned>(path: &Path, schema: u32) -> Result<T> {
    const NEXT: &str = "next:  run the command that wrote it again";
    let shown = path.display();
    let text = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    let unusable = || format!("{shown} is not a file as bench writes it\n  {NEXT}");
    let value: Value = serde_json::from_slice(&text).with_context(unusable)?;
    match value.get("schema").and_then(Value::as_u64) {
        Some(found) if found != u64::from(schema) => {
            bail!("{shown} has format {found}, and this bench reads format {schema}\n  {NEXT}")
        }
        _ => serde_json::from_value(value).with_context(unusable),
    }
}

/// Makes a file readable for all: temporary files are for their owner only.
fn make_readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::plan::run_plan::tests::plan_of;
    use crate::results::environment::tests::environment;
    use crate::scenario::cache_state::CacheState;

    /// A complete run with these rounds.
    pub fn run(rounds: Vec<Round>) -> Run {
        Run {
            schema: SCHEMA,
            name: "20261123T000000Z-test".to_owned(),
            started_unix_ns: 1,
            ended: Ended::Complete,
            error: None,
            plan: plan_of(&[CacheState::GoWarm, CacheState::LocalHit], Vec::new()),
            environment: environment(),
            link: None,
            record_overhead: None,
            rounds,
            machines: Vec::new(),
            cut_off: None,
        }
    }
}
