//! A grid of links: each strategy at each latency and bandwidth, as cases. Slow strategies are measured at few points.

use serde::{Deserialize, Serialize};

use crate::scenario::case::CaseSpec;
use crate::scenario::link::LinkChange;
use crate::scenario::link::bandwidth::Limit;
use gocacheprog::cache::Strategy;

/// `[grid]` of a scenario. See `bench-scenarios/network.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LinkGrid {
    pub latency_ms: Vec<f64>,
    pub bandwidth: Vec<Limit>,
    pub strategies: Vec<GridStrategy>,
}

/// One strategy of a grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GridStrategy {
    pub strategy: Strategy,
    /// Where it is measured; without it at each latency of the grid.
    pub latency_ms: Option<Vec<f64>>,
    pub rounds: Option<u32>,
}

impl LinkGrid {
    /// The cases that are measured: strategy by strategy, bandwidth by bandwidth.
    pub fn cases(&self) -> Vec<CaseSpec> {
        let mut cases = Vec::new();
        for of in &self.strategies {
            for limit in &self.bandwidth {
                let latencies = of.latency_ms.as_ref().unwrap_or(&self.latency_ms);
                cases.extend(latencies.iter().map(|latency| point(of, *latency, *limit)));
            }
        }
        cases
    }

    /// Checks its values; the error names the first that is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.latency_ms.is_empty() || self.bandwidth.is_empty() || self.strategies.is_empty() {
            return Err("`[grid]` needs at least one latency, one bandwidth and one strategy".to_owned());
        }
        for of in &self.strategies {
            let latencies = of.latency_ms.as_ref().unwrap_or(&self.latency_ms);
            // A line takes two points.
            if latencies.len() < 2 && self.latency_ms != *latencies {
                let name = of.strategy.name();
                return Err(format!(
                    "`{name}` of `[grid]` needs two values of `latency_ms`: a line is laid through them"
                ));
            }
        }
        Ok(())
    }
}

fn point(of: &GridStrategy, latency_ms: f64, limit: Limit) -> CaseSpec {
    CaseSpec {
        name: format!("{}, {latency_ms} ms, {}", of.strategy.name(), limit.name()),
        strategy: Some(of.strategy),
        link: LinkChange { latency_ms: Some(latency_ms), bandwidth: limit.0, ..LinkChange::default() },
        rounds: of.rounds,
        ..CaseSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(text: &str) -> Result<LinkGrid, String> {
        toml::from_str::<LinkGrid>(text).map_err(|error| error.to_string()).and_then(|grid| grid.check().map(|()| grid))
    }

    #[test]
    fn each_strategy_has_its_points() {
        let text = "latency_ms = [0, 20]\nbandwidth = [\"not limited\", \"50 Mbit/s\"]\n\
                    strategies = [{ strategy = \"pack\", rounds = 3 }, { strategy = \"async\", latency_ms = [0, 5] }]";
        let cases = grid(text).unwrap().cases();
        let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names[..3], ["pack, 0 ms, not limited", "pack, 20 ms, not limited", "pack, 0 ms, 50 Mbit/s"]);
        assert_eq!((names.len(), names[5], cases[0].rounds), (8, "async, 5 ms, not limited", Some(3)));
    }

    #[test]
    fn a_line_takes_two_points_and_bandwidths_are_checked() {
        let one = "latency_ms = [0, 20]\nbandwidth = [\"not limited\"]\nstrategies = [{ strategy = \"async\", latency_ms = [0] }]";
        assert!(grid(one).unwrap_err().contains("two values"));
        let wrong = "latency_ms = [0]\nbandwidth = [\"fast\"]\nstrategies = [{ strategy = \"async\" }]";
        assert!(grid(wrong).unwrap_err().contains("or `not limited`"));
    }
}
