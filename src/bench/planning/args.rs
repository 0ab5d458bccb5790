//! The command line of the default command of `bench`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::RangedI64ValueParser;
use clap::{Args, Parser, ValueEnum};
use serde::{Deserialize, Serialize};

use super::backend::Backend;
use super::leg::Leg;
use super::link::Link;
use super::scenario::MOST_ROUNDS;
use crate::cache::Strategy;

/// Times `go build` with and without GOCACHEPROG, in known cache states.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// Package pattern for `go build`, of the standard library or of the module of --workload [default: what the scenario says]
    #[arg(value_name = "PACKAGES")]
    pub packages: Option<String>,

    /// Folder of a Go module of yours to build instead, `./...` of it unless PACKAGES says else. Nothing in it is changed
    #[arg(long, value_name = "DIR")]
    pub workload: Option<PathBuf>,

    /// Name of a built-in scenario (workshop, small, speed, strategies, links, partial, network, ci) or of one in bench-scenarios/, or the path of a .toml file
    #[arg(long, value_name = "NAME", default_value = "workshop")]
    pub scenario: String,

    /// Rounds of the short runs (baseline-full, b, a)
    #[arg(long, value_name = "N", value_parser = rounds())]
    pub rounds: Option<u32>,

    /// Rounds of the long runs (baseline-empty, c)
    #[arg(long, value_name = "N", value_parser = rounds())]
    pub long_rounds: Option<u32>,

    /// More rounds of the short runs, until each is known to this: the half of its interval, as 2%
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    pub until: Option<f64>,

    /// The longest that the rounds of --until may take, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 10.0, value_parser = parse_minutes)]
    pub until_limit: f64,

    /// Only these runs, joined by commas; what they need is run before them, unmeasured
    #[arg(long, value_name = "RUN", value_delimiter = ',')]
    pub only: Vec<Leg>,

    /// Only this case of the scenario; may be given several times
    #[arg(long, value_name = "CASE")]
    pub case: Vec<String>,

    /// How the backend uses the remote
    #[arg(long)]
    pub strategy: Option<Strategy>,

    /// First-byte latency of the embedded S3 server, in milliseconds
    #[arg(long, value_name = "MS", value_parser = parse_milliseconds)]
    pub rtt: Option<f64>,

    /// Which S3 is used
    #[arg(long, value_enum, default_value_t = RemoteKind::Embedded)]
    pub remote: RemoteKind,

    /// Folder of the results
    #[arg(long, value_name = "DIR", default_value = "metrics")]
    pub out: PathBuf,

    /// Leave out the untimed rounds with the CPU profile on
    #[arg(long)]
    pub no_profile: bool,

    /// One more untimed round of c, b and a with the heap profile on; needs a build with --features heap-profile
    #[arg(long)]
    pub heap_profile: bool,

    /// Switch off all records of the backend but the summary of its session
    #[arg(long)]
    pub no_records: bool,

    /// Print what would be run, and run nothing
    #[arg(long)]
    pub dry_run: bool,

    /// What `bench compare` runs side by side
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
}

/// Which S3 the backend talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum RemoteKind {
    /// A server that bench starts, in memory
    Embedded,
    /// The one of the S3_* variables, under a prefix of its own
    Env,
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
