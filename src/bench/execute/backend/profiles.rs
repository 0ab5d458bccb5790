//! One CPU profile a state, merged from its profile rounds: one short session alone has too few samples.

use std::path::Path;

use anyhow::{Context, Result};

use crate::plan::run_plan::Plan;
use crate::plan::steps::Kind;
use gocacheprog::telemetry::profile::pprof_file;

/// Writes `pprof/cpu.pprof` and its picture into the folder of each state, under each case, that had profile rounds.
///
/// # Errors
/// When a profile cannot be read, or the merged one cannot be written.
pub fn merge(run: &Path, plan: &Plan) -> Result<()> {
    for setup in plan.measured_setups() {
        let rounds = plan.steps.iter().filter(|step| step.setup() == setup && step.kind == Kind::Profile);
        let paths = rounds.map(|step| run.join(plan.folder_of(step)).join("pprof/cpu.pprof"));
        // A session may have ended before the first sample.
        let profiles: Vec<_> =
            paths.filter(|path| path.exists()).map(|path| pprof_file::read(&path)).collect::<Result<_>>()?;
        let folder = run.join(setup.folder(&plan.cases));
        if !folder.join("profile").exists() {
            continue;
        }
        let merged = pprof_file::merge(&profiles).unwrap_or_default();
        let folder = folder.join("pprof");
        let written = std::fs::create_dir_all(&folder).map_err(Into::into);
        written
            .and_then(|()| pprof_file::write_cpu(&merged, &folder))
            .with_context(|| format!("cannot write the CPU profile in {}", folder.display()))?;
    }
    Ok(())
}
