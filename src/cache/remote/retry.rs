//! Trying again.

use std::time::Duration;

use super::RemoteError;

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
            Err(error) if helps(&error) => tokio::time::sleep(wait).await,
            other => return other,
        }
    }
    work(true).await
}
