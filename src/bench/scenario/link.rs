//! The link between the backend and the embedded S3 server, as scenarios write it: latency, round trip, jitter, bandwidth.

pub mod bandwidth;

use serde::{Deserialize, Serialize};

use crate::scenario::link::bandwidth::{Bandwidth, Limit};
use gocacheprog::s3_server::LinkSettings;

/// The link between the backend and the embedded S3 server.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(from = "WrittenLink", deny_unknown_fields)]
pub struct Link {
    /// Time until the first byte of an answer on an open connection, in milliseconds.
    pub latency_ms: f64,
    /// The part of `latency_ms` that is a round trip over the network, in milliseconds: the handshake of TCP costs one more for
    /// each new connection, and that of TLS another one. At most `latency_ms`.
    pub rtt_ms: f64,
    /// How far single answers deviate from `latency_ms`, in milliseconds.
    pub jitter_ms: f64,
    /// Bandwidth of bodies, in each direction; without it the bandwidth is not limited.
    #[serde(rename(serialize = "bandwidth_bytes_per_s"))]
    pub bandwidth: Option<Bandwidth>,
}

/// A link as a scenario or a result holds it.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, serde::Serialize))]
#[serde(deny_unknown_fields, default)]
struct WrittenLink {
    latency_ms: f64,
    rtt_ms: Option<f64>,
    jitter_ms: f64,
    #[serde(alias = "bandwidth_bytes_per_s")]
    bandwidth: Option<Bandwidth>,
}

/// The values that one case changes in the link of its scenario.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkChange {
    pub latency_ms: Option<f64>,
    pub rtt_ms: Option<f64>,
    pub jitter_ms: Option<f64>,
    pub bandwidth: Option<Bandwidth>,
}

/// No link is slower than this, milliseconds: a typing error.
const MOST_MS: f64 = 60_000.0;

impl Default for WrittenLink {
    fn default() -> Self {
        WrittenLink { latency_ms: 20.0, rtt_ms: None, jitter_ms: 0.0, bandwidth: None }
    }
}

impl From<WrittenLink> for Link {
    fn from(written: WrittenLink) -> Link {
        let WrittenLink { latency_ms, rtt_ms, jitter_ms, bandwidth } = written;
        let rtt_ms = rtt_ms.unwrap_or_else(|| LinkSettings::usual_rtt_ms(latency_ms));
        Link { latency_ms, rtt_ms, jitter_ms, bandwidth }
    }
}

impl Default for Link {
    fn default() -> Self {
        Link::from(WrittenLink::default())
    }
}

impl Link {
    /// A link that adds nothing to what loopback takes.
    pub const NONE: Link = Link { latency_ms: 0.0, rtt_ms: 0.0, jitter_ms: 0.0, bandwidth: None };

    /// This link with another latency. The round trip stays what it is, but at most the latency; where it is the usual one
    /// for its latency, it is the usual one for the other latency too.
    pub fn with_latency(self, latency_ms: f64) -> Link {
        let is_usual = self.rtt_ms == LinkSettings::usual_rtt_ms(self.latency_ms);
        let rtt_ms = if is_usual { LinkSettings::usual_rtt_ms(latency_ms) } else { self.rtt_ms.min(latency_ms) };
        Link { latency_ms, rtt_ms, ..self }
    }

    /// This link with what a case changes. The round trip is at most the latency.
    pub fn with(self, change: LinkChange) -> Link {
        let link = self.with_latency(change.latency_ms.unwrap_or(self.latency_ms));
        Link {
            rtt_ms: change.rtt_ms.map_or(link.rtt_ms, |rtt_ms| rtt_ms.min(link.latency_ms)),
            jitter_ms: change.jitter_ms.unwrap_or(self.jitter_ms),
            bandwidth: change.bandwidth.or(self.bandwidth).filter(|bandwidth| *bandwidth != Bandwidth::WIDE),
            ..link
        }
    }

    /// `first byte 20 ms, round trip 1 ms, jitter 0 ms, bandwidth not limited`.
    pub fn words(&self) -> String {
        let Link { latency_ms, rtt_ms, jitter_ms, bandwidth } = *self;
        let bandwidth = Limit(bandwidth).name();
        format!("first byte {latency_ms} ms, round trip {rtt_ms} ms, jitter {jitter_ms} ms, bandwidth {bandwidth}")
    }

