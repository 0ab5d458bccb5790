//! The link's flags, the same for both ways to start the server.

use crate::s3_server::link::shaping::LinkSettings;

#[derive(Debug, clap::Args)]
pub(super) struct LinkArgs {
    /// Time to the first byte of each answer, milliseconds
    #[arg(long, default_value_t = 20.0, value_name = "MS")]
    rtt_ms: f64,
    /// Variation of the latency in both directions, milliseconds
    #[arg(long, default_value_t = 0.0, value_name = "MS")]
    jitter_ms: f64,
    /// Bytes a second in each direction, all connections together, such as 500k or 12M [default: not limited]
    #[arg(long, value_name = "BYTES/S", value_parser = parse_bandwidth)]
    bandwidth: Option<u64>,
}

impl LinkArgs {
    pub(super) fn settings(&self) -> anyhow::Result<LinkSettings> {
        LinkSettings::from_values(self.rtt_ms, self.jitter_ms, self.bandwidth).map_err(anyhow::Error::msg)
    }
}

fn parse_bandwidth(text: &str) -> Result<u64, String> {
    let factor = match text.chars().last() {
        Some('k' | 'K') => 1_000,
        Some('m' | 'M') => 1_000_000,
        Some('g' | 'G') => 1_000_000_000,
        _ => 1,
    };
    let digits = if factor == 1 { text } else { &text[..text.len() - 1] };
    let number: Option<u64> = digits.parse().ok();
    number
        .and_then(|number| number.checked_mul(factor))
        .filter(|bandwidth| *bandwidth > 0)
        .ok_or_else(|| "give a whole number of bytes a second, such as 500k or 12M".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bandwidths_have_suffixes() {
        assert_eq!(parse_bandwidth("12345"), Ok(12_345));
        assert_eq!(parse_bandwidth("500k"), Ok(500_000));
        assert_eq!(parse_bandwidth("12M"), Ok(12_000_000));
        for wrong in ["", "0", "M", "-1", "1.5M", "99999999999G"] {
            assert!(parse_bandwidth(wrong).is_err(), "{wrong}");
        }
    }
}
