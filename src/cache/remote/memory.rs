//! The state of a remote that was found to be off, in a file beside the local store: later sessions neither wait for the
//! remote again nor all try it again at once.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::cache::local::folder::small_file::{alone, replace, try_alone};
use crate::cache::remote::s3_config::config::S3Config;
use crate::platform::clock::{modified_s, now_s};

/// Seconds until a remote is tried again that let go wait, ...
const FIRST_WAIT_SLOW_S: i64 = 30;
/// ... and one that failed at once, as wrong keys do. Each failure in a row doubles them.
const FIRST_WAIT_FAST_S: i64 = 5;
/// No wait is longer, seconds.
const LONGEST_WAIT_S: i64 = 600;
/// A remote that has worked for this number of seconds since its last failure starts with the first wait again.
const FORGIVEN_AFTER_S: i64 = 3600;
/// A longer reason is not ours.
const LONGEST_REASON: usize = 2000;
/// A file that was not written to for that long tells nothing any more, seconds. Short-lived keys leave one each.
const KEPT_FOR_S: i64 = 7 * 24 * 3600;
const FILE_NAME: &str = "remote-";

/// The file of one remote under one configuration.
pub struct Memory {
    folder: PathBuf,
    name: String,
    /// When this session looks into the file again, Unix seconds.
    look_at_s: AtomicI64,
}

/// The content of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// True where the last try worked. The file stays for a while, so that a remote that comes and goes waits longer each time.
    is_on: bool,
    /// Since when the remote is off, Unix seconds.
    since_s: i64,
    /// When it was last tried, or a session began to, Unix seconds.
    tried_s: i64,
    /// From then until it is tried again, seconds.
    wait_s: i64,
    /// Why it is off.
    pub reason: String,
}

/// The answer to a session that asks to try a remote that is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Not yet, or another session does.
    Wait,
    /// It is, and no other session does.
    Try,
    /// Another session has found that the remote works again.
    Works,
}

impl Memory {
    /// The file in `folder` for the remote of `config`. Other settings, the secret included, have another file.
    pub fn new(folder: &Path, config: &S3Config) -> Self {
        Self::about("", folder, config)
    }

    /// The file for uploads to it alone.
    pub fn of_uploads(folder: &Path, config: &S3Config) -> Self {
        Self::about("uploads", folder, config)
    }

    fn about(part: &str, folder: &Path, config: &S3Config) -> Self {
        let name = format!("{FILE_NAME}{:016x}", fingerprint(part, config));
        Self { folder: folder.to_owned(), name, look_at_s: AtomicI64::new(i64::MAX) }
    }

    /// The state that earlier sessions have left, where the remote is off.
    pub fn recall(&self) -> Option<State> {
        let state = self.read().filter(|state| !state.is_on)?;
        self.look_again_at(&state);
        Some(state)
    }

    /// Notes that the remote is off. `is_slow`: go had to wait to find out.
    pub fn note_off(&self, reason: &str, is_slow: bool) {
        let _alone = alone(&self.folder);
        let now_s = now_s();
        let state = match self.read() {
            // Another session was faster.
            Some(state) if !state.is_on => state,
            before => State {
                is_on: false,
                since_s: now_s,
                tried_s: now_s,
                wait_s: before.map_or(first_wait_s(is_slow), |state| state.longer_wait_s(now_s, is_slow)),
                reason: clean(reason),
            },
        };
        self.write(&state);
        self.remove_old();
    }

    /// Removes the files of remotes that were off long ago.
    fn remove_old(&self) {
        let Ok(files) = std::fs::read_dir(&self.folder) else { return };
        for file in files.flatten() {
            let is_old = || file.metadata().is_ok_and(|file| now_s().saturating_sub(modified_s(&file)) > KEPT_FOR_S);
            if is_of_its_form(&file.file_name().to_string_lossy()) && is_old() {
                let _ = std::fs::remove_file(file.path());
            }
        }
    }

    /// Tells this session to try the remote now, or to wait. Each time that the state says, exactly one is to try.
    pub fn turn(&self) -> Turn {
        if now_s() < self.look_at_s.load(Ordering::Relaxed) {
            return Turn::Wait;
        }
        // Go's requests are read on this thread: it waits for no lock.
        let Some(_alone) = try_alone(&self.folder) else { return Turn::Wait };
        let now_s = now_s();
        match self.read() {
            None | Some(State { is_on: true, .. }) => Turn::Works,
            Some(state) if !state.is_due(now_s) => {
                self.look_again_at(&state);
                Turn::Wait
            }
            Some(state) => {
                // If this session is killed meanwhile, another one tries after the same wait.
                if self.write(&State { tried_s: now_s, ..state }) { Turn::Try } else { Turn::Wait }
            }
        }
    }

