//! Objects of the packs' own kind: listed, fetched and written as they are, under the same circuit breakers.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedSender;
use tracing::field::Empty;
use tracing::{Instrument, info_span};

use super::{Attempt, BODY_DEADLINE, Purpose, Remote, RemoteError, within};
use crate::cache::s3_client::{ListedObject, S3Error};

/// The longest that one object which nobody waits for yet may take.
const AHEAD_DEADLINE: Duration = Duration::from_secs(600);

impl Remote {
    /// The objects whose keys begin with `prefix`, without the configured prefix. A remote that does not list to us has
    /// none. `is_last`: no other attempt follows.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn list(&self, prefix: &str, is_last: bool) -> Result<Vec<ListedObject>, RemoteError> {
        let work = async {
            let client = self.client().await;
            let (mut objects, mut pages) = (Vec::new(), 0);
            let listed = client.list_quickly(prefix, |page| {
                let without_prefix = |object: ListedObject| {
                    let key = object.key.strip_prefix(client.prefix())?.to_owned();
                    Some(ListedObject { key, ..object })
                };
                objects.extend(page.into_iter().filter_map(without_prefix));
                pages += 1;
            });
            let listed = listed.await;
            // Each page is a request.
            self.meter.requests.fetch_add(u64::saturating_sub(pages, 1), Ordering::Relaxed);
            match listed {
                Ok(()) => Ok(objects),
                Err(S3Error::AccessDenied { .. } | S3Error::NoSuchKey { .. }) => Ok(Vec::new()),
                Err(error) => Err(error.into()),
            }
        };
        let span = info_span!(parent: None, "remote.list");
        self.request(Purpose::Ahead { is_last }, within(BODY_DEADLINE, prefix, work).instrument(span)).await
    }

    /// A whole object of at most `most_bytes`; `None` when there is none of that key.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn object(&self, key: &str, most_bytes: usize, is_last: bool) -> Result<Option<Bytes>, RemoteError> {
        let work = async {
            let found = self.client().await.get_small(key, most_bytes).await?;
            if let Some(bytes) = &found {
                self.meter.bytes_down.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            }
            Ok(found)
        };
        let span = info_span!(parent: None, "remote.get_manifest", first_byte_ns = Empty);
        self.request(Purpose::Ahead { is_last }, within(BODY_DEADLINE, key, work).instrument(span)).await
    }

    /// Fetches an object and hands it on piece by piece, until its end or until nobody takes them; how long it took from
    /// the answer to the last byte. `None` when there is none of that key.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn stream(
        &self,
        key: &str,
        pieces: UnboundedSender<Bytes>,
        is_last: bool,
    ) -> Result<Option<Duration>, RemoteError> {
        let work = async {
            let Some(mut stream) = self.client().await.get_stream(key).await? else { return Ok(None) };
            let answered = Instant::now();
            while let Some(piece) = stream.next().await? {
                self.meter.bytes_down.fetch_add(piece.len() as u64, Ordering::Relaxed);
                if pieces.send(piece).is_err() {
                    break;
                }
            }
            Ok(Some(answered.elapsed()))
        };
        self.request(Purpose::Ahead { is_last }, within(AHEAD_DEADLINE, key, work)).await
    }

    /// Does the work of taking a part of a pack apart, and counts its time.
    pub fn unpacking<T>(&self, work: impl FnOnce() -> T) -> T {
        self.meter.unpacking(work)
    }

    /// Notes that an object was not as it had been written. It costs hits, and says nothing about the remote.
    pub fn found_damage(&self) {
        self.meter.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that go was made to wait in vain: two of these are enough for the rest of the session.
    pub fn let_go_wait(&self, error: &RemoteError, waited: Duration) {
        self.note_failure(error, Purpose::Download, waited);
    }

    /// Notes that a pack did not get out for a reason that does not pass, as a key that may only read: a session has too few
    /// of them to wait for five.
    pub fn give_up_packs(&self, error: &RemoteError) {
        if !error.is_passing() && !matches!(error, RemoteError::Off(_)) {
            self.open_for_uploads(&error.to_string());
        }
    }

    /// Deletes objects. One that is not there counts as deleted.
    ///
    /// # Errors
    /// [`RemoteError`], counted.
    pub async fn delete_objects(&self, keys: &[String], attempt: Attempt) -> Result<(), RemoteError> {
        let work = async { Ok(self.client_for(attempt).await.delete(keys).await.map(drop)?) };
        let name = keys.first().map_or("", String::as_str);
        self.request(Purpose::Upload(attempt), within(attempt.limit, name, work)).await
    }

    /// Writes an object.
    ///
    /// # Errors
    /// [`RemoteError`], counted.
    pub async fn put_object(&self, key: &str, content: Bytes, attempt: Attempt) -> Result<(), RemoteError> {
        let bytes = content.len() as u64;
        let work = async { Ok(self.client_for(attempt).await.put_bytes(key, content).await?) };
        let span = info_span!("remote.put_pack", bytes);
        self.request(Purpose::Upload(attempt), within(attempt.limit, key, work).instrument(span)).await?;
        self.sent(bytes);
        Ok(())
    }
}
