//! The scenario of `bench what-if`: a state unchanged, and with one thing changed each time.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::scenario::args::{BenchArgs, RemoteKind};
use crate::scenario::cache_state::CacheState;
use crate::scenario::case::CaseSpec;
use crate::scenario::file::Scenario;
use crate::scenario::link::LinkChange;
use crate::scenario::link::bandwidth::Bandwidth;
use crate::scenario::rule::Rule;
use gocacheprog::cache::{PACK_CONNECTIONS, Strategy};
use gocacheprog::platform::fault_injection::FaultSettings;

/// Name of the case without a change.
const UNCHANGED: &str = "unchanged";
/// Downloads at the same time in `connections-double`.
const MORE_CONNECTIONS: usize = 2 * PACK_CONNECTIONS;

/// Measures how much time single changes would save, round by round beside the unchanged state
#[derive(Debug, Clone, Args)]
pub struct WhatIfArgs {
    /// The change, may be given several times [default: all that affect the state]
    #[arg(long = "change", value_name = "CHANGE", value_enum, hide_possible_values = true)]
    pub changes: Vec<WhatIf>,
    /// The cache state: remote-hit, local-hit or cold
    #[arg(long, alias = "leg", value_name = "STATE", default_value = "remote-hit", hide_possible_values = true)]
    pub state: CacheState,
    #[command(flatten)]
    pub bench: BenchArgs,
}

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WhatIf {
    /// S3 answers without latency
    #[value(name = "latency-0")]
    #[serde(rename = "latency-0")]
    NoLatency,
    /// The link has no limit
    BandwidthUnlimited,
    /// Nothing is uploaded
    NoUpload,
    /// Downloads are not verified
    NoVerification,
    /// Twice as many downloads at the same time
    ConnectionsDouble,
    /// All outputs are in the local store already: local-hit
    IdealCache,
}

impl WhatIf {
    /// The rule whose finding the change of this name takes away.
    pub fn rule_of(name: &str) -> Option<Rule> {
        let change = WhatIf::from_str(name, false).ok()?;
        Rule::ALL.into_iter().find(|rule| WhatIf::against(*rule) == Some(change))
    }

    /// The change that takes away what a rule finds; None where none does.
    pub fn against(rule: Rule) -> Option<WhatIf> {
        match rule {
            Rule::Latency => Some(Self::NoLatency),
            Rule::Bandwidth => Some(Self::BandwidthUnlimited),
            Rule::Connections => Some(Self::ConnectionsDouble),
            Rule::Close => Some(Self::NoUpload),
            _ => None,
        }
    }

    /// True if it can make a state faster. Packs are checked while they are copied, at the same speed: there is no switch
    /// for that. Only they are fetched by connections of their own.
    pub fn affects(self, state: CacheState, strategy: Strategy) -> bool {
        match self {
            Self::NoLatency | Self::BandwidthUnlimited => state != CacheState::LocalHit,
            Self::NoUpload => state == CacheState::Cold,
            Self::NoVerification => state == CacheState::RemoteHit && strategy != Strategy::Pack,
            Self::ConnectionsDouble => state == CacheState::RemoteHit && strategy == Strategy::Pack,
            Self::IdealCache => state == CacheState::RemoteHit,
        }
    }

    /// True if it changes the link to the embedded S3 server, which `--remote env` does not use.
    pub fn sets_link(self) -> bool {
        matches!(self, Self::NoLatency | Self::BandwidthUnlimited)
    }

    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
    }

    /// The case in which it is measured.
    fn case(self, state: CacheState) -> CaseSpec {
        let mut case = CaseSpec { name: self.name(), state: Some(state), ..CaseSpec::default() };
        match self {
            Self::NoLatency => {
                case.link = LinkChange { latency_ms: Some(0.0), jitter_ms: Some(0.0), ..LinkChange::default() };
            }
            Self::BandwidthUnlimited => case.link.bandwidth = Some(Bandwidth::WIDE),
            Self::NoUpload => case.settings = FaultSettings { no_upload: true, ..FaultSettings::default() },
            Self::NoVerification => case.settings = FaultSettings { no_verify: true, ..FaultSettings::default() },
            Self::ConnectionsDouble => {
                case.settings = FaultSettings { connections: Some(MORE_CONNECTIONS), ..FaultSettings::default() }
            }
            Self::IdealCache => case.state = Some(CacheState::LocalHit),
        }
        case
    }
}

