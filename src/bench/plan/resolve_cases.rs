//! The cases of a plan: those of the scenario under the switches of the command line.

use crate::plan::plan_error::PlanError;
use crate::plan::run_plan::Plan;
use crate::scenario::args::BenchArgs;
use crate::scenario::bottleneck::BottleneckSpec;
use crate::scenario::case;
use crate::scenario::case::{Case, CaseSpec, Pair};
use crate::scenario::file::Scenario;
use crate::scenario::link::LinkChange;
use crate::scenario::suggest::nearest;
use gocacheprog::cache::Strategy;

impl Plan {
    /// The cases that are run.
    ///
    /// # Errors
    /// When the command line sets what they set, or one cannot be run.
    pub fn resolve_cases(&self, scenario: &Scenario, args: &BenchArgs) -> Result<Vec<Case>, PlanError> {
        let specs = scenario.case_specs();
        let set = |what, flag| PlanError::SetByCases { scenario: self.scenario.clone(), what, flag };
        if args.strategy.is_some() && specs.iter().any(|spec| spec.strategy.is_some()) {
            return Err(set("the strategy", "--strategy"));
        }
        // Of changes to one case `--rtt` sets that one.
        let are_changes = scenario.compare_with_first;
        if args.rtt.is_some() && !are_changes && specs.iter().any(|spec| spec.link.latency_ms.is_some()) {
            return Err(set("the latency", "--rtt"));
        }
        let resolve = |spec: &CaseSpec| {
            let mut case = spec.resolve(self.strategy, self.link, scenario.rounds.short);
            case.rounds = args.rounds.unwrap_or(case.rounds);
            case
        };
        let cases: Vec<Case> = specs.iter().map(resolve).collect();
        cases.iter().try_for_each(|case| self.check_case(case))?;
        let mut cases = self.only_named(cases, &args.case)?;
        if self.link.is_none() {
            check_real_bucket(&specs, &cases)?;
        }
        set_baselines(&mut cases, scenario.compare_with_first);
        set_pairs(&mut cases, &scenario.bottlenecks);
        Ok(cases)
    }

    fn check_case(&self, case: &Case) -> Result<(), PlanError> {
        if let (Some(option), false) = (case.without.first(), case.strategy == Strategy::Pack) {
            let (what, strategy) = (format!("`{option:?}`").to_lowercase(), case.strategy.name().to_owned());
            return Err(PlanError::NoPack { case: case.name.clone(), what, strategy });
        }
        if case.change.is_some() && self.generated_packages.is_none() && self.module.is_none() {
            return Err(PlanError::NothingToChange { case: case.name.clone() });
        }
        Ok(())
    }

    /// The cases that `--case` names, or all.
    fn only_named(&self, cases: Vec<Case>, names: &[String]) -> Result<Vec<Case>, PlanError> {
        let slugs: Vec<&str> = cases.iter().map(|case| case.slug.as_str()).collect();
        for name in names {
            let wanted = case::slug(name);
            if !slugs.contains(&wanted.as_str()) {
                return Err(PlanError::UnknownCase {
                    scenario: self.scenario.clone(),
                    name: name.clone(),
                    near: nearest(&wanted, &slugs).map_or(String::new(), |near| format!("; did you mean `{near}`?")),
                    known: match slugs[..] {
                        [] => "leave out --case: it has no cases".to_owned(),
                        _ => format!("give one of {}", slugs.join(", ")),
                    },
                });
            }
        }
        let wanted = |case: &Case| names.is_empty() || names.iter().any(|name| case::slug(name) == case.slug);
        Ok(cases.into_iter().filter(wanted).collect())
    }
}

/// Finds the case that the times of each are shown against: the first, where that is asked for and it has a state of its own, or
/// the same case with all pack options.
pub fn set_baselines(cases: &mut [Case], compare_with_first: bool) {
    let has_first = compare_with_first && cases.first().is_some_and(|first| first.state.is_some());
    let baseline = |(at, case): (usize, &Case)| match has_first {
        true => Some(0).filter(|first| *first != at),
        false => cases.iter().position(|other| case.lacks_options_of(other)),
    };
    let baselines: Vec<Option<usize>> = cases.iter().enumerate().map(baseline).collect();
    for (case, baseline) in cases.iter_mut().zip(baselines) {
        case.baseline = baseline;
    }
}

