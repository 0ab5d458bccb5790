//! What can be made otherwise than it is: `bench` plants bottlenecks with it, and asks what a change would bring.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::serde_util::is_default;

/// No wait is longer, milliseconds: a typing error.
const MOST_MS: i128 = 60_000;
/// What each of thousands of requests may leave behind.
const MOST_LEAK_KIB: i128 = 64 << 10;

/// The changes. By default there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Knobs {
    /// A file is on the disk itself before it gets its name.
    #[serde(skip_serializing_if = "is_default")]
    pub sync: bool,
    /// That takes so much longer: hosts with a fast disk have none that is slow.
    #[serde(skip_serializing_if = "is_default")]
    pub sync_ms: Option<u64>,
    /// What comes from the remote is not checked.
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
    /// Both waits before what is fetched is tried again.
    #[serde(skip_serializing_if = "is_default")]
    pub back_off_ms: Option<u64>,
    /// So much later comes the handshake.
    #[serde(skip_serializing_if = "is_default")]
    pub handshake_ms: Option<u64>,
    /// One lock around all that waits for the remote.
    #[serde(skip_serializing_if = "is_default")]
    pub lock: bool,
    /// stdin is not read while a request waits for the remote.
    #[serde(skip_serializing_if = "is_default")]
    pub blocked_reader: bool,
    /// Memory that each request leaves behind.
    #[serde(skip_serializing_if = "is_default")]
    pub leak_kib: Option<usize>,
}

impl Knobs {
    /// Whether files are synced, and how much longer that takes than it does.
    pub fn syncs(&self) -> Option<Duration> {
        self.sync.then(|| Duration::from_millis(self.sync_ms.unwrap_or(0)))
    }

    /// As the backend's command line takes them; `None` where nothing is changed.
    pub fn argument(&self) -> Option<String> {
        let argument = || serde_json::to_string(self).expect("numbers and flags can be written");
        (*self != Self::default()).then(argument)
    }

    /// What is wrong with its numbers, if anything.
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

impl FromStr for Knobs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let knobs: Knobs = serde_json::from_str(text).map_err(|error| error.to_string())?;
        knobs.check().map(|()| knobs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_names_only_what_is_changed_and_comes_back() {
        assert_eq!(Knobs::default().argument(), None);
        let knobs = Knobs { sync: true, connections: Some(1), ..Knobs::default() };
        let argument = knobs.argument().unwrap();
        assert_eq!(argument, r#"{"sync":true,"connections":1}"#);
        assert_eq!(argument.parse(), Ok(knobs));
        let error = "{\"leak_kib\":18446744073709551615}".parse::<Knobs>().unwrap_err();
        assert_eq!(error, "`leak_kib` is 18446744073709551615, and must be 0 to 65536");
        assert!("{\"synk\":true}".parse::<Knobs>().unwrap_err().contains("synk"));
    }
}
