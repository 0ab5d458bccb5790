//! One CPU profile a leg, merged from its profile rounds: one short session alone has too few samples.

use std::path::Path;

use anyhow::{Context, Result};

use crate::bench::planning::leg::Leg;
use crate::bench::planning::plan::{Kind, Step};
use crate::telemetry::profiles;

/// Writes `pprof/cpu.pprof` and its picture into the folder of each leg that had profile rounds.
///
/// # Errors
/// When a profile cannot be read, or the merged one cannot be written.
pub fn merge(run: &Path, steps: &[Step]) -> Result<()> {
    for leg in Leg::ALL {
        let rounds = steps.iter().filter(|step| step.leg == leg && step.kind == Kind::Profile);
        let paths = rounds.map(|step| run.join(step.folder()).join("pprof/cpu.pprof"));
        // A session may have ended before the first sample.
        let profiles: Vec<_> =
            paths.filter(|path| path.exists()).map(|path| profiles::read(&path)).collect::<Result<_>>()?;
        if !run.join(leg.to_string()).join("profile").exists() {
            continue;
        }
        let merged = profiles::merge(&profiles).unwrap_or_default();
        let folder = run.join(leg.to_string()).join("pprof");
        let written = std::fs::create_dir_all(&folder).map_err(Into::into);
        written
            .and_then(|()| profiles::write_cpu(&merged, &folder))
            .with_context(|| format!("cannot write the CPU profile in {}", folder.display()))?;
    }
    Ok(())
}