impl WhatIfArgs {
    /// The scenario with one case for each change in the place of its own cases.
    ///
    /// # Errors
    /// A state without a backend, and a change that does not affect it.
    pub fn scenario(&self, of: &Scenario) -> Result<Scenario> {
        let (state, strategy) = (self.state, self.bench.strategy.unwrap_or(of.strategy));
        if !state.uses_backend() {
            bail!(
                "--state {state} uses no backend, so that there is nothing to change\n  next:  give cold, remote-hit or local-hit"
            );
        }
        if let Some(idle) = self.changes.iter().find(|change| !change.affects(state, strategy)) {
            let (change, strategy) = (idle.name(), strategy.name());
            bail!("--change {change} does not affect {state} with strategy {strategy}\n  next:  leave it out");
        }
        let has_link = self.bench.remote == RemoteKind::Embedded;
        if let Some(change) = self.changes.iter().find(|change| change.sets_link() && !has_link) {
            let change = change.name();
            bail!(
                "--change {change} sets the link to the embedded S3 server, which `--remote env` does not use\n  \
                 next:  leave out one of the two"
            );
        }
        let asked = |change: &WhatIf| match self.changes.is_empty() {
            true => change.affects(state, strategy) && (has_link || !change.sets_link()),
            false => self.changes.contains(change),
        };
        let plain = CaseSpec { name: UNCHANGED.to_owned(), state: Some(self.state), ..CaseSpec::default() };
        let changed =
            WhatIf::value_variants().iter().filter(|change| asked(change)).map(|change| change.case(self.state));
        let cases: Vec<CaseSpec> = std::iter::once(plain).chain(changed).collect();
        let has_local_hit = cases.iter().any(|case| case.state == Some(CacheState::LocalHit));
        let states = [Some(CacheState::GoWarm), Some(self.state), has_local_hit.then_some(CacheState::LocalHit)];
        Ok(Scenario {
            states: states.into_iter().flatten().collect(),
            cases,
            grid: None,
            ci: None,
            bottlenecks: Vec::new(),
            compare_with_first: true,
            ..of.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(state: CacheState, changes: Vec<WhatIf>, strategy: Strategy) -> Result<Scenario> {
        use clap::Parser;
        let args = crate::plan::run_plan::tests::Cli::parse_from(["bench", "--strategy", strategy.name()]).args;
        let (_, of) = Scenario::load("workshop").unwrap();
        WhatIfArgs { changes, state, bench: args }.scenario(&of)
    }

    fn scenario(state: CacheState, changes: Vec<WhatIf>) -> Scenario {
        asked(state, changes, Strategy::Pack).unwrap()
    }

    #[test]
    fn a_change_without_effect_is_refused() {
        let refusal = |state, change, strategy| asked(state, vec![change], strategy).unwrap_err().to_string();
        let expected = "--change no-verification does not affect remote-hit with strategy pack\n  next:  leave it out";
        assert_eq!(refusal(CacheState::RemoteHit, WhatIf::NoVerification, Strategy::Pack), expected);
        assert!(
            refusal(CacheState::RemoteHit, WhatIf::ConnectionsDouble, Strategy::Async).contains("connections-double")
        );
        assert!(
            refusal(CacheState::GoWarm, WhatIf::NoLatency, Strategy::Pack)
                .contains("give cold, remote-hit or local-hit")
        );
        let cases = asked(CacheState::RemoteHit, Vec::new(), Strategy::Async).unwrap().cases;
        assert!(
            cases.iter().any(|case| case.settings.no_verify)
                && cases.iter().all(|case| case.settings.connections.is_none())
        );
    }

    #[test]
    fn each_change_is_a_case_beside_the_unchanged_state() {
        let of_remote_hit = scenario(CacheState::RemoteHit, Vec::new());
        let names: Vec<&str> = of_remote_hit.cases.iter().map(|case| case.name.as_str()).collect();
        let expected = ["unchanged", "latency-0", "bandwidth-unlimited", "connections-double", "ideal-cache"];
        assert_eq!(names, expected);
        assert_eq!(of_remote_hit.states, [CacheState::GoWarm, CacheState::RemoteHit, CacheState::LocalHit]);
        let of_cold = scenario(CacheState::Cold, vec![WhatIf::NoUpload]);
        assert!(of_cold.cases.len() == 2 && of_cold.cases[1].settings.no_upload);
        assert_eq!(of_cold.states, [CacheState::GoWarm, CacheState::Cold]);
    }
}
