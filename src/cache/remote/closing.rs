//! The line that a session says at its end, where it did without the remote.

use std::sync::atomic::Ordering;

use crate::cache::remote::error::RemoteError;
use crate::cache::remote::memory::Memory;
use crate::cache::remote::store::Remote;

impl Remote {
    /// Why the session did without the remote or some of its outputs are not there, in one line; `None` where neither is so.
    /// `left`: entries that are not uploaded yet.
    pub fn closing_line(&self, left: u64) -> Option<String> {
        let outputs = if left == 1 { "1 output".to_owned() } else { format!("{left} outputs") };
        let later = if left > 0 { format!("; {outputs} will be uploaded by a later one") } else { String::new() };
        if let Some(reason) = self.off_reason() {
            let when = remembered_since(self.memory.as_ref(), self.was_off_before());
            return Some(format!("S3 is off for this build{when}: {reason}{later}"));
        }
        if let Some(reason) = self.first_reason.get() {
            return Some(format!("S3 was off for a part of this build: {reason}{later}"));
        }
        if let Some(reason) = self.trouble.get().or(self.denied_all()) {
            return Some(format!("nothing was fetched from S3 by this build: {reason}{later}"));
        }
        if let Some(reason) = self.upload_breaker.reason() {
            let kept = if left > 0 { format!("; not uploaded: {outputs}") } else { String::new() };
            let were_off = self.were_uploads_off.load(Ordering::Relaxed);
            let when = remembered_since(self.upload_memory.as_ref(), were_off);
            return Some(format!("nothing more is uploaded by this build{when}: {reason}{kept}"));
        }
        match left {
            0 => None,
            1 => Some("1 entry is not in the remote yet; the next build that puts something sends it too".to_owned()),
            _ => Some(format!(
                "{left} entries are not in the remote yet; the next build that puts something sends them too"
            )),
        }
    }

    /// Notes why nothing can be fetched from a remote that may be on all the same.
    pub fn note_trouble(&self, error: &RemoteError) {
        let _ = self.trouble.set(error.to_string().into());
    }

    /// True if an earlier session had found that the remote is off, and this one did not ask it at first.
    pub fn was_off_before(&self) -> bool {
        self.was_off_before.load(Ordering::Relaxed)
    }
}

/// How long it has been off, and when it is tried again; empty where no earlier session had found that.
fn remembered_since(memory: Option<&Memory>, was_off_before: bool) -> String {
    if was_off_before && let Some(state) = memory.and_then(Memory::recall) {
        let (age, next) = (seconds(state.age_s()), seconds(state.next_try_in_s()));
        format!(" (found {age} ago, tried again in {next})")
    } else {
        String::new()
    }
}

/// A time in the largest unit that fits.
fn seconds(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}
