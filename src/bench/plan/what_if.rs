//! `bench what-if`: the same state as it is, and with one thing changed each time.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::bench::scenario::args::BenchArgs;
use crate::bench::scenario::cache_state::CacheState;
use crate::bench::scenario::case::CaseSpec;
use crate::bench::scenario::file::Scenario;
use crate::bench::scenario::link::{Bandwidth, LinkChange};
use crate::cache::Strategy;
use crate::platform::fault_injection::FaultSettings;

/// Name of the case without a change.
const AS_IT_IS: &str = "as it is";
/// Twice what the strategy `pack` has.
const MORE_CONNECTIONS: usize = 16;

/// Measures what one change would bring, each for itself, round by round beside the state as it is.
#[derive(Debug, Clone, Args)]
pub struct WhatIfArgs {
    /// What is changed; without one all that say something of the state
    #[arg(long = "change", value_name = "CHANGE", value_enum)]
    pub changes: Vec<WhatIf>,
    /// The cache state: remote-hit, local-hit or cold
    #[arg(long, alias = "leg", value_name = "STATE", default_value = "remote-hit")]
    pub state: CacheState,
    #[command(flatten)]
    pub bench: BenchArgs,
}

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WhatIf {
    /// Answers of the remote begin at once
    #[value(name = "latency-0")]
    NoLatency,
    /// The link has no limit
    BandwidthUnlimited,
    /// Nothing is uploaded
    NoUpload,
    /// What comes from the remote is not checked
    NoVerification,
    /// Twice as many downloads at the same time
    ConnectionsDouble,
    /// All answers are there already, in the local store: as state a
    IdealCache,
}

impl WhatIf {
    /// Whether it can change anything of a state. Packs are checked by the way, as fast as they are copied: there is no switch
    /// for that. Only they are fetched by connections of their own.
    fn concerns(self, state: CacheState, strategy: Strategy) -> bool {
        match self {
            Self::NoLatency | Self::BandwidthUnlimited => state != CacheState::LocalHit,
            Self::NoUpload => state == CacheState::Cold,
            Self::NoVerification => state == CacheState::RemoteHit && strategy != Strategy::Pack,
            Self::ConnectionsDouble => state == CacheState::RemoteHit && strategy == Strategy::Pack,
            Self::IdealCache => state == CacheState::RemoteHit,
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
    }

    /// Its case of a state.
    fn case(self, state: CacheState) -> CaseSpec {
        let mut case = CaseSpec { name: self.name(), state: Some(state), ..CaseSpec::default() };
        match self {
            Self::NoLatency => {
                case.link = LinkChange { latency_ms: Some(0.0), jitter_ms: Some(0.0), ..LinkChange::default() };
            }
            Self::BandwidthUnlimited => case.link.bandwidth = Some(Bandwidth::WIDE),
            Self::NoUpload => case.knobs = FaultSettings { no_upload: true, ..FaultSettings::default() },
            Self::NoVerification => case.knobs = FaultSettings { no_verify: true, ..FaultSettings::default() },
            Self::ConnectionsDouble => {
                case.knobs = FaultSettings { connections: Some(MORE_CONNECTIONS), ..FaultSettings::default() }
            }
            Self::IdealCache => case.state = Some(CacheState::LocalHit),
        }
        case
    }
}

impl WhatIfArgs {
    /// The scenario with a case a change in the place of its own.
    ///
    /// # Errors
    /// A state without a backend, and a change that changes nothing of it.
    pub fn scenario(&self, of: &Scenario) -> Result<Scenario> {
        let (state, strategy) = (self.state, self.bench.strategy.unwrap_or(of.strategy));
        if !state.uses_backend() {
            bail!("--state {state} has no cache of ours in which something could be changed. Take b, a or c");
        }
        if let Some(idle) = self.changes.iter().find(|change| !change.concerns(state, strategy)) {
            let (change, strategy) = (idle.name(), strategy.name());
            bail!("--change {change} changes nothing of state {state} with strategy {strategy}. Leave it out");
        }
        let asked = |change: &WhatIf| match self.changes.is_empty() {
            true => change.concerns(state, strategy),
            false => self.changes.contains(change),
        };
        let plain = CaseSpec { name: AS_IT_IS.to_owned(), state: Some(self.state), ..CaseSpec::default() };
        let changed =
            WhatIf::value_variants().iter().filter(|change| asked(change)).map(|change| change.case(self.state));
        let cases: Vec<CaseSpec> = std::iter::once(plain).chain(changed).collect();
        let needs_a = cases.iter().any(|case| case.state == Some(CacheState::LocalHit));
        let states = [Some(CacheState::GoWarm), Some(self.state), needs_a.then_some(CacheState::LocalHit)];
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
        let args = crate::bench::plan::run_plan::tests::Cli::parse_from(["bench", "--strategy", strategy.name()]).args;
        let (_, of) = Scenario::load("workshop").unwrap();
        WhatIfArgs { changes, state, bench: args }.scenario(&of)
    }

    fn scenario(state: CacheState, changes: Vec<WhatIf>) -> Scenario {
        asked(state, changes, Strategy::Pack).unwrap()
    }

    #[test]
    fn what_changes_nothing_is_refused() {
        let refusal = |state, change, strategy| asked(state, vec![change], strategy).unwrap_err().to_string();
        let expected = "--change no-verification changes nothing of state remote-hit with strategy pack. Leave it out";
        assert_eq!(refusal(CacheState::RemoteHit, WhatIf::NoVerification, Strategy::Pack), expected);
        assert!(
            refusal(CacheState::RemoteHit, WhatIf::ConnectionsDouble, Strategy::Async).contains("connections-double")
        );
        assert!(refusal(CacheState::GoWarm, WhatIf::NoLatency, Strategy::Pack).contains("Take b, a or c"));
        let cases = asked(CacheState::RemoteHit, Vec::new(), Strategy::Async).unwrap().cases;
        assert!(
            cases.iter().any(|case| case.knobs.no_verify) && cases.iter().all(|case| case.knobs.connections.is_none())
        );
    }

    #[test]
    fn each_change_is_a_case_beside_the_state_as_it_is() {
        let of_b = scenario(CacheState::RemoteHit, Vec::new());
        let names: Vec<&str> = of_b.cases.iter().map(|case| case.name.as_str()).collect();
        let expected = ["as it is", "latency-0", "bandwidth-unlimited", "connections-double", "ideal-cache"];
        assert_eq!(names, expected);
        assert_eq!(of_b.states, [CacheState::GoWarm, CacheState::RemoteHit, CacheState::LocalHit]);
        let of_c = scenario(CacheState::Cold, vec![WhatIf::NoUpload]);
        assert!(of_c.cases.len() == 2 && of_c.cases[1].knobs.no_upload);
        assert_eq!(of_c.states, [CacheState::GoWarm, CacheState::Cold]);
    }
}
