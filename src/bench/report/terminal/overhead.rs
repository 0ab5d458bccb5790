//! What each instrument of the backend costs: the data of `bench overhead`, and its table.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::bench::analysis::statistics::stats::{median, median_interval, paired_ratios};
use crate::bench::report::terminal::grid::{Grid, View};
use crate::bench::report::text::cell::Cell;
use crate::bench::report::text::units;
use crate::bench::results::run::write_whole;
use crate::bench::scenario::cache_state::CacheState;

/// Where `bench overhead` leaves its result for the reports of later runs.
pub const OVERHEAD_FILE: &str = "overhead.json";
/// Version of its layout.
const SCHEMA: u32 = 2;
/// A price of fewer rounds is no price yet: its interval is as wide as the range, or next to it.
const FEWEST_ROUNDS: usize = 10;

/// One run of `bench overhead`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OverheadRun {
    pub schema: u32,
    /// Name of the run.
    pub run: String,
    pub started_unix_ns: u64,
    /// In which state the builds were.
    pub state: String,
    /// What was built.
    pub packages: String,
    pub go_version: String,
    pub cpu_model: Option<String>,
    pub cores: Option<usize>,
    /// The first one has no instrument on; all others are compared with it, round by round.
    pub settings: Vec<Setting>,
}

/// Rounds with the same instruments on. The samples lie in the order of the rounds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    pub name: String,
    /// What the backend was started with.
    pub switches: String,
    pub walls_ns: Vec<u64>,
    /// CPU time of the backend while go waited for it.
    pub cpu_ns: Vec<u64>,
    /// CPU time of the backend after it had released go.
    pub cpu_after_ns: Vec<u64>,
    pub peak_rss_bytes: Vec<u64>,
}

/// How many times longer a build takes: the median of the ratios round by round, and its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    pub ratio: f64,
    pub low: f64,
    pub high: f64,
    pub rounds: usize,
}

impl OverheadRun {
    /// An overhead in which nothing has been measured yet.
    pub fn new(run: &str, started_unix_ns: u64, state: CacheState, packages: &str) -> Self {
        let (run, state, packages) = (run.to_owned(), state.to_string(), packages.to_owned());
        let (go_version, cpu_model, cores) = (String::new(), None, None);
        Self {
            schema: SCHEMA,
            run,
            started_unix_ns,
            state,
            packages,
            go_version,
            cpu_model,
            cores,
            settings: Vec::new(),
        }
    }

    /// Reads the last one in `out`; `None` when there is none that can be read.
    pub fn last(out: &Path) -> Option<Self> {
        let text = std::fs::read(out.join(OVERHEAD_FILE)).ok()?;
        serde_json::from_slice::<Self>(&text).ok().filter(|last| last.schema == SCHEMA)
    }

    /// Writes it into a folder, by rename.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        write_whole(&folder.join(OVERHEAD_FILE), |file| Ok(file.write_all(&text)?))
    }

    /// The price of a setting; `None` with fewer than two rounds.
    pub fn price(&self, name: &str) -> Option<Price> {
        let setting = self.settings.iter().find(|setting| setting.name == name)?;
        let ratios = paired_ratios(&floats(&setting.walls_ns), &floats(&self.settings.first()?.walls_ns));
        let interval = median_interval(&ratios)?;
        Some(Price { ratio: median(&ratios)?, low: interval.low, high: interval.high, rounds: ratios.len() })
    }

    /// Whether there are rounds enough for the line in the reports.
    pub fn tells_a_price(&self) -> bool {
        self.settings.first().is_some_and(|first| first.walls_ns.len() >= FEWEST_ROUNDS)
    }

    /// The table, a row a setting: what the first one takes, and by how much the others differ, round by round.
    pub fn render(&self, view: View) -> String {
        let rows = self.settings.iter().map(|setting| self.row(setting));
        let header = ["instruments on", "wall", "more than none", "cpu", "more than none", "after", "peak", "more"];
        let second = ["", "ms", "", "ms", "ms", "ms", "MB", "MB"];
        let header = header.iter().zip(second).map(|(one, two)| format!("{one}\n{two}")).collect();
        let table = Grid { header, rows: rows.collect(), ..Grid::default() }.render(view);
        format!("{}: go build {}\n\n{table}", self.state, self.packages)
    }

    fn row(&self, setting: &Setting) -> Vec<Cell> {
        let missing = || units::MISSING.to_owned();
        let middle =
            |values: &[u64]| median(&floats(values)).map_or_else(missing, |value| format!("{:.1}", value / 1e6));
        let first = self.settings.first().filter(|first| *first != setting);
        let price = first.and_then(|_| self.price(&setting.name));
        let wall = price.map_or_else(missing, |price| {
            format!("{} ({} to {})", signed(price.ratio), signed(price.low), signed(price.high))
        });
        let cpu = first.and_then(|first| differences(&setting.cpu_ns, &first.cpu_ns));
        let memory = first.and_then(|first| differences(&setting.peak_rss_bytes, &first.peak_rss_bytes));
        let cells = [
            setting.name.clone(),
            middle(&setting.walls_ns),
            wall,
            middle(&setting.cpu_ns),
            cpu.map_or_else(missing, |[middle, low, high]| {
                format!("{} ({} to {})", more(middle), more(low), more(high))
            }),
            middle(&setting.cpu_after_ns),
            middle(&setting.peak_rss_bytes),
            memory.map_or_else(missing, |[middle, ..]| more(middle)),
        ];
        cells.map(Cell::from).to_vec()
    }
}

