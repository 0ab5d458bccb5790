//! Two builds of the backend side by side: each case of a plan runs with the first and with the second.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::bench::plan::plan_error::PlanError;
use crate::bench::plan::run_plan::Plan;
use crate::bench::scenario::case::{Case, CaseSpec, slug};

/// One of two builds of the backend that are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Backend {
    /// As tables call it: `HEAD~3 1a2b3c4`, or `this build`.
    pub name: String,
    /// What it is built from; None: what bench itself was built from, committed or not.
    pub commit: Option<String>,
    /// None: bench itself.
    pub executable: Option<PathBuf>,
}

impl Plan {
    /// The cases of the plan, or the one of a plan without, each with the first backend and then with the second. `rounds` are
    /// those of a plan without cases.
    ///
    /// # Errors
    /// When the scenario has a grid, or machines in the place of states.
    pub fn with_each(&self, backends: &[Backend; 2], rounds: u32) -> Result<Vec<Case>, PlanError> {
        if self.grid.is_some() || !self.groups.is_empty() {
            return Err(PlanError::NotSideBySide { scenario: self.scenario.clone() });
        }
        let plain = || CaseSpec::default().resolve(self.strategy, self.link, rounds);
        let cases = if self.cases.is_empty() { vec![plain()] } else { self.cases.clone() };
        let backends = told_apart(backends);
        Ok(cases.iter().flat_map(|case| backends.each_ref().map(|backend| with(case, backend))).collect())
    }

    /// Each case under the first backend with the same one under the second, by position; none where one backend runs.
    pub fn pairs(&self) -> Vec<[usize; 2]> {
        let has_backend = |case: &Case| case.backend.is_some();
        let pairs = (0..self.cases.len()).step_by(2).map(|first| [first, first + 1]);
        pairs.filter(|pair| pair.iter().all(|at| self.cases.get(*at).is_some_and(has_backend))).collect()
    }
}

/// With names that make two folders.
fn told_apart([first, second]: &[Backend; 2]) -> [Backend; 2] {
    let mut second = second.clone();
    if slug(&first.name) == slug(&second.name) {
        second.name += " again";
    }
    [first.clone(), second]
}

fn with(case: &Case, backend: &Backend) -> Case {
    let name = if case.name.is_empty() { backend.name.clone() } else { format!("{}, {}", case.name, backend.name) };
    Case { slug: slug(&name), name, backend: Some(backend.clone()), ..case.clone() }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::bench::plan::run_plan::tests::{Cli, order};
    use crate::bench::scenario::file::Scenario;

    fn backend(name: &str, executable: Option<&str>) -> Backend {
        let commit = executable.map(|_| "0123456789abcdef".to_owned());
        Backend { name: name.to_owned(), commit, executable: executable.map(PathBuf::from) }
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
        assert_eq!(plan.pairs(), [[0, 1]]);
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
        assert_eq!(plan.pairs(), [[0, 1], [2, 3]]);
    }

    #[test]
    fn what_has_no_states_to_compare_is_refused() {
        for scenario in ["network", "ci"] {
            let error = resolve(&["--scenario", scenario], old_and_this()).unwrap_err().to_string();
            assert!(error.contains("side by side") && error.contains(scenario), "{error}");
        }
    }
}
