//! Backends that are not ours, side by side: each is a case of the plan.

use std::path::Path;

use crate::plan::plan_error::PlanError;
use crate::plan::run_plan::Plan;
use crate::plan::study::Study;
use crate::scenario::args::RemoteKind;
use crate::scenario::case::{Backend, CaseSpec, slug};

impl Plan {
    /// True if a program that is not ours may write into the folder in which go is started.
    pub fn has_foreign(&self) -> bool {
        self.cases.iter().any(|case| case.foreign().is_some())
    }

    /// The programs that are not ours.
    pub fn foreign_programs(&self) -> impl Iterator<Item = &Path> {
        self.cases.iter().filter_map(|case| Some(Path::new(case.foreign()?.command.first()?)))
    }

    /// Runs the states of the plan with each backend. `rounds` are those of the short states.
    ///
    /// # Errors
    /// When the scenario has cases, or the remote is a bucket of the user.
    pub fn run_backends(&mut self, backends: Vec<Backend>, rounds: u32) -> Result<(), PlanError> {
        if self.study != Study::States || !self.cases.is_empty() {
            return Err(PlanError::NoOtherBackends { scenario: self.scenario.clone() });
        }
        if backends.iter().all(|backend| backend.foreign.is_none()) && backends.len() == 1 {
            // Ours alone is what the plan runs without `--backend`.
            return Ok(());
        }
        if self.remote == RemoteKind::Env {
            return Err(PlanError::BucketOfOthers);
        }
        let case = CaseSpec::default().resolve(self.strategy, self.link, rounds);
        let of_backend = |backend: Backend| {
            let mut case = case.clone();
            (case.name, case.slug) = (backend.name.clone(), slug(&backend.name));
            case.backend = Some(backend);
            case
        };
        self.cases = backends.into_iter().map(of_backend).collect();
        self.study = Study::Backends;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::run_plan::tests::{order, resolve};
    use crate::plan::steps::Kind;
    use crate::plan::study::Study;
    use crate::scenario::cache_state::CacheState;

    #[test]
    fn each_backend_is_a_case_with_caches_of_its_own() {
        let line = ["--backend", "mine=sh", "--rounds", "2", "--no-profile", "--only", "cold,remote-hit,local-hit"];
        let plan = resolve(&line).unwrap();
        let names: Vec<&str> = plan.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!((names, &plan.study), (vec!["mine", "ours"], &Study::Backends));
        // The measured build of a program fills its bucket; ours is filled apart, without the link.
        assert_eq!(order(&plan)[..4], ["cold1", "cold1", "remote-hit~", "cold!"]);
        let prepared: Vec<Option<usize>> =
            plan.steps.iter().filter(|step| step.kind == Kind::Preparation).map(|step| step.case).collect();
        assert_eq!(prepared, [None]);
    }

    #[test]
    fn a_single_round_is_a_first_look_without_warming_up() {
        let line = ["--backend", "mine=sh", "--rounds", "1", "--no-profile", "--only", "local-hit"];
        assert!(!order(&resolve(&line).unwrap()).join(" ").contains('~'));
    }

    #[test]
    fn a_backend_over_disk_has_no_remote_hit() {
        let line = ["--backend", "go-cacher=sh", "--backend", "ours", "--rounds", "1"];
        let plan = resolve(&line).unwrap();
        let of = |state, case| plan.steps.iter().filter(|step| (step.state, step.case) == (state, Some(case))).count();
        assert_eq!((of(CacheState::RemoteHit, 0), of(CacheState::RemoteHit, 1) > 0), (0, true));
        let profiles = plan.steps.iter().filter(|step| (step.kind, step.case) == (Kind::Profile, Some(0))).count();
        assert_eq!(profiles, 2, "one each of cold and local-hit");
    }

    #[test]
    fn what_cannot_go_together_is_refused() {
        for (line, words) in [
            (&["--backend", "sh", "--scenario", "strategies"][..], "cannot run other backends"),
            (&["--backend", "sh", "--remote", "env"], "your bucket"),
            (&["--backend", "./missing"], "there is no program ./missing"),
        ] {
            let error = resolve(line).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("next:"), "{error}");
        }
        assert_eq!(resolve(&["--backend", "ours"]).unwrap().study, Study::States);
    }
}
