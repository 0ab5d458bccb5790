//! Injected bottlenecks: a case that has one, its control without it, and the rule that has to name it.

use serde::Deserialize;

use crate::scenario::cache_state::CacheState;
use crate::scenario::case::CaseSpec;
use crate::scenario::link::LinkChange;
use crate::scenario::rule::Rule;
use gocacheprog::cache::{PackOption, Strategy};
use gocacheprog::platform::fault_injection::FaultSettings;
use gocacheprog::s3_server::Fault;

/// `[[bottlenecks]]` of a scenario. See `bench-scenarios/bottlenecks.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BottleneckSpec {
    pub name: String,
    /// The rule that has to find it; left out for a healthy build, where no rule may find much.
    pub rule: Option<Rule>,
    /// The state that is built with and without it.
    #[serde(alias = "leg")]
    pub state: CacheState,
    /// Workers that go has instead of one a core, with it and without.
    pub jobs: Option<u32>,
    #[serde(default, alias = "planted")]
    pub injected: Circumstances,
    /// Settings of the build without the bottleneck; left out for one that costs no time.
    #[serde(alias = "cured")]
    pub control: Option<Circumstances>,
}

/// Settings of a build that differ from those of the scenario.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Circumstances {
    pub strategy: Option<Strategy>,
    pub without: Vec<PackOption>,
    pub link: LinkChange,
    #[serde(alias = "knobs")]
    pub settings: FaultSettings,
    pub faults: Vec<Fault>,
    pub busy: u32,
}

impl BottleneckSpec {
    /// Its cases: the injected one, then the control.
    pub fn cases(&self) -> impl Iterator<Item = CaseSpec> {
        let case = |name: String, of: &Circumstances| CaseSpec { jobs: self.jobs, ..of.clone().case(name, self.state) };
        let control = self.control.iter().map(move |control| case(self.control_name(), control));
        std::iter::once(case(self.name.clone(), &self.injected)).chain(control)
    }

    /// Name of the case without the bottleneck.
    pub fn control_name(&self) -> String {
        format!("{}, control", self.name)
    }
}

impl Circumstances {
    fn case(self, name: String, state: CacheState) -> CaseSpec {
        let Self { strategy, without, link, settings, faults, busy } = self;
        CaseSpec { name, strategy, without, link, settings, faults, busy, state: Some(state), ..CaseSpec::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bottleneck_makes_two_cases_of_its_state() {
        // The second has the names of the release before.
        for [injected, settings, control] in [["injected", "settings", "control"], ["planted", "knobs", "cured"]] {
            let text = format!(
                "name = \"slow disk\"\nrule = \"local-disk\"\nstate = \"cold\"\n\
                 {injected} = {{ {settings} = {{ sync = true }} }}\n{control} = {{}}"
            );
            let spec: BottleneckSpec = toml::from_str(&text).unwrap();
            let cases: Vec<CaseSpec> = spec.cases().collect();
            assert_eq!(cases.len(), 2);
            assert!(cases[0].settings.sync && !cases[1].settings.sync);
            assert!(cases.iter().all(|case| case.state == Some(CacheState::Cold)));
            assert_eq!((cases[0].name.as_str(), cases[1].name.as_str()), ("slow disk", "slow disk, control"));
        }
        let healthy: BottleneckSpec = toml::from_str("name = \"healthy\"\nstate = \"local-hit\"").unwrap();
        assert_eq!(healthy.cases().count(), 1);
    }
}
