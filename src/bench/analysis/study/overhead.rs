//! The overhead of each instrument of the backend, from the samples of `bench overhead`.

use crate::analysis::statistics::stats::{median, median_interval, paired_ratios};
use crate::results::environment::Environment;
use crate::results::overhead::{AGAIN, OverheadRun, Setting};
use crate::results::run::RecordOverhead;

/// With fewer rounds the interval is as wide as the range of the samples, or nearly.
pub const FEWEST_ROUNDS: usize = 10;

/// The wall time of a setting as a multiple of the first one's: the median of the ratios round by round, and its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overhead {
    pub ratio: f64,
    pub low: f64,
    pub high: f64,
    pub rounds: usize,
}

/// The overhead of the setting of this name; None with fewer than two rounds.
pub fn of_setting(run: &OverheadRun, name: &str) -> Option<Overhead> {
    let setting = run.settings.iter().find(|setting| setting.name == name)?;
    let ratios = paired_ratios(&floats(&setting.walls_ns), &floats(&run.settings.first()?.walls_ns));
    let interval = median_interval(&ratios)?;
    Some(Overhead { ratio: median(&ratios)?, low: interval.low, high: interval.high, rounds: ratios.len() })
}

/// The overhead of a setting on this machine, by the last measurement; None where that was on another one, or had too few rounds.
pub fn of_records(last: &OverheadRun, name: &str, environment: &Environment) -> Option<RecordOverhead> {
    let is_here = (&last.go_version, &last.cpu_model) == (&environment.go_version, &environment.cpu_model);
    let (overhead, noise) = (of_setting(last, name)?, of_setting(last, AGAIN)?);
    (is_here && has_enough_rounds(last)).then(|| RecordOverhead {
        run: last.run.clone(),
        packages: last.packages.clone(),
        rounds: overhead.rounds,
        ratio: overhead.ratio,
        interval: [overhead.low, overhead.high],
        noise: [noise.low, noise.high],
    })
}

/// True if reports of later runs may show its overhead.
pub fn has_enough_rounds(run: &OverheadRun) -> bool {
    run.settings.first().is_some_and(|first: &Setting| first.walls_ns.len() >= FEWEST_ROUNDS)
}

/// The difference between two settings in millions, round by round: median and both ends of its interval.
pub fn differences(values: &[u64], bases: &[u64]) -> Option<[f64; 3]> {
    if values.len() != bases.len() {
        return None; // rounds without a number leave no pairs
    }
    let pairs = values.iter().zip(bases);
    let differences: Vec<f64> = pairs.map(|(value, base)| (*value as f64 - *base as f64) / 1e6).collect();
    let interval = median_interval(&differences)?;
    Some([median(&differences)?, interval.low, interval.high])
}

/// The median of samples.
pub fn middle(values: &[u64]) -> Option<f64> {
    median(&floats(values))
}

fn floats(values: &[u64]) -> Vec<f64> {
    values.iter().map(|value| *value as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::environment::tests::environment;
    use crate::results::overhead::tests::overhead;

    #[test]
    fn the_overhead_is_the_median_of_ratios_round_by_round() {
        let found = of_setting(&overhead(), "all").unwrap();
        assert_eq!((found.ratio, found.low, found.high, found.rounds), (1.02, 1.01, 1.03, 3));
        assert_eq!(of_setting(&overhead(), "nothing of that name"), None);
    }

    #[test]
    fn reports_have_the_overhead_of_this_machine_from_ten_rounds_on() {
        let mut overhead = overhead();
        assert_eq!(of_records(&overhead, "all", &environment()), None);
        for setting in &mut overhead.settings {
            setting.walls_ns = setting.walls_ns.repeat(4);
        }
        let found = of_records(&overhead, "all", &environment()).unwrap();
        assert_eq!((found.ratio, found.interval, found.noise, found.rounds), (1.02, [1.01, 1.03], [0.99, 1.01], 12));
        let another = Environment { cpu_model: Some("another".to_owned()), ..environment() };
        assert_eq!(of_records(&overhead, "all", &another), None);
    }
}
