//! Durations as people write them: `60s`, `5d`, `1h30m`.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// A day of 24 hours.
pub const DAY: Duration = Duration::from_secs(24 * 3600);

const HOW: &str = "write a number and s, m, h or d, as 60s, 1h30m or 5d";

/// Length of time that `text` names. A number without a unit counts `unit`s.
///
/// # Errors
/// Why `text` is no duration, to follow the word "is".
pub fn duration(text: &str, unit: Duration) -> Result<Duration, String> {
    let text = text.trim().to_ascii_lowercase();
    let wrong = || format!("not a duration ({HOW})");
    if let Ok(number) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(number * unit.as_secs_f64()).map_err(|_| wrong());
    }
    let span: Span = text.parse().map_err(|_| wrong())?;
    let exact = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    Duration::try_from(exact).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_bare_numbers_count_the_unit_of_the_setting() {
        for (text, seconds) in [
            ("0", 0.0),
            ("5", 5.0 * 86_400.0),
            ("0.5", 43_200.0),
            ("60s", 60.0),
            (" 60s\n", 60.0),
            ("90 seconds", 90.0),
            ("500ms", 0.5),
            ("5d", 432_000.0),
            ("5D", 432_000.0),
            ("5 days", 432_000.0),
            ("1d12h", 129_600.0),
            ("1h30m", 5400.0),
            ("2w", 1_209_600.0),
        ] {
            assert_eq!(duration(text, DAY).map(|read| read.as_secs_f64()), Ok(seconds), "{text}");
        }
        assert_eq!(duration("5", Duration::from_secs(1)), Ok(Duration::from_secs(5)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "d", "-1", "-5d", "5d ago", "5 bananas", "inf", "NaN", "1e300", "1 month", "1y"] {
            assert!(duration(text, DAY).unwrap_err().starts_with("not a duration"), "{text}");
        }
    }
}
