//! Keeps the results of a run while its rounds run: analyses and writes them after each one.

use std::time::Instant;

use anyhow::Result;

use crate::analysis::results::Results;
use crate::execute::folders::run_folders::RunFolder;
use crate::execute::runner::Watch;
use crate::plan::steps::{Kind, Step, one_round};
use crate::report::progress::reporter::Progress;
use crate::results::machines::GroupResult;
use crate::results::round::Round;

/// The results so far, with the folder that they are written to.
pub struct RunRecorder<'a> {
    pub results: Results,
    pub progress: Progress,
    folder: &'a RunFolder,
    /// The moment from which on there are more rounds than planned.
    more_since: Option<Instant>,
}

impl RunRecorder<'_> {
    /// A recorder of results that have no round yet, on a machine with this many cores.
    pub fn new(results: Results, folder: &RunFolder, cores: usize) -> RunRecorder<'_> {
        let progress = Progress::new(&results.run.plan, &folder.path, cores);
        RunRecorder { results, progress, folder, more_since: None }
    }

    /// Analyses what was measured, and writes it.
    pub fn write(&mut self) -> Result<()> {
        self.results.update();
        self.results.write(&self.folder.path)
    }

    /// Keeps the builds of a group of machines.
    pub fn group_ended(&mut self, result: GroupResult) -> Result<()> {
        self.results.run.machines.push(result);
        self.write_measured(true)
    }

    /// Writes the results, and leads `latest` here with the first measurement: a run that measured nothing leaves it with the
    /// last one that did.
    fn write_measured(&mut self, is_measured: bool) -> Result<()> {
        self.write()?;
        if is_measured && !self.folder.is_kept() { self.folder.link_latest() } else { Ok(()) }
    }
}

impl Watch for RunRecorder<'_> {
    fn starts(&mut self, position: usize, step: Step) {
        self.progress.starts(position, step);
    }

    fn ended(&mut self, position: usize, round: Round) -> Result<()> {
        self.progress.ended(position, &round);
        let is_measured = round.step.kind == Kind::Measured;
        self.results.run.rounds.push(round);
        self.write_measured(is_measured)
    }

    fn more(&mut self, position: usize) -> Vec<Step> {
        let Some(precision) = self.results.run.plan.precision else { return Vec::new() };
        let short = self.results.run.plan.short_setups();
        let is_known = self.results.analysis.widest_interval.is_some_and(|widest| widest <= precision.share);
        let since = self.more_since.get_or_insert_with(Instant::now);
        if short.is_empty() || is_known || since.elapsed().as_secs_f64() > precision.limit_s {
            return Vec::new();
        }
        let timed = self.results.run.rounds.iter().map(|round| round.step).filter(Step::is_timed);
        let last = timed.map(|step| step.round).max().unwrap_or(0);
        let steps = one_round(&short, last + 1, u32::MAX);
        self.progress.insert(position, &steps);
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::results::tests::results;
    use crate::analysis::study::summary::tests::measured;
    use crate::scenario::cache_state::CacheState;

    #[test]
    fn latest_leads_to_a_run_only_after_a_measured_round() {
        let out = tempfile::tempdir().unwrap();
        let latest = out.path().join("latest");
        let run = |kinds: &[Kind]| {
            let folder = RunFolder::create(out.path(), "test").unwrap();
            let mut recorder = RunRecorder::new(results(Vec::new()), &folder, 1);
            for kind in kinds {
                let mut round = measured(CacheState::LocalHit, &[100]).remove(0);
                round.step.kind = *kind;
                recorder.ended(0, round).unwrap();
            }
            folder.path.clone()
        };
        assert!(!run(&[Kind::Preparation, Kind::WarmUp]).exists() && !latest.exists());
        let kept = run(&[Kind::Preparation, Kind::Measured]);
        assert_eq!(latest.canonicalize().unwrap(), kept);
        assert!(!run(&[Kind::Preparation]).exists());
        assert_eq!(latest.canonicalize().unwrap(), kept);
    }
}
