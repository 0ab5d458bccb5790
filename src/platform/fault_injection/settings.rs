//! Fault-injection settings of the backend: `bench` injects bottlenecks with them, and measures what a change would bring.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::serde_util::is_default;

/// Longest wait, milliseconds: more is a typing error.
const MOST_MS: i128 = 60_000;
/// Most that each of thousands of requests may leave behind, KiB.
const MOST_LEAK_KIB: i128 = 64 << 10;

/// Deviations from how the backend works. By default there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct FaultSettings {
    /// A file is synced to the disk before it gets its name.
    #[serde(skip_serializing_if = "is_default")]
    pub sync: bool,
    /// Added to each sync, milliseconds: a host with a fast disk has no slow one.
    #[serde(skip_serializing_if = "is_default")]
    pub sync_ms: Option<u64>,
    /// Bodies from the remote are not verified.
    #[serde(skip_serializing_if = "is_default")]
    pub no_verify: bool,
    /// Nothing is uploaded.
    #[serde(skip_serializing_if = "is_default")]
    pub no_upload: bool,
    /// Packs that are fetched at the same time.
    #[serde(skip_serializing_if = "is_default")]
    pub connections: Option<usize>,
    /// zstd's level in packs.
    #[serde(skip_serializing_if = "is_default")]
    pub zstd_level: Option<i32>,
    /// Both waits before a failed fetch is tried again, milliseconds.
    #[serde(skip_serializing_if = "is_default")]
    pub back_off_ms: Option<u64>,
    /// Delay of the handshake, milliseconds.
    #[serde(skip_serializing_if = "is_default")]
    pub handshake_ms: Option<u64>,
    /// One lock around all that waits for the remote.
    #[serde(skip_serializing_if = "is_default")]
    pub lock: bool,
    /// stdin is not read while a request waits for the remote.
    #[serde(skip_serializing_if = "is_default")]
    pub blocked_reader: bool,
    /// Memory that each request leaves behind, KiB.
    #[serde(skip_serializing_if = "is_default")]
    pub leak_kib: Option<usize>,
}

impl FaultSettings {
    /// Time that is added to each sync of a file; `None` where files are not synced.
    pub fn syncs(&self) -> Option<Duration> {
        self.sync.then(|| Duration::from_millis(self.sync_ms.unwrap_or(0)))
    }

    /// The settings as the backend's command line takes them; `None` where none differs from its default.
    pub fn argument(&self) -> Option<String> {
        let argument = || serde_json::to_string(self).expect("numbers and flags can be written");
        (*self != Self::default()).then(argument)
    }

    /// Checks that the numbers are in their ranges.
    ///
    /// # Errors
    /// The first that is out of its range, with that range.
    pub fn check(&self) -> Result<(), String> {
        // Without a connection no pack ever comes, and each get waits for it in vain.
        let numbers = [
            ("connections", self.connections.map(|number| number as i128), 1..=256),
            ("zstd_level", self.zstd_level.map(i128::from), -7..=22),
            ("back_off_ms", self.back_off_ms.map(i128::from), 0..=MOST_MS),
            ("sync_ms", self.sync_ms.map(i128::from), 0..=MOST_MS),
            ("handshake_ms", self.handshake_ms.map(i128::from), 0..=MOST_MS),
            ("leak_kib", self.leak_kib.map(|number| number as i128), 0..=MOST_LEAK_KIB),
        ];
        let is_wrong =
            |number: &Option<i128>, range: &RangeInclusive<i128>| number.is_some_and(|n| !range.contains(&n));
        match numbers.into_iter().find(|(_, number, range)| is_wrong(number, range)) {
            Some((name, number, range)) => {
                let (low, high) = range.into_inner();
                Err(format!("`{name}` is {}, and must be {low} to {high}", number.unwrap_or_default()))
            }
            None => Ok(()),
        }
    }
}

impl FromStr for FaultSettings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let settings: FaultSettings = serde_json::from_str(text).map_err(|error| error.to_string())?;
        settings.check().map(|()| settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_names_only_what_is_changed_and_comes_back() {
        assert_eq!(FaultSettings::default().argument(), None);
        let settings = FaultSettings { sync: true, connections: Some(1), ..FaultSettings::default() };
        let argument = settings.argument().unwrap();
        assert_eq!(argument, r#"{"sync":true,"connections":1}"#);
        assert_eq!(argument.parse(), Ok(settings));
        let error = "{\"leak_kib\":18446744073709551615}".parse::<FaultSettings>().unwrap_err();
        assert_eq!(error, "`leak_kib` is 18446744073709551615, and must be 0 to 65536");
        assert!("{\"synk\":true}".parse::<FaultSettings>().unwrap_err().contains("synk"));
    }
}
