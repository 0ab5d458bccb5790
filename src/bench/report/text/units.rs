//! Numbers for people. A column has one unit, chosen by its largest value, unless its values are far apart.

/// The sign for a missing value, which is never shown as 0.
pub const MISSING: &str = "–";

const TIMES: [Unit; 4] = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")];
const SIZES: [Unit; 4] = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")];
/// From this ratio of the largest to the smallest value on, the smaller one would be lost in a common unit.
const APART: f64 = 1000.0;

/// The size of a unit and its name.
type Unit = (f64, &'static str);

/// The cells of a column, and their unit where they share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// None: each cell names its own.
    pub unit: Option<&'static str>,
    pub cells: Vec<String>,
}

/// Formats the values of one column of nanoseconds, units included.
pub fn durations(column: &[Option<f64>]) -> Vec<String> {
    scaled(column, &TIMES).with_units()
}

/// Formats the values of one column of nanoseconds.
pub fn duration_column(column: &[Option<f64>]) -> Column {
    scaled(column, &TIMES)
}

/// Formats the values of one column of bytes.
pub fn size_column(column: &[Option<f64>]) -> Column {
    scaled(column, &SIZES)
}

impl Column {
    fn with_units(self) -> Vec<String> {
        let unit = |cell: String| match self.unit {
            Some(unit) if cell != MISSING => format!("{cell} {unit}"),
            _ => cell,
        };
        self.cells.into_iter().map(unit).collect()
    }
}

/// Formats counts: whole unless a median lies between two.
pub fn count(value: Option<f64>) -> String {
    match value {
        None => MISSING.to_owned(),
        Some(value) if value.fract() == 0.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.1}"),
    }
}

/// A size class in words: `to 64 KiB`.
pub fn size_class(name: &str) -> String {
    name.replace('-', " ").replace("KiB", " KiB").replace("MiB", " MiB")
}

/// The unit of an axis that goes to `largest` nanoseconds: its size and its name.
pub fn time_unit(largest: f64) -> (f64, &'static str) {
    TIMES.into_iter().find(|(size, _)| largest >= *size).unwrap_or(TIMES[TIMES.len() - 1])
}

/// A number on an axis: no more digits than it has.
pub fn tick(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A duration on an axis, with its unit.
pub fn time_tick(nanoseconds: f64) -> String {
    let (size, unit) = time_unit(nanoseconds);
    format!("{} {unit}", tick(nanoseconds / size))
}

/// Bytes as megabytes.
pub fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

/// The memory of a machine.
pub fn gibibytes(bytes: u64) -> String {
    format!("{:.0} GiB", bytes as f64 / f64::from(1 << 30))
}

/// One duration in the unit that fits it.
pub fn duration(nanoseconds: f64) -> String {
    durations(&[Some(nanoseconds)]).remove(0)
}

/// A share as a percentage with two significant digits.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = if percent.abs() < 9.95 { 1 } else { 0 };
    format!("{percent:.decimals$} %")
}

/// The parts of a whole in whole percent that add up to 100: those with the largest remainders are rounded up.
pub fn shares<const N: usize>(parts: [u64; N]) -> [String; N] {
    let whole = parts.iter().sum::<u64>().max(1) as f64;
    let exact = parts.map(|part| 100.0 * part as f64 / whole);
    let mut percent = exact.map(|share| share.floor() as u64);
    let mut by_remainder: Vec<usize> = (0..N).collect();
    by_remainder.sort_by(|one, other| exact[*other].fract().total_cmp(&exact[*one].fract()));
    let lacking = 100_u64.saturating_sub(percent.iter().sum()) as usize;
    for at in by_remainder.into_iter().filter(|at| parts[*at] > 0).take(lacking) {
        percent[at] += 1;
    }
    percent.map(|share| format!("{share} %"))
}

/// A factor of 1 or more with two significant digits: `1.3x`, `45x`.
pub fn factor(factor: f64) -> String {
    match factor {
        factor if factor < 1.095 => format!("{factor:.2}x"),
        factor if factor < 9.95 => format!("{factor:.1}x"),
        factor => format!("{factor:.0}x"),
    }
}

