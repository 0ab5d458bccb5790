//! A scenario: what is run, as data from a TOML file. Unknown keys are errors that name the line and the nearest key.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::scenario::bottleneck::BottleneckSpec;
use crate::scenario::cache_state::CacheState;
use crate::scenario::case;
use crate::scenario::case::{CaseSpec, MOST_ROUNDS};
use crate::scenario::ci::{CiSpec, Prices};
use crate::scenario::link::Link;
use crate::scenario::network_grid::LinkGrid;
use crate::scenario::source_change::Change;
use crate::scenario::suggest::nearest;
use crate::scenario::toml_reader;
use gocacheprog::cache::Strategy;

/// Where scenarios are looked for by their name.
const FOLDER: &str = "bench-scenarios";
/// Scenarios inside the binary, so that it works in any folder.
const BUILT_IN: [(&str, &str); 10] = [
    ("workshop", include_str!("../../../bench-scenarios/workshop.toml")),
    ("small", include_str!("../../../bench-scenarios/small.toml")),
    ("speed", include_str!("../../../bench-scenarios/speed.toml")),
    ("strategies", include_str!("../../../bench-scenarios/strategies.toml")),
    ("links", include_str!("../../../bench-scenarios/links.toml")),
    ("partial", include_str!("../../../bench-scenarios/partial.toml")),
    ("network", include_str!("../../../bench-scenarios/network.toml")),
    ("bottlenecks", include_str!("../../../bench-scenarios/bottlenecks.toml")),
    ("ci", include_str!("../../../bench-scenarios/ci.toml")),
    ("same", include_str!("../../../bench-scenarios/same.toml")),
];

/// The names of the scenarios inside the binary.
pub fn built_in_names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// The file of this name in the folder of scenarios, with or without its extension.
fn in_folder(name: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{}.toml", name.strip_suffix(".toml").unwrap_or(name)))
}

/// The most packages of a module that is written within seconds.
const MOST_PACKAGES: u32 = 10_000;
/// The most data of a package, KiB: go compiles no larger file within a minute.
const MOST_DATA_KIB: u32 = 16 << 10;

/// A scenario. See `bench-scenarios/workshop.toml` for the meaning of each key.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub description: String,
    /// Empty only with `ci`.
    #[serde(default, alias = "legs")]
    pub states: Vec<CacheState>,
    #[serde(default = "default_strategy")]
    pub strategy: Strategy,
    /// True if the ratios of rounds with the same number are reported (states are interleaved then).
    #[serde(default)]
    pub paired_ratios: bool,
    #[serde(default)]
    pub workload: Workload,
    #[serde(default)]
    pub link: Link,
    #[serde(default)]
    pub rounds: Rounds,
    /// Circumstances under which the states run beside each other; none: those of the keys above alone.
    #[serde(default)]
    pub cases: Vec<CaseSpec>,
    /// Cases for each point of a grid of links.
    pub grid: Option<LinkGrid>,
    /// True if the other cases are compared with the first one.
    #[serde(default)]
    pub compare_with_first: bool,
    /// Injected bottlenecks, each with its cases.
    #[serde(default)]
    pub bottlenecks: Vec<BottleneckSpec>,
    /// Machines that build at once, in the place of states.
    pub ci: Option<CiSpec>,
    /// Prices of S3, for `ci`.
    #[serde(default)]
    pub prices: Prices,
}

/// `[workload]`: the packages that go builds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Workload {
    /// The package pattern for `go build`.
    pub packages: String,
    /// Number of packages of a module that the bench writes; without it go runs in an empty folder.
    pub generated_packages: Option<u32>,
    /// KiB of data that each of these packages holds, so that its archive is as large.
    pub data_kib: u32,
    /// Packages of std that the packages of that module import.
    pub imports: Vec<String>,
    /// Number of packages of a second module that it needs.
    pub dependency_packages: u32,
}

impl Default for Workload {
    fn default() -> Self {
        let packages = "std".to_owned();
        Workload { packages, generated_packages: None, data_kib: 0, imports: Vec::new(), dependency_packages: 0 }
    }
}

