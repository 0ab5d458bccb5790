//! Bottlenecks that are planted: a case that has one, the same without it, and the rule that has to name it.

use serde::Deserialize;

use crate::bench::scenario::cache_state::CacheState;
use crate::bench::scenario::case::CaseSpec;
use crate::bench::scenario::link::LinkChange;
use crate::bench::scenario::rule::Rule;
use crate::bench::scenario::suggest::nearest;
use crate::cache::{PackOption, Strategy};
use crate::platform::fault_injection::FaultSettings;
use crate::s3_server::Fault;

/// `[[bottlenecks]]` of a scenario. See `bench-scenarios/bottlenecks.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BottleneckSpec {
    pub name: String,
    /// The rule that has to find it; left out for a build that is well, where no rule may find much.
    pub rule: Option<String>,
    /// The state that is built with and without it.
    #[serde(alias = "leg")]
    pub state: CacheState,
    /// Workers that go has instead of one a core, with it and without.
    pub jobs: Option<u32>,
    #[serde(default)]
    pub planted: Circumstances,
    /// Instead; left out for one that has no time to win.
    pub cured: Option<Circumstances>,
}

/// What a build runs under, as far as it is not as the scenario says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Circumstances {
    pub strategy: Option<Strategy>,
    pub without: Vec<PackOption>,
    pub link: LinkChange,
    pub knobs: FaultSettings,
    pub faults: Vec<Fault>,
    pub busy: u32,
}

impl BottleneckSpec {
    /// What is wrong with its rule, if anything; its cases are checked with the others.
    pub fn check(&self) -> Result<(), String> {
        let Some(rule) = &self.rule else { return Ok(()) };
        if Rule::named(rule).is_some() {
            return Ok(());
        }
        let rules = Rule::ALL.map(Rule::name);
        let known = match nearest(rule, &rules) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", rules.join(", ")),
        };
        Err(format!("`rule` of the bottleneck `{}`: there is no rule `{rule}`; {known}", self.name))
    }

    /// Its cases: planted, then cured.
    pub fn cases(&self) -> impl Iterator<Item = CaseSpec> {
        let case = |name: String, of: &Circumstances| CaseSpec { jobs: self.jobs, ..of.clone().case(name, self.state) };
        let cured = self.cured.iter().map(move |cured| case(self.control_name(), cured));
        std::iter::once(case(self.name.clone(), &self.planted)).chain(cured)
    }

    /// Name of the case without the bottleneck.
    pub fn control_name(&self) -> String {
        format!("{}, cured", self.name)
    }
}

impl Circumstances {
    fn case(self, name: String, state: CacheState) -> CaseSpec {
        let Self { strategy, without, link, knobs, faults, busy } = self;
        CaseSpec { name, strategy, without, link, knobs, faults, busy, state: Some(state), ..CaseSpec::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bottleneck_makes_two_cases_of_its_state() {
        let text = "name = \"slow disk\"\nrule = \"disk\"\nstate = \"cold\"\nplanted = { knobs = { sync = true } }\ncured = {}";
        let spec: BottleneckSpec = toml::from_str(text).unwrap();
        let cases: Vec<CaseSpec> = spec.cases().collect();
        assert_eq!(cases.len(), 2);
        assert!(cases[0].knobs.sync && !cases[1].knobs.sync);
        assert!(cases.iter().all(|case| case.state == Some(CacheState::Cold)));
        assert_eq!((cases[0].name.as_str(), cases[1].name.as_str()), ("slow disk", "slow disk, cured"));
        let well: BottleneckSpec = toml::from_str("name = \"well\"\nstate = \"local-hit\"").unwrap();
        assert_eq!(well.cases().count(), 1);
    }
}
