//! `bench what-if`: the same leg as it is, and with one thing changed each time.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use super::args::BenchArgs;
use super::case::CaseSpec;
use super::leg::Leg;
use super::link::{Bandwidth, LinkChange};
use super::scenario::Scenario;
use crate::cache::{Knobs, Strategy};

/// Name of the case without a change.
const AS_IT_IS: &str = "as it is";
/// Twice what the strategy `pack` has.
const MORE_CONNECTIONS: usize = 16;

/// Measures what one change would bring, each for itself, round by round beside the leg as it is.
#[derive(Debug, Clone, Args)]
pub struct WhatIfArgs {
    /// What is changed; without one all that say something of the leg
    #[arg(long = "change", value_name = "CHANGE", value_enum)]
    pub changes: Vec<WhatIf>,
    /// The leg: b, a or c
    #[arg(long, value_name = "LEG", default_value = "b")]
    pub leg: Leg,
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
    /// All answers are there already, in the local store: as leg a
    IdealCache,
}

impl WhatIf {
    /// Whether it can change anything of a leg. Packs are checked by the way, as fast as they are copied: there is no switch
    /// for that. Only they are fetched by connections of their own.
    fn concerns(self, leg: Leg, strategy: Strategy) -> bool {
        match self {
            Self::NoLatency | Self::BandwidthUnlimited => leg != Leg::A,
            Self::NoUpload => leg == Leg::C,
            Self::NoVerification => leg == Leg::B && strategy != Strategy::Pack,
            Self::ConnectionsDouble => leg == Leg::B && strategy == Strategy::Pack,
            Self::IdealCache => leg == Leg::B,
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
    }

    /// Its case of a leg.
    fn case(self, leg: Leg) -> CaseSpec {
        let mut case = CaseSpec { name: self.name(), leg: Some(leg), ..CaseSpec::default() };
        match self {
            Self::NoLatency => {
                case.link = LinkChange { latency_ms: Some(0.0), jitter_ms: Some(0.0), ..LinkChange::default() };
            }
            Self::BandwidthUnlimited => case.link.bandwidth = Some(Bandwidth::WIDE),
            Self::NoUpload => case.knobs = Knobs { no_upload: true, ..Knobs::default() },
            Self::NoVerification => case.knobs = Knobs { no_verify: true, ..Knobs::default() },
            Self::ConnectionsDouble => case.knobs = Knobs { connections: Some(MORE_CONNECTIONS), ..Knobs::default() },
            Self::IdealCache => case.leg = Some(Leg::A),
        }
        case
    }
}

impl WhatIfArgs {
    /// The scenario with a case a change in the place of its own.
    ///
    /// # Errors
    /// A leg without a backend, and a change that changes nothing of it.
    pub fn scenario(&self, of: &Scenario) -> Result<Scenario> {
        let (leg, strategy) = (self.leg, self.bench.strategy.unwrap_or(of.strategy));
        if !leg.uses_backend() {
            bail!("--leg {leg} has no cache of ours in which something could be changed. Take b, a or c");
        }
        if let Some(idle) = self.changes.iter().find(|change| !change.concerns(leg, strategy)) {
            let (change, strategy) = (idle.name(), strategy.name());
            bail!("--change {change} changes nothing of leg {leg} with strategy {strategy}. Leave it out");
        }
        let asked = |change: &WhatIf| match self.changes.is_empty() {
            true => change.concerns(leg, strategy),
            false => self.changes.contains(change),
        };
        let plain = CaseSpec { name: AS_IT_IS.to_owned(), leg: Some(self.leg), ..CaseSpec::default() };
        let changed =
            WhatIf::value_variants().iter().filter(|change| asked(change)).map(|change| change.case(self.leg));
        let cases: Vec<CaseSpec> = std::iter::once(plain).chain(changed).collect();
        let needs_a = cases.iter().any(|case| case.leg == Some(Leg::A));
        let legs = [Some(Leg::BaselineFull), Some(self.leg), needs_a.then_some(Leg::A)];
        Ok(Scenario {
            legs: legs.into_iter().flatten().collect(),
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

    fn asked(leg: Leg, changes: Vec<WhatIf>, strategy: Strategy) -> Result<Scenario> {
        use clap::Parser;
        let args = super::super::plan::tests::Cli::parse_from(["bench", "--strategy", strategy.name()]).args;
        let (_, of) = Scenario::load("workshop").unwrap();
        WhatIfArgs { changes, leg, bench: args }.scenario(&of)
    }

    fn scenario(leg: Leg, changes: Vec<WhatIf>) -> Scenario {
        asked(leg, changes, Strategy::Pack).unwrap()
    }

    #[test]
    fn what_changes_nothing_is_refused() {
        let refusal = |leg, change, strategy| asked(leg, vec![change], strategy).unwrap_err().to_string();
        let expected = "--change no-verification changes nothing of leg b with strategy pack. Leave it out";
        assert_eq!(refusal(Leg::B, WhatIf::NoVerification, Strategy::Pack), expected);
        assert!(refusal(Leg::B, WhatIf::ConnectionsDouble, Strategy::Async).contains("connections-double"));
        assert!(refusal(Leg::BaselineFull, WhatIf::NoLatency, Strategy::Pack).contains("Take b, a or c"));
        let cases = asked(Leg::B, Vec::new(), Strategy::Async).unwrap().cases;
        assert!(
            cases.iter().any(|case| case.knobs.no_verify) && cases.iter().all(|case| case.knobs.connections.is_none())
        );
    }

    #[test]
    fn each_change_is_a_case_beside_the_leg_as_it_is() {
        let of_b = scenario(Leg::B, Vec::new());
        let names: Vec<&str> = of_b.cases.iter().map(|case| case.name.as_str()).collect();
        let expected = ["as it is", "latency-0", "bandwidth-unlimited", "connections-double", "ideal-cache"];
        assert_eq!(names, expected);
        assert_eq!(of_b.legs, [Leg::BaselineFull, Leg::B, Leg::A]);
        let of_c = scenario(Leg::C, vec![WhatIf::NoUpload]);
        assert!(of_c.cases.len() == 2 && of_c.cases[1].knobs.no_upload);
        assert_eq!(of_c.legs, [Leg::BaselineFull, Leg::C]);
    }
}
