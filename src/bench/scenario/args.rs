//! The command line of the default command of `bench`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, RangedI64ValueParser, StyledStr};
use clap::{Args, Parser, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::scenario::backends::built_in;
use crate::scenario::cache_state::CacheState;
use crate::scenario::case::{Backend, MOST_ROUNDS};
use crate::scenario::file::{Scenario, built_in_names};
use crate::scenario::link::Link;
use gocacheprog::cache::Strategy;
use gocacheprog::config::folders;
use gocacheprog::platform;

/// The scenario without `--scenario`.
pub const DEFAULT_SCENARIO: &str = "workshop";
/// Folder of the results in the working directory.
const RESULTS: &str = "metrics";
/// Folder of the results beside the records of `cacheprog`.
const RESULTS_BESIDE_RECORDS: &str = "bench";
/// The scenario of `selftest` without `--scenario`.
pub const BOTTLENECKS: &str = "bottlenecks";
/// Headings of the help.
const BUILD: &str = "Build";
const ROUNDS: &str = "Cache states and rounds";
const REMOTE: &str = "Backend and S3";
const OUTPUT: &str = "Output";

/// Times `go build` with and without GOCACHEPROG, in known cache states.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// Packages to build, as `go build` takes them [default: those of the scenario]
    #[arg(value_name = "PACKAGES")]
    pub packages: Option<String>,

    #[arg(long, value_name = "NAME", default_value = DEFAULT_SCENARIO, help = scenario_help(), help_heading = BUILD)]
    pub scenario: String,

    /// A go command to time instead of `go build PACKAGES`: go build, test, vet or list
    #[arg(last = true, value_name = "GO_COMMAND", conflicts_with = "packages", help_heading = BUILD)]
    pub command: Vec<String>,

    /// Build this Go module of yours instead of the standard library, with your go settings; nothing in it is changed
    #[arg(long, value_name = "DIR", help_heading = BUILD)]
    pub workload: Option<PathBuf>,

    /// Measure only these states, separated by commas; the states that they start from are made without timing
    #[arg(long, value_name = "STATE", value_delimiter = ',', hide_possible_values = true, help_heading = ROUNDS)]
    pub only: Vec<CacheState>,

    /// Run only this case of the scenario; may be given several times
    #[arg(long, value_name = "CASE", help_heading = ROUNDS)]
    pub case: Vec<String>,

    /// Rounds of the states that find everything in a cache: go-warm, remote-hit, local-hit
    #[arg(long, value_name = "N", value_parser = rounds(), help_heading = ROUNDS)]
    pub rounds: Option<u32>,

    /// Rounds of the states that compile everything: go-cold, cold
    #[arg(long, value_name = "N", value_parser = rounds(), help_heading = ROUNDS)]
    pub long_rounds: Option<u32>,

    /// Add rounds until the times of go-warm, remote-hit and local-hit are known to within this, such as 2%
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent, help_heading = ROUNDS)]
    pub until: Option<f64>,

    /// Stop adding rounds after this time
    #[arg(long, value_name = "MINUTES", default_value_t = 10.0, value_parser = parse_minutes, requires = "until",
          help_heading = ROUNDS)]
    pub until_limit: f64,

    /// Print the steps and an estimate of their duration, and run nothing
    #[arg(long, help_heading = ROUNDS)]
    pub dry_run: bool,

    /// How the backend uses S3: workshop, async or pack [default: that of the scenario]
    #[arg(long, hide_possible_values = true, help_heading = REMOTE)]
    pub strategy: Option<Strategy>,

    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["case", "heap_profile"], help = backend_help(), help_heading = REMOTE)]
    pub backend: Vec<String>,

    /// Latency of the embedded S3 server, milliseconds [default: that of the scenario]
    #[arg(long, value_name = "MS", value_parser = parse_milliseconds, help_heading = REMOTE)]
    pub rtt: Option<f64>,

    /// S3 server: the embedded one, or env for that of the S3_* variables
    #[arg(long, value_enum, default_value_t = RemoteKind::Embedded, hide_possible_values = true, help_heading = REMOTE)]
    pub remote: RemoteKind,

    /// Folder of the results [default: metrics; with a --workload around it, cacheprog/bench in your state folder]
    #[arg(long, value_name = "DIR", help_heading = OUTPUT)]
    pub out: Option<PathBuf>,

    /// Print all tables and notes instead of the first screen
    #[arg(long, help_heading = OUTPUT)]
    pub details: bool,

    /// Leave out the untimed rounds that take CPU profiles
    #[arg(long, help_heading = OUTPUT)]
    pub no_profile: bool,

    /// Add an untimed round for each state that takes a heap profile; needs a build with --features heap-profile
    #[arg(long, help_heading = OUTPUT)]
    pub heap_profile: bool,

    /// Write no traces, request logs and wall-clock profiles
    #[arg(long, help_heading = OUTPUT)]
    pub no_records: bool,

    /// The two builds of `bench compare`.
    #[arg(skip)]
    pub backends: Option<[Backend; 2]>,
}