/// `[rounds]`: how often each state is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rounds {
    /// Rounds of the states that compile everything.
    pub long: u32,
    /// Rounds of the others.
    pub short: u32,
    /// Rounds of those before, which do not count.
    pub warm_up: u32,
    /// True if one more round of each state with a backend runs with the CPU profile on, untimed.
    pub profile: bool,
}

impl Default for Rounds {
    fn default() -> Self {
        Rounds { long: 1, short: 5, warm_up: 0, profile: true }
    }
}

fn default_strategy() -> Strategy {
    Strategy::Pack
}

/// Reasons why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    #[error("cannot read the scenario {path}: {source}")]
    Read { path: String, source: std::io::Error },
    #[error(
        "there is no scenario `{name}`\n  tried: the built-in ones ({known}), {file} and the file {name}\n  \
         next:  {next}"
    )]
    Unknown { name: String, file: String, known: String, next: String },
    #[error("{path}:{line}: {what}")]
    Parse { path: String, line: usize, what: String },
    #[error("{path}: {what}")]
    Invalid { path: String, what: String },
}

impl Scenario {
    /// Loads a scenario: a built-in one by its name, else `bench-scenarios/<name>.toml`, else the file of that path.
    /// Returns it with the name that results show.
    pub fn load(name: &str) -> Result<(String, Scenario), ScenarioError> {
        if let Some((found, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            let shown = format!("{FOLDER}/{found}.toml");
            return Ok(((*found).to_owned(), Self::parse(&shown, text)?));
        }
        let Some(path) = Self::file_of(name) else {
            return Err(Self::unknown(name));
        };
        let shown = path.display().to_string();
        let text =
            std::fs::read_to_string(&path).map_err(|source| ScenarioError::Read { path: shown.clone(), source })?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok((stem.into_owned(), Self::parse(&shown, &text)?))
    }

    fn unknown(name: &str) -> ScenarioError {
        let known = BUILT_IN.map(|(known, _)| known);
        let near = nearest(name, &known).map_or(String::new(), |near| format!("did you mean `{near}`? Otherwise "));
        ScenarioError::Unknown {
            name: name.to_owned(),
            file: in_folder(name).display().to_string(),
            known: known.join(", "),
            next: format!("{near}give one of these names, or the path of a .toml file"),
        }
    }

    /// The file of a scenario; None for one that is built in or does not exist.
    pub fn file_of(name: &str) -> Option<PathBuf> {
        if built_in_names().any(|known| known == name) {
            return None;
        }
        [in_folder(name), PathBuf::from(name)].into_iter().find(|path| path.is_file())
    }

    /// Parses the text of a scenario; `path` is named in errors.
    pub fn parse(path: &str, text: &str) -> Result<Scenario, ScenarioError> {
        let mistake = |(line, what)| ScenarioError::Parse { path: path.to_owned(), line, what };
        let scenario: Scenario = toml_reader::read(text).map_err(mistake)?;
        scenario.check().map_err(|what| ScenarioError::Invalid { path: path.to_owned(), what })?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), String> {
        if self.states.is_empty() && self.ci.is_none() {
            return Err("`states` is empty: name at least one run".to_owned());
        }
        self.prices.check()?;
        self.ci.as_ref().map_or(Ok(()), |ci| self.check_ci(ci))?;
        self.check_numbers()?;
        self.link.check().map_err(|what| format!("[link]: {what}"))?;
        if let Some(grid) = &self.grid {
            grid.check()?;
            if !self.states.contains(&CacheState::RemoteHit) {
                return Err("`[grid]` is about remote-hit: add it to `states`".to_owned());
            }
            if !self.cases.is_empty() || self.link.bandwidth.is_some() {
                return Err(
                    "`[grid]` makes the cases and their links: leave out `[[cases]]` and `bandwidth`".to_owned()
                );
            }
        }
        let bumps = self.cases.iter().find(|case| case.change == Some(Change::BumpDependency));
        if let (Some(case), Some(_), 0) = (bumps, self.workload.generated_packages, self.workload.dependency_packages) {
            return Err(format!(
                "the case `{}` bumps a dependency: set `dependency_packages` under [workload]",
                case.name
            ));
        }
        let cases = self.case_specs();
        let is_left_out = |case: &&CaseSpec| case.state.is_some_and(|state| !self.states.contains(&state));
        if let Some((case, state)) = cases.iter().find(is_left_out).and_then(|case| Some((case, case.state?))) {
            return Err(format!("`{}` is about {state}: add it to `states`", case.name));
        }
        case::check_all(&cases, self.link)
    }

    fn check_numbers(&self) -> Result<(), String> {
        let (rounds, workload) = (&self.rounds, &self.workload);
        let numbers = [
            ("`long` of [rounds]", rounds.long, 1..=MOST_ROUNDS),
            ("`short` of [rounds]", rounds.short, 1..=MOST_ROUNDS),
            ("`warm_up` of [rounds]", rounds.warm_up, 0..=MOST_ROUNDS),
            ("`generated_packages` of [workload]", workload.generated_packages.unwrap_or(1), 1..=MOST_PACKAGES),
            ("`data_kib` of [workload]", workload.data_kib, 0..=MOST_DATA_KIB),
            ("`dependency_packages` of [workload]", workload.dependency_packages, 0..=MOST_PACKAGES),
        ];
        match numbers.iter().find(|(_, number, range)| !range.contains(number)) {
            Some((name, number, range)) => {
                Err(format!("{name} is {number}, and must be {} to {}", range.start(), range.end()))
            }
            None => Ok(()),
        }
    }

    fn check_ci(&self, ci: &CiSpec) -> Result<(), String> {
        ci.check()?;
        if self.states.is_empty() && self.cases.is_empty() && self.grid.is_none() {
            return Ok(());
        }
        Err("`[ci]` runs machines in the place of states: leave out `states`, `[[cases]]` and `[grid]`".to_owned())
    }

    /// The cases, those of the grid if there is one, and of the bottlenecks.
    pub fn case_specs(&self) -> Vec<CaseSpec> {
        let mut cases = self.grid.as_ref().map_or_else(|| self.cases.clone(), LinkGrid::cases);
        cases.extend(self.bottlenecks.iter().flat_map(BottleneckSpec::cases));
        cases
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_scenario_is_valid() {
        for (name, _) in BUILT_IN {
            let (shown, scenario) = Scenario::load(name).unwrap();
            assert_eq!(shown, name);
            assert!(!scenario.description.is_empty());
        }
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let text = "description = \"x\"\nstates = [\"local-hit\"]\n[rounds]\nshort = 0\n";
        let error = Scenario::parse("m.toml", text).unwrap_err().to_string();
        assert_eq!(error, "m.toml: `short` of [rounds] is 0, and must be 1 to 10000");
    }

    #[test]
    fn a_bottleneck_needs_a_rule_that_is_there_and_a_state_that_is_run() {
        let error = |text: &str| {
            let text = format!("description = \"x\"\nstates = [\"local-hit\"]\n[[bottlenecks]]\nname = \"x\"\n{text}");
            Scenario::parse("m.toml", &text).unwrap_err().to_string()
        };
        let expected = "m.toml:5: unknown value `latencies`; did you mean `latency`?";
        assert_eq!(error("rule = \"latencies\"\nstate = \"local-hit\""), expected);
        assert!(error("rule = \"zzzzzz\"\nstate = \"local-hit\"").contains("; known here: latency, bandwidth, "));
        assert_eq!(
            error("rule = \"latency\"\nstate = \"remote-hit\""),
            "m.toml: `x` is about remote-hit: add it to `states`"
        );
    }

    #[test]
    fn an_unknown_name_lists_the_built_in_ones() {
        let error = Scenario::load("no-such").unwrap_err().to_string();
        assert!(error.contains("network, bottlenecks, ci"), "{error}");
    }
}
