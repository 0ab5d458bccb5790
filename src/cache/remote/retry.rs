//! Trying again.

use std::time::Duration;

use tracing::{Instrument, info_span};

use crate::cache::remote::error::RemoteError;

/// Waits before the second and the third attempt at what go may come to wait for.
pub const AHEAD_RETRY_AFTER: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(200)];

/// True if what go may come to wait for is tried again: waiting for the same silence once more does not help.
pub fn is_worth_another_try(error: &RemoteError) -> bool {
    error.is_passing() && !error.is_timeout()
}

/// Works at most three times, with these waits between, as long as `helps` says that trying again can help. `work` is told
/// whether it is its last time.
pub async fn retry<T, F>(
    waits: [Duration; 2],
    helps: impl Fn(&RemoteError) -> bool,
    mut work: impl FnMut(bool) -> F,
) -> Result<T, RemoteError>
where
    F: Future<Output = Result<T, RemoteError>>,
{
    for wait in waits {
        match work(false).await {
            Err(error) if helps(&error) => tokio::time::sleep(wait).instrument(info_span!("back_off")).await,
            other => return other,
        }
    }
    work(true).await
}
