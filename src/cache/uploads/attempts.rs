//! How long an upload beside the answers may take, and how often it is tried.

use std::time::Duration;

use crate::cache::local::index::entry::Entry;
use crate::cache::remote::error::RemoteError;
use crate::cache::remote::purpose::Attempt;
use crate::cache::remote::retry::retry;

/// The longest that one upload beside the answers may take.
pub(super) const UPLOAD_PATIENCE: Duration = Duration::from_secs(600);
/// Waits before the second and the third attempt.
const RETRY_AFTER: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];
/// A large output gets more time, as a link of this rate takes.
const SLOWEST_BYTES_PER_S: u64 = 1 << 20;

/// The longest that the upload of a body may take: by an estimate, because one that stops is noticed earlier.
pub(super) fn patience(entry: &Entry) -> Duration {
    UPLOAD_PATIENCE + Duration::from_secs(entry.size_bytes / SLOWEST_BYTES_PER_S)
}

/// Uploads, and tries again after what passes.
///
/// # Errors
/// [`RemoteError`] of the last attempt.
pub(super) async fn with_retries<F>(limit: Duration, mut upload: impl FnMut(Attempt) -> F) -> Result<(), RemoteError>
where
    F: Future<Output = Result<(), RemoteError>>,
{
    let attempt = |is_last| upload(Attempt { limit, is_last, go_waits: false, is_large: false });
    retry(RETRY_AFTER, RemoteError::is_passing, attempt).await
}
