//! Several machines that build at once over one bucket: `[ci]` and `[prices]` of a scenario, and the waves that come of it.

use serde::{Deserialize, Serialize};

/// `[ci]` of a scenario. See `bench-scenarios/ci.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CiSpec {
    /// How many machines there are, one value after the other.
    pub machines: Vec<u32>,
    /// Packages that they build: the first where all build the same, else one a machine, from the first on again.
    pub packages: Vec<String>,
    /// How they start.
    #[serde(default = "Start::all")]
    pub start: Vec<Start>,
    /// Who builds what.
    #[serde(default = "Share::all")]
    pub builds: Vec<Share>,
}

/// How the machines of a group start, each time on an empty bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// One machine first; when it has ended, all others at once.
    OneSeeds,
    /// All at once.
    AllAtOnce,
}

/// Who builds what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    /// All machines build the same packages.
    Same,
    /// Each builds its own, which have much in common.
    Neighbouring,
}

/// Prices of S3 in US dollars. All can be set under `[prices]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// Price of 1000 PUT or LIST requests.
    pub put_and_list_per_1000: f64,
    /// Price of 1000 GET or HEAD requests.
    pub get_per_1000: f64,
    /// Price of 10⁹ bytes that leave the bucket.
    pub out_per_gb: f64,
    /// Price of 10⁹ bytes that are stored for a month.
    pub stored_per_gb_month: f64,
}

/// A group of machines on one bucket that is empty at first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Group {
    pub machines: u32,
    pub start: Start,
    pub builds: Share,
    /// In the order in which they start.
    pub waves: Vec<Wave>,
}

/// Machines that start at the same moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Wave {
    /// The packages that each machine builds.
    pub packages: Vec<String>,
}

impl Start {
    fn all() -> Vec<Start> {
        vec![Start::OneSeeds, Start::AllAtOnce]
    }
}

impl Share {
    fn all() -> Vec<Share> {
        vec![Share::Same, Share::Neighbouring]
    }
}

impl Default for Prices {
    /// S3 Standard in us-east-1, first tier, as listed at <https://aws.amazon.com/s3/pricing/> in 2025.
    fn default() -> Prices {
        Prices { put_and_list_per_1000: 0.005, get_per_1000: 0.0004, out_per_gb: 0.09, stored_per_gb_month: 0.023 }
    }
}

impl Prices {
    /// Checks them; the error names the first that is wrong.
    pub fn check(&self) -> Result<(), String> {
        let all = [
            ("put_and_list_per_1000", self.put_and_list_per_1000),
            ("get_per_1000", self.get_per_1000),
            ("out_per_gb", self.out_per_gb),
            ("stored_per_gb_month", self.stored_per_gb_month),
        ];
        match all.iter().find(|(_, price)| !(price.is_finite() && *price >= 0.0)) {
            Some((name, price)) => Err(format!("`{name}` of [prices] is {price}, and must be 0 or more")),
            None => Ok(()),
        }
    }
}

impl CiSpec {
    /// Checks its values; the error names the first that is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.machines.is_empty() || self.machines.iter().any(|count| !(1..=64).contains(count)) {
            return Err("`machines` of `[ci]` needs numbers from 1 to 64".to_owned());
        }
        if self.packages.is_empty() || self.packages.iter().any(|packages| packages.starts_with('-')) {
            return Err("`packages` of `[ci]` needs at least one package pattern".to_owned());
        }
        if self.start.is_empty() || self.builds.is_empty() {
            return Err("`start` and `builds` of `[ci]` need at least one value, or leave them out for all".to_owned());
        }
        Ok(())
    }

    /// All groups, those that build the same first.
    pub fn groups(&self) -> Vec<Group> {
        let mut groups = Vec::new();
        for builds in &self.builds {
            for start in &self.start {
                groups.extend(self.machines.iter().map(|machines| self.group(*machines, *start, *builds)));
            }
        }
        groups
    }

    fn group(&self, machines: u32, start: Start, builds: Share) -> Group {
        let packages = (0..machines as usize).map(|machine| match builds {
            Share::Same => self.packages[0].clone(),
            Share::Neighbouring => self.packages[machine % self.packages.len()].clone(),
        });
        let mut first: Vec<String> = packages.collect();
        let rest = if start == Start::OneSeeds { first.split_off(1) } else { Vec::new() };
        let waves = [first, rest].into_iter().filter(|packages| !packages.is_empty());
        Group { machines, start, builds, waves: waves.map(|packages| Wave { packages }).collect() }
    }
}

impl Group {
    /// Its folder below the one of the whole run.
    pub fn folder(&self) -> String {
        let (start, builds) = match (self.start, self.builds) {
            (Start::OneSeeds, Share::Same) => ("one-seeds", "same"),
            (Start::OneSeeds, Share::Neighbouring) => ("one-seeds", "neighbouring"),
            (Start::AllAtOnce, Share::Same) => ("all-at-once", "same"),
            (Start::AllAtOnce, Share::Neighbouring) => ("all-at-once", "neighbouring"),
        };
        format!("{builds}/{start}/{}", self.machines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> CiSpec {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn machines_start_in_waves_and_build_the_same_or_neighbours() {
        let groups = spec("machines = [3]\npackages = [\"a\", \"b\"]").groups();
        let waves = |group: &Group| -> Vec<String> { group.waves.iter().map(|wave| wave.packages.join(" ")).collect() };
        let all: Vec<(String, Vec<String>)> = groups.iter().map(|group| (group.folder(), waves(group))).collect();
        let expected = [
            ("same/one-seeds/3", vec!["a", "a a"]),
            ("same/all-at-once/3", vec!["a a a"]),
            ("neighbouring/one-seeds/3", vec!["a", "b a"]),
            ("neighbouring/all-at-once/3", vec!["a b a"]),
        ];
        for ((folder, waves), (expected, of)) in all.iter().zip(expected) {
            assert_eq!((folder.as_str(), waves.clone()), (expected, of.iter().map(|w| (*w).to_owned()).collect()));
        }
        let alone = spec("machines = [1]\npackages = [\"a\"]\nstart = [\"one-seeds\"]\nbuilds = [\"same\"]").groups();
        assert_eq!(waves(&alone[0]), ["a"]);
    }

    #[test]
    fn numbers_and_prices_are_checked() {
        assert!(spec("machines = [0]\npackages = [\"a\"]").check().is_err());
        assert!(spec("machines = [2]\npackages = []").check().is_err());
        assert!(spec("machines = [2]\npackages = [\"a\"]").check().is_ok());
        let prices: Prices = toml::from_str("get_per_1000 = -1").unwrap();
        assert!(prices.check().is_err());
        assert_eq!(toml::from_str::<Prices>("").unwrap().put_and_list_per_1000, 0.005);
    }
}
