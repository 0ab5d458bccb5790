//! The kind of a run: what it asks, and with which cases.

use serde::{Deserialize, Serialize};

use crate::scenario::bottleneck::BottleneckSpec;
use crate::scenario::case::{Backend, Case};
use crate::scenario::ci::{Group, Prices};
use crate::scenario::file::Scenario;
use crate::scenario::network_grid::LinkGrid;
use crate::scenario::rule::Rule;

/// The kind of a run, with all that only this kind has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Study {
    /// The cache states, under the settings of the plan alone.
    States,
    /// The states under several cases.
    Cases,
    /// The first case, and the same with one thing changed each time.
    WhatIf,
    /// The states over a grid of links: each of its points is a case.
    Network { grid: LinkGrid },
    /// Injected bottlenecks, which the verdict has to name.
    Injected { bottlenecks: Vec<Bottleneck> },
    /// Two builds of the backend: each case runs with both.
    SideBySide { backends: Box<[Backend; 2]> },
    /// Several backends, each a case, at least one of which is not ours.
    Backends,
    /// Groups of machines that build at once, in the place of states.
    Machines { groups: Vec<Group>, prices: Prices },
}

/// An injected bottleneck. Its case is a part of a pair with the same build without it, if that is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Bottleneck {
    pub name: String,
    /// The rule that has to name it; None: the build is healthy, and no rule may find much.
    pub rule: Option<Rule>,
    /// Position of its case among those of the plan.
    pub case: usize,
    /// True if it takes time that the same build without it saves, so that this has to be measured too.
    pub has_control: bool,
}

impl Study {
    /// The study of a scenario, with these of its cases.
    pub fn of(scenario: &Scenario, cases: &[Case]) -> Study {
        if let Some(ci) = &scenario.ci {
            return Study::Machines { groups: ci.groups(), prices: scenario.prices };
        }
        if let Some(grid) = &scenario.grid {
            return Study::Network { grid: grid.clone() };
        }
        if !scenario.bottlenecks.is_empty() {
            let bottlenecks = scenario.bottlenecks.iter().filter_map(|spec| Bottleneck::of(spec, cases));
            return Study::Injected { bottlenecks: bottlenecks.collect() };
        }
        match cases {
            [] => Study::States,
            _ if scenario.compare_with_first => Study::WhatIf,
            _ => Study::Cases,
        }
    }

    /// True if states run under cases, each of which sets its link and its remote for itself.
    pub fn has_cases(&self) -> bool {
        !matches!(self, Study::States | Study::Machines { .. })
    }

    /// The groups of machines; none in other studies.
    pub fn groups(&self) -> &[Group] {
        match self {
            Study::Machines { groups, .. } => groups,
            _ => &[],
        }
    }

    /// The injected bottlenecks; none in other studies.
    pub fn bottlenecks(&self) -> &[Bottleneck] {
        match self {
            Study::Injected { bottlenecks } => bottlenecks,
            _ => &[],
        }
    }
}

impl Bottleneck {
    /// None where its case is not among those that are run.
    fn of(spec: &BottleneckSpec, cases: &[Case]) -> Option<Bottleneck> {
        let case = cases.iter().position(|case| case.name == spec.name)?;
        Some(Bottleneck { name: spec.name.clone(), rule: spec.rule, case, has_control: spec.control.is_some() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::run_plan::Plan;
    use crate::plan::run_plan::tests::resolve;

    fn plan(line: &[&str]) -> Plan {
        resolve(line).unwrap()
    }

    #[test]
    fn each_scenario_is_a_study_of_its_kind() {
        let study = |scenario| plan(&["--scenario", scenario]).study;
        assert_eq!((study("workshop"), study("strategies")), (Study::States, Study::Cases));
        assert!(matches!(study("network"), Study::Network { .. }) && study("network").has_cases());
        assert!(matches!(study("ci"), Study::Machines { groups, .. } if !groups.is_empty()));
        assert!(!study("ci").has_cases() && !Study::States.has_cases());
    }

    #[test]
    fn an_injected_bottleneck_is_paired_with_the_build_without_it() {
        let all = plan(&["--scenario", "bottlenecks"]);
        for bottleneck in all.study.bottlenecks() {
            let case = &all.cases[bottleneck.case];
            assert_eq!((&case.name, case.pair.is_some()), (&bottleneck.name, bottleneck.has_control));
            let control = case.pair.as_ref().map(|pair| &all.cases[pair.base]);
            assert!(control.is_none_or(|control| control.state == case.state && control.pair.is_none()));
        }
        let alone = plan(&["--scenario", "bottlenecks", "--case", "low bandwidth"]);
        let [bottleneck] = alone.study.bottlenecks() else { panic!("{:?}", alone.study) };
        assert!(bottleneck.has_control && alone.cases[bottleneck.case].pair.is_none(), "it is not run");
    }

    #[test]
    fn a_case_with_options_switched_off_has_the_whole_one_as_its_baseline() {
        let plan = plan(&["--scenario", "strategies"]);
        let at = |slug: &str| plan.cases.iter().position(|case| case.slug == slug).unwrap();
        assert_eq!(plan.cases[at("without-order")].baseline, Some(at("pack")));
        assert_eq!((plan.cases[at("pack")].baseline, plan.cases[at("async")].baseline), (None, None));
    }
}
