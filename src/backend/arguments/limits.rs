//! How large the local store and the records may grow.

use std::time::Duration;

use crate::cache::Limits;
use crate::config::{DAY, count, duration, size};
use crate::telemetry::Keep;

const LIMITS: &str = "Limits";

/// The longest age, in days: more is a typing error, and the store counts in whole seconds.
const MOST_DAYS: u32 = u32::MAX;

/// Limits of the local store.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct LimitArgs {
    /// Remove from the local store what was not used for so long: a number of days, or a duration as 5d or 12h; 0: nothing
    #[arg(long, value_name = "TIME", env = "CACHEPROG_MAX_AGE", default_value = "5d", value_parser = age, help_heading = LIMITS)]
    pub max_age: Duration,
    /// The local store's size, as 500MB or 10G (GB is 10^9 bytes, G and GiB are 2^30): the least recently used leaves; 0: no
    /// limit. What was used in the last day stays in any case
    #[arg(long, value_name = "SIZE", env = "CACHEPROG_MAX_SIZE", default_value = "10G", value_parser = size, help_heading = LIMITS)]
    pub max_size: u64,
}

impl LimitArgs {
    /// As the store knows them.
    pub fn limits(&self) -> Limits {
        let mut limits = Limits { max_age_s: None, max_bytes: None };
        if !self.max_age.is_zero() {
            limits.max_age_s = Some(self.max_age.as_secs().cast_signed());
        }
        if self.max_size > 0 {
            limits.max_bytes = Some(self.max_size);
        }
        limits
    }
}

/// How many records stay.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct KeepArgs {
    /// How many sessions keep their records: older ones are removed when a session ends; 0: no limit
    #[arg(long, value_name = "N", env = "CACHEPROG_KEEP_SESSIONS", default_value = "100", value_parser = count, help_heading = LIMITS)]
    pub keep_sessions: usize,
    /// How large the records of all sessions may be, as 256MB or 1G; 0: no limit. Those of the newest session stay in any
    /// case
    #[arg(long, value_name = "SIZE", env = "CACHEPROG_KEEP_RECORDS", default_value = "256MB", value_parser = size, help_heading = LIMITS)]
    pub keep_records: u64,
}

impl KeepArgs {
    /// As the records know it.
    pub fn keep(&self) -> Keep {
        let mut keep = Keep { sessions: None, bytes: None };
        if self.keep_sessions > 0 {
            keep.sessions = Some(self.keep_sessions);
        }
        if self.keep_records > 0 {
            keep.bytes = Some(self.keep_records);
        }
        keep
    }
}

fn age(text: &str) -> Result<Duration, String> {
    let age = duration(text, DAY)?;
    if age > DAY * MOST_DAYS { Err(format!("more than {MOST_DAYS} days")) } else { Ok(age) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_days_or_have_a_unit() {
        for (text, days) in [("5", 5.0), ("5d", 5.0), ("12h", 0.5), ("0", 0.0), ("4294967295", 4_294_967_295.0)] {
            assert_eq!(age(text), Ok(DAY.mul_f64(days)), "{text}");
        }
        for text in ["4294967296", "-1", "5 bananas"] {
            assert!(age(text).is_err(), "{text}");
        }
    }

    #[test]
    fn zero_is_no_limit() {
        let none = LimitArgs { max_age: Duration::ZERO, max_size: 0 }.limits();
        assert_eq!(none, Limits { max_age_s: None, max_bytes: None });
        let some = LimitArgs { max_age: 5 * DAY, max_size: 7 }.limits();
        assert_eq!(some, Limits { max_age_s: Some(432_000), max_bytes: Some(7) });
        let none = KeepArgs { keep_sessions: 0, keep_records: 0 }.keep();
        assert_eq!(none, Keep { sessions: None, bytes: None });
        let some = KeepArgs { keep_sessions: 3, keep_records: 7 }.keep();
        assert_eq!(some, Keep { sessions: Some(3), bytes: Some(7) });
    }
}
