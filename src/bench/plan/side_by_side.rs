//! Two builds of the backend side by side: each case of a plan runs with the first and with the second.

use crate::plan::plan_error::PlanError;
use crate::plan::run_plan::Plan;
use crate::plan::study::Study;
use crate::scenario::case::{Backend, Case, CaseSpec, Pair, slug};

impl Plan {
    /// Runs each case of the plan, or the one of a plan without, with the first backend and then with the second. `rounds` are
    /// those of a plan without cases.
    ///
    /// # Errors
    /// When the scenario has a grid, or machines in the place of states.
    pub fn run_with_each(&mut self, backends: &[Backend; 2], rounds: u32) -> Result<(), PlanError> {
        if matches!(self.study, Study::Network { .. } | Study::Machines { .. }) {
            return Err(PlanError::NotSideBySide { scenario: self.scenario.clone() });
        }
        if self.cases.is_empty() {
            self.cases.push(CaseSpec::default().resolve(self.strategy, self.link, rounds));
        }
        let backends = with_distinct_names(backends);
        let pairs = self.cases.iter().enumerate().map(|(at, case)| pair(case, 2 * at, &backends));
        self.cases = pairs.flatten().collect();
        self.study = Study::SideBySide { backends: Box::new(backends) };
        Ok(())
    }

    /// Positions of the cases that are compared in pairs, the base first.
    pub fn pairs(&self) -> impl Iterator<Item = [usize; 2]> {
        self.cases.iter().enumerate().filter_map(|(at, case)| Some([case.pair.as_ref()?.base, at]))
    }
}

/// The two backends with names that make two folders.
fn with_distinct_names([first, second]: &[Backend; 2]) -> [Backend; 2] {
    let mut second = second.clone();
    if slug(&first.name) == slug(&second.name) {
        second.name += " again";
    }
    [first.clone(), second]
}

/// A case under both backends, the first of them at the position `base`.
fn pair(case: &Case, base: usize, backends: &[Backend; 2]) -> [Case; 2] {
    let mut at = base;
    backends.each_ref().map(|backend| {
        let name = if case.name.is_empty() { backend.name.clone() } else { format!("{}, {}", case.name, backend.name) };
        let pair = if at == base { None } else { Some(Pair { name: case.name.clone(), base }) };
        let baseline = case.baseline.map(|baseline| 2 * baseline + at - base);
        at += 1;
        Case { slug: slug(&name), name, backend: Some(backend.clone()), baseline, pair, ..case.clone() }
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::Parser;

    use super::*;
    use crate::plan::run_plan::tests::{Cli, order};
    use crate::scenario::file::Scenario;

    fn backend(name: &str, executable: Option<&str>) -> Backend {
        let commit = executable.map(|_| "0123456789abcdef".to_owned());
        Backend { name: name.to_owned(), commit, executable: executable.map(PathBuf::from), foreign: None }
    }

    fn resolve(line: &[&str], backends: [Backend; 2]) -> Result<Plan, PlanError> {
        let mut args = Cli::parse_from([&["bench"], line].concat()).args;
        args.backends = Some(backends);
        let (name, scenario) = Scenario::load(&args.scenario).unwrap();
        Plan::resolve(&name, &scenario, &args)
    }

    fn old_and_this() -> [Backend; 2] {
        [backend("HEAD~3 0123456", Some("/t/bench")), backend("this build", None)]
    }

    #[test]
    fn both_backends_run_in_each_round_and_each_has_caches_of_its_own() {
        let line = ["--scenario", "small", "--only", "local-hit", "--rounds", "3", "--no-profile"];
        let plan = resolve(&line, old_and_this()).unwrap();
        let names: Vec<&str> = plan.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["HEAD~3 0123456", "this build"]);
        assert_eq!(
            order(&plan).join(" "),
            "cold! local-hit1 cold! local-hit1 local-hit2 local-hit2 local-hit3 local-hit3"
        );
        let cases: Vec<Option<usize>> = plan.steps.iter().map(|step| step.case).collect();
        assert_eq!(cases, [Some(0), Some(0), None, Some(1), Some(0), Some(1), Some(1), Some(0)]);
        assert_eq!(plan.pairs().collect::<Vec<_>>(), [[0, 1]]);
    }

    #[test]
    fn one_build_with_itself_shares_its_caches() {
        let line = ["--scenario", "small", "--only", "local-hit", "--rounds", "1", "--no-profile"];
        let plan = resolve(&line, [backend("this build", None), backend("this build", None)]).unwrap();
        assert_eq!(order(&plan).join(" "), "cold! local-hit1 local-hit1");
        assert_eq!(
            (plan.cases[1].name.as_str(), plan.cases[1].slug.as_str()),
            ("this build again", "this-build-again")
        );
    }

    #[test]
    fn cases_of_a_scenario_run_with_both() {
        let line = ["--scenario", "strategies", "--case", "pack", "--case", "async", "--rounds", "1"];
        let plan = resolve(&line, old_and_this()).unwrap();
        let names: Vec<&str> = plan.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["async, HEAD~3 0123456", "async, this build", "pack, HEAD~3 0123456", "pack, this build"]);
        assert_eq!(plan.pairs().collect::<Vec<_>>(), [[0, 1], [2, 3]]);
        assert!(matches!(plan.study, Study::SideBySide { .. }));
        let line = ["--scenario", "strategies", "--case", "pack", "--case", "without order", "--rounds", "1"];
        let baselines: Vec<_> =
            resolve(&line, old_and_this()).unwrap().cases.iter().map(|case| case.baseline).collect();
        assert_eq!(baselines, [None, None, Some(0), Some(1)], "each of the same backend");
    }

    #[test]
    fn what_has_no_states_to_compare_is_refused() {
        for scenario in ["network", "ci"] {
            let error = resolve(&["--scenario", scenario], old_and_this()).unwrap_err().to_string();
            assert!(error.contains("side by side") && error.contains(scenario), "{error}");
        }
    }
}