impl BenchArgs {
    /// The arguments of a bench that another command runs, with these words after `bench`.
    pub fn of(words: impl IntoIterator<Item = OsString>) -> BenchArgs {
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            args: BenchArgs,
        }
        Line::parse_from(std::iter::once("bench".into()).chain(words)).args
    }

    /// The arguments that say what is built, over which remote, and where results go. Paths are absolute, so that the arguments
    /// mean the same in a report that is written in another folder.
    pub fn of_build(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut push = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
        let absolute =
            |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
        if self.scenario != DEFAULT_SCENARIO {
            push("--scenario", Scenario::file_of(&self.scenario).map_or(self.scenario.clone(), |file| absolute(&file)));
        }
        if let Some(folder) = &self.workload {
            push("--workload", absolute(folder));
        }
        if let Some(strategy) = self.strategy {
            push("--strategy", strategy.name().to_owned());
        }
        for backend in &self.backend {
            push("--backend", backend.clone());
        }
        if let Some(milliseconds) = self.rtt {
            push("--rtt", milliseconds.to_string());
        }
        if self.remote == RemoteKind::Env {
            push("--remote", "env".to_owned());
        }
        if let Some(folder) = &self.out {
            push("--out", absolute(folder));
        }
        words.extend(self.packages.clone());
        if !self.command.is_empty() {
            words.push("--".to_owned());
            words.extend(self.command.iter().cloned());
        }
        words
    }

    /// Folder of the results. Not among the sources of the module that is built, unless `--out` says so: `go:embed` and tests
    /// would see it. Only the folder of `--workload` is looked at: results are still put into another module of its workspace,
    /// or into one that its go.mod replaces a module by, where bench is started in that.
    pub fn results_folder(&self) -> PathBuf {
        if let Some(out) = &self.out {
            return out.clone();
        }
        if !self.builds_module_around(&std::env::current_dir().unwrap_or_default()) {
            return PathBuf::from(RESULTS);
        }
        let records = folders::RECORDS.find(None, false, platform::user_temporary_folder);
        records.path().map_or(PathBuf::from(RESULTS), |records| records.join(RESULTS_BESIDE_RECORDS))
    }

    fn builds_module_around(&self, here: &Path) -> bool {
        let Some(module) = &self.workload else { return false };
        match (here.join(module).canonicalize(), here.canonicalize()) {
            (Ok(module), Ok(here)) => here.starts_with(module),
            _ => false,
        }
    }
}

/// Which S3 the backend talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RemoteKind {
    /// A server that bench starts, in memory
    Embedded,
    /// The server of the S3_* variables, under a prefix of its own
    Env,
}

fn backend_help() -> String {
    let known: Vec<&str> = built_in::names().collect();
    format!(
        "Measure this GOCACHEPROG program, such as ./cacheprog or './cacheprog --fast'; several of them as NAME=COMMAND each; \
         ours; or a known one: {}",
        known.join(", ")
    )
}

fn scenario_help() -> String {
    let names: Vec<&str> = built_in_names().collect();
    format!("Scenario: {}, or a file in bench-scenarios/ or elsewhere", names.join(", "))
}

/// The values of an option with their help, one a line: a paragraph for the end of a help text.
pub fn values_help<T: ValueEnum>(title: &str) -> String {
    let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let line = |value: PossibleValue| {
        format!("\n  {:<21}{}", value.get_name(), value.get_help().map_or(String::new(), StyledStr::to_string))
    };
    title.to_owned() + &values.map(line).collect::<String>()
}

/// A number of rounds.
pub fn rounds() -> RangedI64ValueParser<u32> {
    RangedI64ValueParser::new().range(1..=i64::from(MOST_ROUNDS))
}

/// A share, from `2%` or `2`.
pub fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    match number.parse::<f64>() {
        Ok(percent) if percent.is_finite() && percent > 0.0 => Ok(percent / 100.0),
        _ => Err("give a percentage above 0, like 2%".to_owned()),
    }
}

fn parse_minutes(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("give minutes, more than 0".to_owned()),
    }
}

fn parse_milliseconds(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "give milliseconds, such as 20")?;
    Link { latency_ms: value, ..Link::NONE }.check().map(|()| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_not_put_into_the_module_that_is_built() {
        let parent = tempfile::tempdir().unwrap();
        let module = parent.path().join("module");
        std::fs::create_dir_all(module.join("sub")).unwrap();
        let args = |words: &[&str]| BenchArgs::of(words.iter().map(OsString::from));
        for (here, words, expected) in [
            (module.as_path(), &["--workload", "."][..], true),
            (&module.join("sub"), &["--workload", ".."], true),
            (parent.path(), &["--workload", "module"], false),
            (&module, &["--workload", "../other"], false),
            (&module, &[], false),
        ] {
            assert_eq!(args(words).builds_module_around(here), expected, "{words:?}");
        }
        let given = args(&["--workload", ".", "--out", "here"]).results_folder();
        assert_eq!((given, args(&[]).results_folder()), (PathBuf::from("here"), PathBuf::from(RESULTS)));
    }
}