    /// The bytes a second that its bandwidth lets pass; `None`: not limited.
    pub fn bytes_per_s(&self) -> Option<u64> {
        self.bandwidth.map(Bandwidth::bytes_per_s)
    }

    /// Checks its numbers; the error names the first that is wrong.
    pub fn check(&self) -> Result<(), String> {
        let Link { latency_ms, rtt_ms, jitter_ms, .. } = *self;
        let times = [("latency_ms", latency_ms), ("rtt_ms", rtt_ms), ("jitter_ms", jitter_ms)];
        if let Some((name, ms)) = times.into_iter().find(|(_, ms)| !(0.0..=MOST_MS).contains(ms)) {
            return Err(format!("`{name}` is {ms:?}, and must be 0 to {MOST_MS}"));
        }
        if rtt_ms > latency_ms {
            return Err(format!(
                "`rtt_ms` is {rtt_ms:?}, and must be at most `latency_ms` ({latency_ms:?}): the round trip is a part of the latency"
            ));
        }
        Ok(())
    }
}

impl LinkChange {
    /// Checks its numbers as changes of the link of a scenario; the error names the first that is wrong.
    pub fn check(self, of: Link) -> Result<(), String> {
        let link = of.with(self);
        Link { rtt_ms: self.rtt_ms.unwrap_or(link.rtt_ms), ..link }.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let link = Link { latency_ms: 20.0, rtt_ms: 5.0, jitter_ms: 2.0, bandwidth: None };
        let change = LinkChange { bandwidth: Some(Bandwidth::nearest(9.0)), ..LinkChange::default() };
        assert_eq!(link.with(change), Link { bandwidth: Some(Bandwidth::nearest(9.0)), ..link });
        let change = LinkChange { rtt_ms: Some(7.0), ..LinkChange::default() };
        assert_eq!(link.with(change), Link { rtt_ms: 7.0, ..link });
    }

    #[test]
    fn the_round_trip_follows_the_latency() {
        let link = |text: &str| toml::from_str::<Link>(text).unwrap();
        let rtts = ["", "latency_ms = 0", "latency_ms = 0.5", "rtt_ms = 7"].map(|text| link(text).rtt_ms);
        assert_eq!(rtts, [1.0, 0.0, 0.5, 7.0]);
        let at = |text: &str, latency_ms| link(text).with_latency(latency_ms).rtt_ms;
        assert_eq!([at("", 0.0), at("", 50.0), at("latency_ms = 0", 50.0)], [0.0, 1.0, 1.0]);
        assert_eq!([at("rtt_ms = 7", 50.0), at("rtt_ms = 7", 5.0), at("rtt_ms = 0", 50.0)], [7.0, 5.0, 0.0]);
        let json = serde_json::to_value(link("rtt_ms = 0")).unwrap();
        assert_eq!(serde_json::from_value::<Link>(json).unwrap(), link("rtt_ms = 0"));
    }

    #[test]
    fn a_round_trip_is_at_most_the_latency() {
        let check = |text: &str| toml::from_str::<Link>(text).unwrap().check();
        assert_eq!(check("rtt_ms = 20"), Ok(()));
        let error = check("latency_ms = 2\nrtt_ms = 3").unwrap_err();
        assert_eq!(
            error,
            "`rtt_ms` is 3.0, and must be at most `latency_ms` (2.0): the round trip is a part of the latency"
        );
        assert!(check("rtt_ms = -1").unwrap_err().contains("0 to 60000"));
        let change = |rtt_ms| LinkChange { latency_ms: Some(2.0), rtt_ms: Some(rtt_ms), ..LinkChange::default() };
        assert_eq!(change(2.0).check(Link::default()), Ok(()));
        assert!(change(3.0).check(Link::default()).unwrap_err().contains("at most `latency_ms` (2.0)"));
        assert_eq!(Link::default().with(change(3.0)).rtt_ms, 2.0, "as with a lower `--rtt` than the scenario has");
    }
}
