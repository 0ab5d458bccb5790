//! Numbers as people read them. A column has one unit, chosen by its largest value.

/// What stands for a value that is not there: never 0.
pub const MISSING: &str = "–";

/// Formats the values of one column of nanoseconds in one unit.
pub fn durations(column: &[Option<f64>]) -> Vec<String> {
    scaled(column, &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")])
}

/// Formats the values of one column of bytes in one unit.
pub fn sizes(column: &[Option<f64>]) -> Vec<String> {
    scaled(column, &[(1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")])
}

/// Formats counts: whole unless a median lies between two.
pub fn count(value: Option<f64>) -> String {
    match value {
        None => MISSING.to_owned(),
        Some(value) if value.fract() == 0.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.1}"),
    }
}

/// One duration in the unit that fits it.
pub fn duration(nanoseconds: f64) -> String {
    durations(&[Some(nanoseconds)]).remove(0)
}

/// A share as a percentage with two digits that tell something.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = if percent.abs() < 9.95 { 1 } else { 0 };
    format!("{percent:.decimals$} %")
}

/// A factor of 1 or more with two digits that tell something: `1.3×`, `45×`.
pub fn factor(factor: f64) -> String {
    match factor {
        factor if factor < 1.095 => format!("{factor:.2}×"),
        factor if factor < 9.95 => format!("{factor:.1}×"),
        factor => format!("{factor:.0}×"),
    }
}

fn scaled(column: &[Option<f64>], units: &[(f64, &str)]) -> Vec<String> {
    let largest = column.iter().flatten().fold(0.0_f64, |a, b| a.max(*b));
    let fitting = units.iter().find(|(size, _)| largest >= *size);
    let (size, name) = fitting.or(units.last()).copied().unwrap_or((1.0, ""));
    let smallest = column.iter().flatten().filter(|value| **value > 0.0);
    let smallest = smallest.fold(largest, |a, b| a.min(*b)) / size;
    let decimals = decimals_for(smallest, size);
    let show = |value: &Option<f64>| match value {
        None => MISSING.to_owned(),
        Some(0.0) => format!("0 {name}"),
        Some(value) => format!("{:.decimals$} {name}", value / size),
    };
    column.iter().map(show).collect()
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
    fn a_column_has_one_unit_and_enough_digits_for_its_smallest() {
        let column = [Some(28.04e9), Some(0.262e9), None];
        assert_eq!(durations(&column), ["28.04 s", "0.26 s", "–"]);
        assert_eq!(durations(&[Some(12_300.0), Some(31e6)]), ["0.012 ms", "31.000 ms"]);
        assert_eq!(durations(&[Some(12_300.0)]), ["12.3 µs"]);
        assert_eq!(sizes(&[Some(0.0), Some(44.1e6)]), ["0 B", "44.1 MB"].map(|text| text.replace("0 B", "0 MB")));
        assert_eq!(sizes(&[Some(0.0)]), ["0 B"]);
        assert_eq!(sizes(&[None]), ["–"]);
    }

    #[test]
    fn shares_factors_and_counts() {
        assert_eq!(percent(0.084), "8.4 %");
        assert_eq!(percent(0.15), "15 %");
        assert_eq!(factor(1.042), "1.04×");
        assert_eq!(factor(2.42), "2.4×");
        assert_eq!(factor(107.6), "108×");
        assert_eq!(count(Some(1072.0)), "1072");
        assert_eq!(count(Some(2.5)), "2.5");
        assert_eq!(count(None), "–");
    }
}
