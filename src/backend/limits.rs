//! How large the local store may grow: flags, their texts, and their defaults.

use crate::cache::Limits;

const DAY_S: i64 = 24 * 3600;

/// What the local store may hold.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct LimitArgs {
    /// What was not used for so many days leaves the local store; 0: nothing does
    #[arg(long, value_name = "DAYS", env = "CACHEPROG_MAX_AGE", default_value = "5", value_parser = clap::value_parser!(u32))]
    pub max_age: u32,
    /// The local store's size, as 500M or 10G: the least recently used leaves; 0: no limit. What was used in the last day
    /// stays in any case
    #[arg(long, value_name = "SIZE", env = "CACHEPROG_MAX_SIZE", default_value = "10G", value_parser = bytes)]
    pub max_size: u64,
}

impl LimitArgs {
    /// As the store knows them.
    pub fn limits(&self) -> Limits {
        Limits {
            max_age_s: (self.max_age > 0).then(|| i64::from(self.max_age) * DAY_S),
            max_bytes: (self.max_size > 0).then_some(self.max_size),
        }
    }
}

/// Reads a size: a whole number, and a unit of powers of 1024.
fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.to_ascii_uppercase().trim_end_matches("IB") {
        "" if !unit.is_empty() => None,
        "" | "B" => Some(0),
        "K" => Some(10),
        "M" => Some(20),
        "G" => Some(30),
        "T" => Some(40),
        _ => None,
    };
    let (Ok(number), Some(shift)) = (number.parse::<u64>(), shift) else {
        return Err("not a size: write a whole number and K, M, G or T, as 10G".to_owned());
    };
    number.checked_mul(1 << shift).ok_or_else(|| "more bytes than there are".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, expected) in [
            ("0", 0),
            ("123", 123),
            ("123B", 123),
            ("2K", 2048),
            ("2k", 2048),
            ("500M", 500 << 20),
            ("10G", 10 << 30),
            ("10GiB", 10 << 30),
            ("1T", 1 << 40),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "G", "-1", "1.5G", "10 G", "10X", "10GB", "1iB", "99999999999999999999", "99999999T"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn zero_is_no_limit() {
        let none = LimitArgs { max_age: 0, max_size: 0 }.limits();
        assert_eq!(none, Limits { max_age_s: None, max_bytes: None });
        let some = LimitArgs { max_age: 5, max_size: 7 }.limits();
        assert_eq!(some, Limits { max_age_s: Some(432_000), max_bytes: Some(7) });
    }
}