/// Pairs the case of each bottleneck with the one without it, where both are run.
fn set_pairs(cases: &mut [Case], bottlenecks: &[BottleneckSpec]) {
    let position = |cases: &[Case], name: &str| cases.iter().position(|case| case.name == name);
    for spec in bottlenecks {
        if let (Some(at), Some(base)) = (position(cases, &spec.name), position(cases, &spec.control_name())) {
            cases[at].pair = Some(Pair { name: spec.name.clone(), base });
        }
    }
}

/// A real bucket is as it is: neither its link nor what goes wrong in it can be set.
fn check_real_bucket(specs: &[CaseSpec], cases: &[Case]) -> Result<(), PlanError> {
    let chosen = specs.iter().filter(|spec| cases.iter().any(|case| case.name == spec.name));
    let set = chosen.filter_map(|spec| match spec {
        spec if spec.link != LinkChange::default() => Some((spec, "the link to")),
        spec if !spec.faults.is_empty() => Some((spec, "faults of")),
        _ => None,
    });
    match set.map(|(spec, what)| PlanError::OfEmbedded { case: spec.name.clone(), what }).next() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::plan::run_plan::tests::{Cli, order, resolve};

    fn strategies(line: &[&str]) -> Result<Plan, PlanError> {
        resolve(&[&["--scenario", "strategies"], line].concat())
    }

    #[test]
    fn a_case_is_named_or_the_nearest_is() {
        let plan = strategies(&["--case", "pack", "--case", "without order", "--rounds", "1"]).unwrap();
        let slugs: Vec<&str> = plan.cases.iter().map(|case| case.slug.as_str()).collect();
        assert_eq!(slugs, ["pack", "without-order"]);
        assert_eq!(order(&plan).join(" "), "go-cold! go-warm1 cold! remote-hit1 remote-hit1");
        let error = strategies(&["--case", "pakc"]).unwrap_err().to_string();
        assert!(error.contains("did you mean `pack`?"), "{error}");
        let error = resolve(&["--case", "pack"]).unwrap_err().to_string();
        assert!(error.contains("leave out --case"), "{error}");
    }

    #[test]
    fn what_cases_set_the_command_line_cannot() {
        let error = strategies(&["--strategy", "async"]).unwrap_err().to_string();
        assert!(error.contains("`--strategy`") && error.contains("strategies"), "{error}");
        assert_eq!(strategies(&["--rtt", "3"]).unwrap().cases[0].link.unwrap().latency_ms, 3.0);
        assert_eq!(strategies(&["--remote", "env"]).unwrap().cases[0].link, None);
    }

    fn of_cases(text: &str) -> Result<Plan, PlanError> {
        with_arguments(text, &[])
    }

    fn with_arguments(text: &str, arguments: &[&str]) -> Result<Plan, PlanError> {
        let text = format!("description = \"x\"\nstates = [\"remote-hit\"]\n[[cases]]\nname = \"x\"\n{text}");
        let args = Cli::parse_from([&["bench"], arguments].concat()).args;
        Plan::resolve("mine", &Scenario::parse("mine.toml", &text).unwrap(), &args)
    }

    #[test]
    fn cases_that_cannot_be_are_refused() {
        let error = of_cases("strategy = \"async\"\nwithout = [\"order\"]").unwrap_err().to_string();
        assert!(error.contains("`order`") && error.contains("runs `async`"), "{error}");
        let error = of_cases("change = \"edit-one-file\"").unwrap_err().to_string();
        assert!(error.contains("--workload"), "{error}");
    }

    #[test]
    fn a_link_of_a_case_is_none_of_a_real_bucket() {
        let error = resolve(&["--scenario", "network", "--remote", "env"]).unwrap_err().to_string();
        assert!(error.contains("`--remote env`") && error.contains("pack, 0 ms"), "{error}");
    }

    #[test]
    fn a_real_bucket_has_no_faults_either() {
        let faults = "faults = [\"slow-down:20\"]";
        assert!(of_cases(faults).is_ok());
        let error = with_arguments(faults, &["--remote", "env"]).unwrap_err().to_string();
        assert!(error.starts_with("the case `x` sets faults of the embedded S3 server"), "{error}");
    }
}
