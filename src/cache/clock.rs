//! The time of day in whole seconds: exact enough for ages.

use std::fs::Metadata;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now, Unix seconds.
pub fn now_s() -> i64 {
    unix_s(SystemTime::now())
}

/// When a file was last written to, Unix seconds; now where the file system cannot tell.
pub fn modified_s(file: &Metadata) -> i64 {
    file.modified().map_or_else(|_| now_s(), unix_s)
}

fn unix_s(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
    }
}
