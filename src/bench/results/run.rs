//! The results of a run as plain data: what `results.json` holds. Nothing here computes or prints.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tempfile::{Builder, NamedTempFile};

use crate::bench::analysis::study::cases::CaseSummary;
use crate::bench::analysis::study::ci::CiResults;
use crate::bench::analysis::study::differences::Differences;
use crate::bench::analysis::study::network::Network;
use crate::bench::analysis::study::selftest::Proof;
use crate::bench::analysis::study::summary::Summary;
use crate::bench::analysis::time::critical_path::CriticalPath;
use crate::bench::analysis::time::savings::Savings;
use crate::bench::analysis::time::time_breakdown::Account;
use crate::bench::analysis::verdict::finding::StateVerdict;
use crate::bench::execute::environment::Environment;
use crate::bench::execute::go::go_view::actions::GoActions;
use crate::bench::execute::state_check::{Before, ServerSeen, StateCheck};
use crate::bench::plan::run_plan::Plan;
use crate::bench::plan::steps::Step;
use crate::telemetry::{Agreement, Resources, SessionSummary};

/// Its name in the folder of a run.
pub const RESULTS_FILE: &str = "results.json";
/// The beginning of the names of files that are not whole yet.
pub const TEMPORARY: &str = ".bench-unfinished-";

/// Version of the layout of `results.json`.
pub const SCHEMA: u32 = 1;

/// One run of `bench`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Results {
    pub schema: u32,
    /// Name of the run: its folder below `metrics/`.
    pub run: String,
    pub started_unix_ns: u64,
    pub ended: Ended,
    /// Why the run ended before its plan did.
    pub error: Option<String>,
    pub plan: Plan,
    pub environment: Environment,
    /// What was measured of the link, in the last round where there are cases; None before it was used, and with `--remote env`.
    pub link: Option<LinkMeasured>,
    /// What the records of the backend cost on this machine, in words, from the last `bench overhead`.
    pub price_of_records: String,
    /// In the order in which they ran.
    pub rounds: Vec<Round>,
    /// Computed from `rounds`.
    #[serde(skip_deserializing)]
    pub summary: Summary,
    /// With `--until`: the half of the widest interval of the short states, as a share; None where one is not known.
    #[serde(skip_deserializing)]
    pub widest_interval: Option<f64>,
    /// Computed from `rounds` too; empty without cases.
    #[serde(skip_deserializing)]
    pub cases: Vec<CaseSummary>,
    /// What the second of two backends differs from the first by; None where one runs alone.
    #[serde(skip_deserializing)]
    pub differences: Option<Differences>,
    /// What machines that build at once came to; None where states were run.
    pub ci: Option<CiResults>,
    /// Computed from `cases`; None where they are no grid.
    #[serde(skip_deserializing)]
    pub network: Option<Network>,
    /// Computed from the action graphs of profile rounds: one a state that has one.
    #[serde(skip_deserializing)]
    pub critical_paths: Vec<CriticalPath>,
    /// Computed from the same: one a state that has one, where a cold state has one too.
    #[serde(skip_deserializing)]
    pub savings: Vec<Savings>,
    /// Computed from the rounds and their records: one a state, or a case.
    #[serde(skip_deserializing)]
    pub verdicts: Vec<StateVerdict>,
    /// Whether they name what was planted; empty where nothing was.
    #[serde(skip_deserializing)]
    pub proofs: Vec<Proof>,
    /// Of a saved run: what its file lacks, in words.
    #[serde(skip)]
    pub cut_off: Option<String>,
}

/// How a run ended.
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
    pub account: Option<Account>,
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
            account: None,
            spans: Vec::new(),
        }
    }
}

impl Results {
    /// Writes `results.json` into `folder`, by rename, so that no reader sees half of it.
    pub fn write(&self, folder: &Path) -> Result<()> {
        write_whole(&folder.join(RESULTS_FILE), |file| {
            serde_json::to_writer_pretty(&mut *file, self)?;
            Ok(std::io::Write::write_all(file, b"\n")?)
        })
    }
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

/// Temporary files are for their owner only; results are for everybody.
fn make_readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::bench::execute::go::go_view::actions::GoAction;
    use crate::bench::plan::run_plan::tests::plan_of;
    use crate::bench::results::read as saved_results;
    use crate::bench::scenario::cache_state::CacheState;

    /// A complete run with these rounds.
    pub fn results(rounds: Vec<Round>) -> Results {
        Results {
            schema: SCHEMA,
            run: "20261123T000000Z-test".to_owned(),
            started_unix_ns: 1,
            ended: Ended::Complete,
            error: None,
            plan: plan_of(&[CacheState::GoWarm, CacheState::LocalHit], Vec::new()),
            environment: Environment {
                go_settings: std::collections::BTreeMap::new(),
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
            },
            link: None,
            price_of_records: String::new(),
            rounds,
            summary: Summary::default(),
            widest_interval: None,
            cases: Vec::new(),
            differences: None,
            ci: None,
            network: None,
            critical_paths: Vec::new(),
            savings: Vec::new(),
            verdicts: Vec::new(),
            proofs: Vec::new(),
            cut_off: None,
        }
    }

    #[test]
    fn actions_take_a_line_each_and_older_files_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut written = results(vec![round(
            Step { state: CacheState::LocalHit, case: None, kind: crate::bench::plan::steps::Kind::Measured, round: 1 },
            100,
        )]);
        let action = GoAction { mode: "build".to_owned(), after: Some(3), ..GoAction::default() };
        written.rounds[0].actions = Some(GoActions { actions: vec![action; 2], ..GoActions::default() });
        written.write(folder.path()).unwrap();
        let read = saved_results::read(folder.path()).unwrap();
        assert_eq!(read.rounds, written.rounds);
        let path = folder.path().join(RESULTS_FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with("{\"mode\":\"build\"")).count(), 2, "{text}");
        let mut older: serde_json::Value = serde_json::from_str(&text).unwrap();
        for name in ["actions", "actions_missing"] {
            older["rounds"][0].as_object_mut().unwrap().remove(name);
        }
        std::fs::write(&path, older.to_string()).unwrap();
        assert_eq!(saved_results::read(folder.path()).unwrap().rounds[0].actions, None);
    }

    /// A round in its state, in the folder of its state.
    pub fn round(step: Step, wall_ns: u64) -> Round {
        let folder = Step { case: None, ..step }.folder(&[]);
        Round::measured(step, folder, 1, wall_ns, (1, 1))
    }
}