/// A number of things: `1 round`, `3 rounds`.
pub fn counted(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// Durations of nanoseconds with three digits each, all in the unit of the longest, for few numbers in a small space.
pub fn short_durations(column: &[Option<f64>]) -> Vec<String> {
    let (size, unit) = time_unit(column.iter().flatten().copied().fold(0.0, f64::max));
    let show = |value: &Option<f64>| value.map_or(MISSING.to_owned(), |value| three_digits(value / size, unit));
    column.iter().map(show).collect()
}

fn three_digits(value: f64, unit: &str) -> String {
    let decimals = match value {
        value if value >= 99.5 => 0,
        value if value >= 9.95 => 1,
        value if value >= 0.0995 => 2,
        _ => 3,
    };
    format!("{value:.decimals$} {unit}")
}

/// A duration that is only guessed, in words: `20 s`, `1 min 10 s`, `12 min`.
pub fn rough_duration(seconds: f64) -> String {
    let rounded = |step: f64| ((seconds / step).round() * step) as u64;
    match seconds {
        seconds if seconds < 19.5 => format!("{} s", rounded(1.0)),
        seconds if seconds < 57.5 => format!("{} s", rounded(5.0)),
        seconds if seconds < 295.0 => match (rounded(10.0) / 60, rounded(10.0) % 60) {
            (minutes, 0) => format!("{minutes} min"),
            (minutes, rest) => format!("{minutes} min {rest} s"),
        },
        seconds if seconds < 3570.0 => format!("{} min", rounded(60.0) / 60),
        _ => match (rounded(300.0) / 3600, rounded(300.0) % 3600 / 60) {
            (hours, 0) => format!("{hours} h"),
            (hours, minutes) => format!("{hours} h {minutes} min"),
        },
    }
}

fn scaled(column: &[Option<f64>], units: &[Unit]) -> Column {
    let positive = || column.iter().flatten().copied().filter(|value| *value > 0.0);
    let largest = positive().fold(0.0_f64, f64::max);
    let smallest = positive().fold(largest, f64::min);
    if largest > APART * smallest {
        let cells = column.iter().flat_map(|value| scaled(&[*value], units).with_units());
        return Column { unit: None, cells: cells.collect() };
    }
    let fitting = units.iter().find(|(size, _)| largest >= *size);
    let (size, name) = fitting.or(units.last()).copied().unwrap_or((1.0, ""));
    let decimals = decimals_for(smallest / size, size);
    let show = |value: &Option<f64>| match value {
        None => MISSING.to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(value) => format!("{:.decimals$}", value / size),
    };
    Column { unit: Some(name), cells: column.iter().map(show).collect() }
}

/// Enough for two digits of the smallest value, and never more than three decimals.
fn decimals_for(smallest: f64, size: f64) -> usize {
    match smallest {
        _ if size == 1.0 => 0,
        value if value < 0.1 => 3,
        value if value < 1.0 => 2,
        value if value < 100.0 => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_a_whole_add_up() {
        assert_eq!(shares([335, 333, 332]), ["34 %", "33 %", "33 %"]);
        assert_eq!(shares([995, 3, 2, 0]), ["100 %", "0 %", "0 %", "0 %"]);
        assert_eq!(shares([996, 4, 0]), ["100 %", "0 %", "0 %"]);
        assert_eq!(shares([0, 0]), ["0 %", "0 %"]);
    }

    #[test]
    fn a_column_has_one_unit_and_enough_digits_for_its_smallest() {
        let column = [Some(28.04e9), Some(0.262e9), None];
        assert_eq!(durations(&column), ["28.04 s", "0.26 s", "–"]);
        assert_eq!(durations(&[Some(12_300.0)]), ["12.3 µs"]);
        assert_eq!(duration_column(&[Some(2.0e9), None]), Column { unit: Some("s"), cells: texts(&["2.0", "–"]) });
        assert_eq!(size_column(&[Some(0.0), Some(44.1e6)]), Column { unit: Some("MB"), cells: texts(&["0", "44.1"]) });
        assert_eq!(size_column(&[Some(0.0)]), Column { unit: Some("B"), cells: texts(&["0"]) });
        assert_eq!(size_column(&[None]).cells, ["–"]);
    }

    #[test]
    fn values_far_apart_have_units_of_their_own() {
        let column = duration_column(&[Some(12_300.0), Some(42.86e6), Some(0.0), None]);
        assert_eq!(column, Column { unit: None, cells: texts(&["12.3 µs", "42.9 ms", "0 ns", "–"]) });
    }

    fn texts(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn numbers_on_an_axis_have_no_more_digits_than_they_need() {
        assert_eq!([0.0, 0.1 + 0.2, 1.25, 10.0, 200.0].map(tick), ["0", "0.3", "1.25", "10", "200"]);
        assert_eq!([1e3, 20e6, 5e9, 100.0].map(time_tick), ["1 µs", "20 ms", "5 s", "100 ns"]);
        assert_eq!((time_unit(53e9), time_unit(0.0)), ((1e9, "s"), (1.0, "ns")));
    }

    #[test]
    fn shares_factors_and_counts() {
        assert_eq!(percent(0.084), "8.4 %");
        assert_eq!(percent(0.15), "15 %");
        assert_eq!(factor(1.042), "1.04x");
        assert_eq!(factor(2.42), "2.4x");
        assert_eq!(factor(107.6), "108x");
        assert_eq!(count(Some(1072.0)), "1072");
        assert_eq!(count(Some(2.5)), "2.5");
        assert_eq!(count(None), "–");
    }

    #[test]
    fn guessed_durations_are_round() {
        let words = [0.4, 7.2, 43.0, 58.0, 71.0, 120.0, 299.0, 840.0, 3580.0, 9100.0].map(rough_duration);
        let expected = ["0 s", "7 s", "45 s", "1 min", "1 min 10 s", "2 min", "5 min", "14 min", "1 h", "2 h 30 min"];
        assert_eq!(words, expected);
    }

    #[test]
    fn few_numbers_have_one_unit_and_three_digits() {
        let cells = [Some(30.86e9), Some(0.776e9), Some(0.0412e9), None];
        assert_eq!(short_durations(&cells), ["30.9 s", "0.78 s", "0.041 s", "–"]);
        assert_eq!(short_durations(&[Some(366e6), Some(20.13e6)]), ["366 ms", "20.1 ms"]);
        assert_eq!((counted(1, "round"), counted(2, "round")), ("1 round".to_owned(), "2 rounds".to_owned()));
    }
}
