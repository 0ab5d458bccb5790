//! The bandwidth of a link, with its units.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use gocacheprog::config::scaled;

/// How a bandwidth without a limit is written.
const NOT_LIMITED: &str = "not limited";

/// Bytes a second, more than 0. In TOML a number of bytes a second, or a text with a unit: `"200 Mbit/s"`, `"25 MB/s"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Bandwidth(u64);

impl Bandwidth {
    /// As good as no limit.
    pub const WIDE: Bandwidth = Bandwidth(1 << 40);
}

/// Units of a bandwidth, with their bytes a second. Prefixes are powers of ten, as links are sold.
const UNITS: [(&str, f64); 7] = [
    ("B/s", 1.0),
    ("kB/s", 1e3),
    ("MB/s", 1e6),
    ("GB/s", 1e9),
    ("kbit/s", 1e3 / 8.0),
    ("Mbit/s", 1e6 / 8.0),
    ("Gbit/s", 1e9 / 8.0),
];

impl Bandwidth {
    /// Bytes a second.
    pub fn bytes_per_s(self) -> u64 {
        self.0
    }

    /// Time that a byte takes, nanoseconds.
    pub fn ns_a_byte(self) -> f64 {
        1e9 / self.0 as f64
    }

    /// The nearest whole number of bytes a second.
    pub fn nearest(bytes_per_s: f64) -> Bandwidth {
        Bandwidth((bytes_per_s.round() as u64).max(1))
    }

    /// Reads `200 Mbit/s` and the like; the error says what is understood.
    pub fn parse(text: &str) -> Result<Bandwidth, String> {
        let size = |unit: &str| UNITS.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size);
        match scaled(text, size).map(f64::round) {
            Some(bytes) if (1.0..=u64::MAX as f64).contains(&bytes) => Ok(Bandwidth(bytes as u64)),
            _ => {
                let units = UNITS.map(|(name, _)| name).join(", ");
                Err(format!("`{}` is not a bandwidth: give a number and one of {units}", text.trim()))
            }
        }
    }

    fn from_bytes(bytes: i128) -> Result<Bandwidth, String> {
        let bytes = u64::try_from(bytes).ok().filter(|bytes| *bytes > 0);
        bytes.map(Bandwidth).ok_or_else(|| "the bandwidth must be more than 0; leave it out for no limit".to_owned())
    }
}

impl fmt::Display for Bandwidth {
    /// In bits, as links are sold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0 as f64 * 8.0;
        let (size, unit) = match bits {
            bits if bits >= 1e9 => (1e9, "Gbit/s"),
            bits if bits >= 1e6 => (1e6, "Mbit/s"),
            _ => (1e3, "kbit/s"),
        };
        write!(f, "{} {unit}", (bits / size * 100.0).round() / 100.0)
    }
}

/// A bandwidth, or none: `"not limited"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Limit(pub Option<Bandwidth>);

impl Limit {
    /// As tables name it.
    pub fn name(self) -> String {
        self.0.map_or(NOT_LIMITED.to_owned(), |bandwidth| bandwidth.to_string())
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// A text in a scenario; what results hold.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            Result(Option<Bandwidth>),
        }
        let text = match Form::deserialize(deserializer)? {
            Form::Result(limit) => return Ok(Limit(limit)),
            Form::Text(text) if text == NOT_LIMITED => return Ok(Limit(None)),
            Form::Text(text) => text,
        };
        let explain = |error| de::Error::custom(format!("{error}; or `{NOT_LIMITED}`"));
        Bandwidth::parse(&text).map(|bandwidth| Limit(Some(bandwidth))).map_err(explain)
    }
}

impl<'de> Deserialize<'de> for Bandwidth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Bandwidth;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes a second, or a text like \"200 Mbit/s\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bandwidth, E> {
                Bandwidth::parse(text).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Bandwidth, E> {
                Bandwidth::from_bytes(bytes.into()).map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Bandwidth, E> {
                Bandwidth::from_bytes(bytes.into()).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bandwidths_have_units_of_bits_or_bytes() {
        for (text, bytes) in [
            ("200 Mbit/s", 25_000_000),
            ("1 Gbit/s", 125_000_000),
            ("25 MB/s", 25_000_000),
            ("0.1Mbit/s", 12_500),
            ("12_500 B/s", 12_500),
        ] {
            assert_eq!(Bandwidth::parse(text), Ok(Bandwidth(bytes)), "{text}");
        }
        for wrong in ["", "200", "Mbit/s", "200 Mbps", "0 MB/s", "-1 MB/s", "1.2.3 MB/s"] {
            assert!(Bandwidth::parse(wrong).unwrap_err().contains("Mbit/s"), "{wrong}");
        }
    }

    #[test]
    fn a_bandwidth_prints_as_links_are_sold() {
        for text in ["1 Gbit/s", "200 Mbit/s", "50 Mbit/s", "100 kbit/s", "1.5 Mbit/s"] {
            assert_eq!(Bandwidth::parse(text).unwrap().to_string(), text);
        }
    }
}
