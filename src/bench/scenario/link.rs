//! The link between the backend and the embedded S3 server, as scenarios write it: latency, jitter, bandwidth.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use gocacheprog::config::scaled;

/// How a bandwidth without a limit is written.
const NOT_LIMITED: &str = "not limited";

/// The link between the backend and the embedded S3 server.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Link {
    /// Time until the first byte of an answer, in milliseconds.
    pub latency_ms: f64,
    /// How far single answers deviate from `latency_ms`, in milliseconds.
    pub jitter_ms: f64,
    /// Bandwidth of bodies, in each direction; without it the bandwidth is not limited.
    #[serde(rename(serialize = "bandwidth_bytes_per_s"), alias = "bandwidth_bytes_per_s")]
    pub bandwidth: Option<Bandwidth>,
}

/// The values that one case changes in the link of its scenario.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkChange {
    pub latency_ms: Option<f64>,
    pub jitter_ms: Option<f64>,
    pub bandwidth: Option<Bandwidth>,
}

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

/// No link is slower than this, milliseconds: a typing error.
const MOST_MS: f64 = 60_000.0;

impl Default for Link {
    fn default() -> Self {
        Link { latency_ms: 20.0, jitter_ms: 0.0, bandwidth: None }
    }
}

impl Link {
    /// A link that adds nothing to what loopback takes.
    pub const NONE: Link = Link { latency_ms: 0.0, jitter_ms: 0.0, bandwidth: None };

    /// This link with what a case changes.
    pub fn with(self, change: LinkChange) -> Link {
        Link {
            latency_ms: change.latency_ms.unwrap_or(self.latency_ms),
            jitter_ms: change.jitter_ms.unwrap_or(self.jitter_ms),
            bandwidth: change.bandwidth.or(self.bandwidth).filter(|bandwidth| *bandwidth != Bandwidth::WIDE),
        }
    }

    /// `first byte 20 ms, jitter 0 ms, bandwidth not limited`.
    pub fn words(&self) -> String {
        let bandwidth = Limit(self.bandwidth).name();
        format!("first byte {} ms, jitter {} ms, bandwidth {bandwidth}", self.latency_ms, self.jitter_ms)
    }

    /// The bytes a second that its bandwidth lets pass; `None`: not limited.
    pub fn bytes_per_s(&self) -> Option<u64> {
        self.bandwidth.map(|Bandwidth(bytes)| bytes)
    }

    /// Checks its numbers; the error names the first that is wrong.
    pub fn check(&self) -> Result<(), String> {
        let times = [("latency_ms", self.latency_ms), ("jitter_ms", self.jitter_ms)];
        match times.into_iter().find(|(_, ms)| !(0.0..=MOST_MS).contains(ms)) {
            Some((name, ms)) => Err(format!("`{name}` is {ms:?}, and must be 0 to {MOST_MS}")),
            None => Ok(()),
        }
    }
}

impl Bandwidth {
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

    #[test]
    fn in_toml_it_is_a_number_or_a_text_and_results_hold_the_number() {
        let link = |text: &str| toml::from_str::<Link>(text);
        let as_text = link("bandwidth = \"200 Mbit/s\"").unwrap();
        assert_eq!(as_text, link("bandwidth_bytes_per_s = 25_000_000").unwrap());
        let json = serde_json::to_value(as_text).unwrap();
        assert_eq!(json["bandwidth_bytes_per_s"], 25_000_000);
        assert!(link("bandwidth = 0").unwrap_err().to_string().contains("more than 0"));
        assert!(link("bandwidth = true").is_err());
    }

    #[test]
    fn a_case_changes_only_what_it_names() {
        let link = Link { latency_ms: 20.0, jitter_ms: 2.0, bandwidth: None };
        let change = LinkChange { latency_ms: Some(0.0), ..LinkChange::default() };
        assert_eq!(link.with(change), Link { latency_ms: 0.0, ..link });
    }
}
