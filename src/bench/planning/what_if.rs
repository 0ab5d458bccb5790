//! `bench what-if`: the same leg as it is, and with one thing changed each time.

use clap::{Args, ValueEnum};

use super::args::BenchArgs;
use super::case::CaseSpec;
use super::leg::Leg;
use super::link::{Bandwidth, LinkChange};
use super::scenario::Scenario;
use crate::cache::Knobs;

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
    /// Whether it can change anything of a leg.
    fn concerns(self, leg: Leg) -> bool {
        match self {
            Self::NoLatency | Self::BandwidthUnlimited => leg != Leg::A,
            Self::NoUpload => leg == Leg::C,
            Self::NoVerification | Self::ConnectionsDouble | Self::IdealCache => leg == Leg::B,
        }
    }

    /// Its case of a leg.
    fn case(self, leg: Leg) -> CaseSpec {
        let name = self.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned());
        let mut case = CaseSpec { name, leg: Some(leg), ..CaseSpec::default() };
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
    pub fn scenario(&self, of: &Scenario) -> Scenario {
        let asked = |change: &WhatIf| match self.changes.is_empty() {
            true => change.concerns(self.leg),
            false => self.changes.contains(change),
        };
        let plain = CaseSpec { name: AS_IT_IS.to_owned(), leg: Some(self.leg), ..CaseSpec::default() };
        let changed =
            WhatIf::value_variants().iter().filter(|change| asked(change)).map(|change| change.case(self.leg));
        let cases: Vec<CaseSpec> = std::iter::once(plain).chain(changed).collect();
        let needs_a = cases.iter().any(|case| case.leg == Some(Leg::A));
        let legs = [Some(Leg::BaselineFull), Some(self.leg), needs_a.then_some(Leg::A)];
        Scenario {
            legs: legs.into_iter().flatten().collect(),
            cases,
            grid: None,
            ci: None,
            bottlenecks: Vec::new(),
            compare_with_first: true,
            ..of.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(leg: Leg, changes: Vec<WhatIf>) -> Scenario {
        use clap::Parser;
        let args = super::super::plan::tests::Cli::parse_from(["bench"]).args;
        let (_, of) = Scenario::load("workshop").unwrap();
        WhatIfArgs { changes, leg, bench: args }.scenario(&of)
    }

    #[test]
    fn each_change_is_a_case_beside_the_leg_as_it_is() {
        let of_b = scenario(Leg::B, Vec::new());
        let names: Vec<&str> = of_b.cases.iter().map(|case| case.name.as_str()).collect();
        let expected =
            ["as it is", "latency-0", "bandwidth-unlimited", "no-verification", "connections-double", "ideal-cache"];
        assert_eq!(names, expected);
        assert_eq!(of_b.legs, [Leg::BaselineFull, Leg::B, Leg::A]);
        let of_c = scenario(Leg::C, vec![WhatIf::NoUpload]);
        assert!(of_c.cases.len() == 2 && of_c.cases[1].knobs.no_upload);
        assert_eq!(of_c.legs, [Leg::BaselineFull, Leg::C]);
    }
}
