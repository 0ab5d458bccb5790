//! Sizes and numbers as people read them.

const UNITS: [(f64, &str); 4] = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")];

/// A size in the largest unit that fits, as in `17.2 MB`; bytes below a thousand.
pub fn shown_bytes(bytes: u64) -> String {
    // What rounds up to 1000 belongs to the next unit.
    match UNITS.iter().find(|(unit, _)| bytes as f64 >= unit * 0.99995) {
        Some((unit, name)) if bytes >= 1000 => format!("{:.1} {name}", bytes as f64 / unit),
        _ => counted(bytes, "byte"),
    }
}

/// A number with its noun, in the plural where it is not one: `1 session`, `2 bodies`.
pub fn counted(count: u64, noun: &str) -> String {
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_the_largest_unit_that_fits() {
        let shown = [0, 1, 999, 1000, 17_249_000, 999_960, 2_500_000_000, u64::MAX].map(shown_bytes);
        let expected = ["0 bytes", "1 byte", "999 bytes", "1.0 kB", "17.2 MB", "1.0 MB", "2.5 GB", "18446744.1 TB"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn one_is_singular() {
        assert_eq!([counted(0, "file"), counted(1, "body"), counted(2, "body")], ["0 files", "1 body", "2 bodies"]);
    }
}