    /// Notes that a try worked.
    pub fn note_on(&self) {
        let _alone = alone(&self.folder);
        if let Some(state) = self.read() {
            self.write(&State { is_on: true, tried_s: now_s(), ..state });
        }
    }

    /// Notes that a try was in vain.
    pub fn note_still_off(&self, reason: &str, is_slow: bool) {
        let _alone = alone(&self.folder);
        if let Some(state) = self.read() {
            let (now_s, reason) = (now_s(), clean(reason));
            let wait_s = state.longer_wait_s(now_s, is_slow);
            self.write(&State { is_on: false, tried_s: now_s, wait_s, reason, ..state });
        }
    }

    /// `None` for a file that is damaged or not there.
    fn read(&self) -> Option<State> {
        let text = std::fs::read(self.folder.join(&self.name)).ok()?;
        let state: State = serde_json::from_slice(&text).ok()?;
        let is_sound = (1..=LONGEST_WAIT_S).contains(&state.wait_s)
            && state.reason.len() <= LONGEST_REASON
            && !state.reason.contains(char::is_control);
        if is_sound { Some(state) } else { None }
    }

    /// Writes the state; false where that failed. Without it each session finds out for itself.
    fn write(&self, state: &State) -> bool {
        let text = serde_json::to_vec(state).expect("numbers and a text can be written");
        let is_written = replace(&self.folder, &self.name, &text).is_ok();
        if is_written {
            self.look_again_at(state);
        } else {
            self.look_at_s.store(i64::MAX, Ordering::Relaxed);
        }
        is_written
    }

    fn look_again_at(&self, state: &State) {
        // A time in the future, as after a clock that was wrong, must not keep the remote off until then.
        let look_at_s = if state.is_due(now_s()) { 0 } else { state.tried_s.saturating_add(state.wait_s) };
        self.look_at_s.store(look_at_s, Ordering::Relaxed);
    }
}

impl State {
    /// How long the remote has been off, seconds.
    pub fn age_s(&self) -> i64 {
        now_s().saturating_sub(self.since_s).max(0)
    }

    /// How long it is until it is tried again, seconds.
    pub fn next_try_in_s(&self) -> i64 {
        let now_s = now_s();
        if self.is_due(now_s) { 0 } else { self.tried_s.saturating_add(self.wait_s).saturating_sub(now_s) }
    }

    fn is_due(&self, now_s: i64) -> bool {
        // A clock that was set back must not keep a remote off for long.
        now_s < self.tried_s || now_s.saturating_sub(self.tried_s) >= self.wait_s
    }

    fn longer_wait_s(&self, now_s: i64, is_slow: bool) -> i64 {
        if self.is_on && now_s.saturating_sub(self.tried_s) > FORGIVEN_AFTER_S {
            return first_wait_s(is_slow);
        }
        (self.wait_s * 2).clamp(first_wait_s(is_slow), LONGEST_WAIT_S)
    }
}

fn is_of_its_form(name: &str) -> bool {
    let digits = name.strip_prefix(FILE_NAME).unwrap_or_default();
    digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn first_wait_s(is_slow: bool) -> i64 {
    if is_slow { FIRST_WAIT_SLOW_S } else { FIRST_WAIT_FAST_S }
}

/// A reason as one line of a limited length.
fn clean(reason: &str) -> String {
    let line = reason.replace(char::is_control, " ");
    line.chars().take(LONGEST_REASON / 4).collect()
}

/// 64 bits of a keyed hash: neither tells anything about the credentials that a random secret could be guessed from.
/// Without the session token: a new one comes with a new id and a new secret.
fn fingerprint(part: &str, config: &S3Config) -> u64 {
    let S3Config { endpoint_url, access_key_id, secret_access_key, bucket, region, prefix, route, .. } = config;
    let (addressing, proxy) = (route.addressing.as_str(), route.proxy.as_ref().map(|proxy| proxy.url().to_string()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret_access_key.as_bytes());
    let proxy = proxy.as_deref().unwrap_or_default();
    let all = [endpoint_url, access_key_id, part, bucket, region, prefix, addressing, proxy].join("\0");
    let tag = hmac::sign(&key, all.as_bytes());
    let first = tag.as_ref().first_chunk().expect("the hash has 32 bytes");
    u64::from_le_bytes(*first)
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
