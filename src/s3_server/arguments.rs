//! The link's flags, the same for both ways to start the server.

use anyhow::anyhow;

use crate::config::scaled;
use crate::s3_server::link::shaping::LinkSettings;

#[derive(Debug, clap::Args)]
pub(super) struct LinkArgs {
    /// Time to the first byte of each answer on an open connection, milliseconds
    #[arg(long, alias = "rtt-ms", default_value_t = 20.0, value_name = "MS")]
    latency_ms: f64,
    /// The network's part of the latency, milliseconds: a new connection takes that much more, with https twice
    /// [default: 1, or the latency if that is less]
    #[arg(long, value_name = "MS")]
    network_rtt_ms: Option<f64>,
    /// Variation of the latency in both directions, milliseconds
    #[arg(long, default_value_t = 0.0, value_name = "MS")]
    jitter_ms: f64,
    /// Bytes a second in each direction, all connections together, such as 500k or 12M [default: not limited]
    #[arg(long, value_name = "BYTES/S", value_parser = parse_bandwidth)]
    bandwidth: Option<u64>,
}

impl LinkArgs {
    pub(super) fn settings(&self) -> anyhow::Result<LinkSettings> {
        let rtt_ms = self.network_rtt_ms.unwrap_or_else(|| LinkSettings::usual_rtt_ms(self.latency_ms));
        let settings = LinkSettings::from_values(self.latency_ms, rtt_ms, self.jitter_ms, self.bandwidth);
        settings.map_err(|error| {
            anyhow!("{error}\n  next:  change --latency-ms, --network-rtt-ms, --jitter-ms or --bandwidth")
        })
    }
}

fn parse_bandwidth(text: &str) -> Result<u64, String> {
    let size = |unit: &str| match unit {
        "" => Some(1.0),
        "k" | "K" => Some(1e3),
        "m" | "M" => Some(1e6),
        "g" | "G" => Some(1e9),
        _ => None,
    };
    match scaled(text, size) {
        Some(bytes) if bytes.fract() == 0.0 && (1.0..u64::MAX as f64).contains(&bytes) => Ok(bytes as u64),
        _ => Err("give a whole number of bytes a second, such as 500k or 12M".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(clap::Parser)]
    struct Arguments {
        #[command(flatten)]
        link: LinkArgs,
    }

    fn settings(arguments: &[&str]) -> anyhow::Result<LinkSettings> {
        Arguments::parse_from(std::iter::once(&"s3").chain(arguments)).link.settings()
    }

    #[test]
    fn the_round_trip_is_a_part_of_the_latency() {
        assert_eq!(settings(&[]).unwrap(), LinkSettings::SAME_REGION);
        let old_name = settings(&["--rtt-ms", "0"]).unwrap();
        assert_eq!((old_name.first_byte.as_millis(), old_name.round_trip.as_millis()), (0, 0));
        let far = settings(&["--latency-ms", "50", "--network-rtt-ms", "30"]).unwrap();
        assert_eq!((far.first_byte.as_millis(), far.round_trip.as_millis()), (50, 30));
        let error = settings(&["--latency-ms", "1", "--network-rtt-ms", "2"]).unwrap_err().to_string();
        assert!(error.contains("at most the first-byte latency of 1 ms") && error.contains("\n  next:  "), "{error}");
    }

    #[test]
    fn bandwidths_have_suffixes() {
        assert_eq!(parse_bandwidth("12345"), Ok(12_345));
        assert_eq!(parse_bandwidth("500k"), Ok(500_000));
        assert_eq!(parse_bandwidth("12M"), Ok(12_000_000));
        assert_eq!(parse_bandwidth("1.5M"), Ok(1_500_000));
        for wrong in ["", "0", "M", "-1", "1.5", "99999999999G"] {
            assert!(parse_bandwidth(wrong).is_err(), "{wrong}");
        }
    }
}
