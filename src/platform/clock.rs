//! The time of day. All of the project reads it here.

use std::fs::Metadata;
use std::time::{SystemTime, UNIX_EPOCH};

/// The current time in Unix seconds: exact enough for ages.
pub fn now_s() -> i64 {
    unix_s(SystemTime::now())
}

/// The current time in Unix nanoseconds.
pub fn now_unix_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}

/// Time of the last write to a file in Unix seconds; now where the file system cannot tell.
pub fn modified_s(file: &Metadata) -> i64 {
    file.modified().map_or_else(|_| now_s(), unix_s)
}

fn unix_s(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
    }
}