/// By how many millions the values of a setting exceed those of another, round by round: median and its interval.
fn differences(values: &[u64], bases: &[u64]) -> Option<[f64; 3]> {
    // Rounds without a number leave no pairs.
    let pairs = (values.len() == bases.len()).then(|| values.iter().zip(bases))?;
    let differences: Vec<f64> = pairs.map(|(value, base)| (*value as f64 - *base as f64) / 1e6).collect();
    let interval = median_interval(&differences)?;
    Some([median(&differences)?, interval.low, interval.high])
}

/// The price in one line, as every report has it.
pub fn in_words(last: Option<&OverheadRun>, name: &str, go_version: &str, cpu_model: Option<&str>) -> String {
    let of_here = last.filter(|last| last.go_version == go_version && last.cpu_model.as_deref() == cpu_model);
    let known = of_here.and_then(|last| Some((last, last.price(name)?, last.price("none, again")?)));
    match known.filter(|(_, price, _)| price.rounds >= FEWEST_ROUNDS) {
        Some((last, price, noise)) => format!(
            "The records cost `go build {}` that hits locally {} of its wall time ({} to {}; noise {} to {}; {} rounds: {}).",
            last.packages,
            signed(price.ratio),
            signed(price.low),
            signed(price.high),
            signed(noise.low),
            signed(noise.high),
            price.rounds,
            last.run,
        ),
        None => "What the records cost on this machine has not been measured: `bench overhead` does.".to_owned(),
    }
}

/// A ratio as what it is more than one.
pub fn signed(ratio: f64) -> String {
    format!("{} %", more((ratio - 1.0) * 100.0))
}

fn more(difference: f64) -> String {
    format!("{difference:+.1}").replace('-', "−")
}

fn floats(values: &[u64]) -> Vec<f64> {
    values.iter().map(|value| *value as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overhead() -> OverheadRun {
        let setting = |name: &str, walls_ns: &[u64]| Setting {
            name: name.to_owned(),
            walls_ns: walls_ns.to_vec(),
            cpu_ns: vec![40_000_000; walls_ns.len()],
            ..Setting::default()
        };
        let mut overhead = OverheadRun::new("20261123T000000Z-overhead", 1, CacheState::LocalHit, "std");
        overhead.go_version = "go1.26.8".to_owned();
        overhead.settings = vec![
            setting("none", &[100, 200, 100]),
            setting("none, again", &[101, 200, 99]),
            setting("all", &[102, 206, 101]),
        ];
        overhead
    }

    #[test]
    fn the_price_is_the_median_of_ratios_round_by_round() {
        let price = overhead().price("all").unwrap();
        assert_eq!((price.ratio, price.low, price.high, price.rounds), (1.02, 1.01, 1.03, 3));
        assert_eq!(overhead().price("nothing of that name"), None);
    }

    #[test]
    fn the_line_tells_the_price_of_this_machine_only() {
        let mut overhead = overhead();
        let too_few = in_words(Some(&overhead), "all", "go1.26.8", None);
        assert!(too_few.contains("has not been measured"), "{too_few}");
        for setting in &mut overhead.settings {
            setting.walls_ns = setting.walls_ns.repeat(4);
        }
        let line = in_words(Some(&overhead), "all", "go1.26.8", None);
        assert!(
            line.contains("+2.0 % of its wall time (+1.0 % to +3.0 %; noise −1.0 % to +1.0 %; 12 rounds"),
            "{line}"
        );
        let other = in_words(Some(&overhead), "all", "go1.26.8", Some("another"));
        assert!(other.contains("has not been measured"), "{other}");
        assert_eq!(other, in_words(None, "all", "go1.26.8", None));
    }

    #[test]
    fn it_is_read_back_and_shown_as_a_table() {
        let folder = tempfile::tempdir().unwrap();
        overhead().write(folder.path()).unwrap();
        let last = OverheadRun::last(folder.path()).unwrap();
        assert_eq!(last, overhead());
        let table = last.render(View { width: 100, colour: false });
        for part in ["all", "+2.0 % (+1.0 % to +3.0 %)", "40.0", "+0.0 (+0.0 to +0.0)"] {
            assert!(table.contains(part), "{part}: {table}");
        }
        assert_eq!(OverheadRun::last(&folder.path().join("none")), None);
    }
}
