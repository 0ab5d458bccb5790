//! A run with everything that is computed from it: the content of `results.json`.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::analysis::statistics::precision;
use crate::analysis::study::cases;
use crate::analysis::study::cases::CaseSummary;
use crate::analysis::study::ci;
use crate::analysis::study::ci::WaveSummary;
use crate::analysis::study::compare_paired::between_backends;
use crate::analysis::study::differences::Differences;
use crate::analysis::study::network::Network;
use crate::analysis::study::selftest;
use crate::analysis::study::selftest::Outcome;
use crate::analysis::study::summary::Summary;
use crate::analysis::time::critical_path;
use crate::analysis::time::critical_path::CriticalPath;
use crate::analysis::time::savings;
use crate::analysis::time::savings::Savings;
use crate::analysis::verdict::finding::StateVerdict;
use crate::results::read;
use crate::results::run::{RESULTS_FILE, Run, write_whole};

/// A run and its analysis; both lie side by side in `results.json`, and only the run is read back.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Results {
    #[serde(flatten)]
    pub run: Run,
    #[serde(flatten)]
    pub analysis: Analysis,
}

/// Everything that is computed from the raw data of a run.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Analysis {
    pub summary: Summary,
    /// With `--until`: half of the widest interval of the short states, as a share; None where one is not known.
    pub widest_interval: Option<f64>,
    /// States under the cases of the plan; empty without cases.
    pub cases: Vec<CaseSummary>,
    /// Differences of two backends that ran side by side.
    pub differences: Option<Differences>,
    /// Groups of machines, wave by wave; empty where states were run.
    pub waves: Vec<WaveSummary>,
    /// Times over a grid of links.
    pub network: Option<Network>,
    /// One for each state, or case, that has the action graph of a profile round.
    pub critical_paths: Vec<CriticalPath>,
    /// One for each of them, where a cold state has an action graph too.
    pub savings: Vec<Savings>,
    /// One for each state, or case, that uses a backend.
    pub verdicts: Vec<StateVerdict>,
    /// One for each injected bottleneck.
    pub selftest: Vec<Outcome>,
}

impl Analysis {
    /// Computes it from the raw data.
    pub fn of(run: &Run) -> Analysis {
        let (rounds, plan) = (&run.rounds, &run.plan);
        let summary = Summary::of(rounds, plan);
        let cases = cases::summaries(rounds, plan);
        Analysis {
            widest_interval: plan.precision.and_then(|_| precision::widest(rounds, &plan.short_setups())),
            network: Network::of(&cases, plan, &summary),
            differences: between_backends(rounds, plan),
            waves: ci::waves(&run.machines, &plan.study),
            critical_paths: critical_path::critical_paths(rounds),
            savings: savings::savings(rounds),
            verdicts: StateVerdict::all(rounds, plan),
            selftest: selftest::outcomes(rounds, plan),
            summary,
            cases,
        }
    }
}

impl Results {
    /// A run with its analysis.
    pub fn of(run: Run) -> Results {
        Results { analysis: Analysis::of(&run), run }
    }

    /// Analyses the run again, after its raw data has changed.
    pub fn update(&mut self) {
        self.analysis = Analysis::of(&self.run);
    }

    /// Reads a saved run and analyses it.
    ///
    /// # Errors
    /// Fails as [`read::read`] does.
    pub fn load(path: &Path) -> Result<Results> {
        read::read(path).map(Results::of)
    }

    /// Writes `results.json` into `folder`, by rename, so that no reader sees half of it.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> Result<()> {
        write_whole(&folder.join(RESULTS_FILE), |file| {
            serde_json::to_writer_pretty(&mut *file, self)?;
            Ok(file.write_all(b"\n")?)
        })
    }
}

#[cfg(test)]
#[path = "results_tests.rs"]
pub mod tests;
