//! Objects of the packs' own kind: listed, fetched and written as they are, under the same circuit breakers.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tracing::field::Empty;
use tracing::{Instrument, info_span};

use crate::cache::local::index::entry::Entry;
use crate::cache::local::store::LocalStore;
use crate::cache::remote::error::RemoteError;
use crate::cache::remote::purpose::{Attempt, Purpose};
use crate::cache::remote::retry::{is_worth_another_try, retry};
use crate::cache::remote::s3_client::body::S3Body;
use crate::cache::remote::s3_client::client::ListedObject;
use crate::cache::remote::s3_client::error::S3Error;
use crate::cache::remote::store::{BODY_DEADLINE, Remote, within};

impl Remote {
    /// Tries what is fetched ahead of go's questions, and tries again after what passes. `work` is told whether it is its
    /// last time.
    pub async fn retry_ahead<T, F>(&self, work: impl FnMut(bool) -> F) -> Result<T, RemoteError>
    where
        F: Future<Output = Result<T, RemoteError>>,
    {
        retry(self.back_off, is_worth_another_try, work).await
    }

    /// The objects whose keys begin with `prefix`, without the configured prefix. `is_last`: no other attempt follows.
    ///
    /// # Errors
    /// [`RemoteError`]; see [`RemoteError::denies_listing`].
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
                self.contact.hear();
                pages += 1;
            });
            let listed = listed.await;
            // Each page is a request.
            self.meter.requests.fetch_add(u64::saturating_sub(pages, 1), Ordering::Relaxed);
            listed.map(|()| objects).map_err(RemoteError::from)
        };
        let span = info_span!(parent: None, "remote.list");
        let listed =
            self.request(Purpose::Ahead { is_last }, within(BODY_DEADLINE, prefix, work).instrument(span)).await;
        self.learn_listing(&listed);
        listed
    }

    /// A whole object of at most `most_bytes`; `None` when there is none of that key.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn object(&self, key: &str, most_bytes: usize, is_last: bool) -> Result<Option<Bytes>, RemoteError> {
        let work = async {
            let Some(mut stream) = self.open(key).await? else { return Ok(None) };
            let mut whole = BytesMut::new();
            while let Some(piece) = stream.next().await? {
                self.meter.bytes_down.fetch_add(piece.len() as u64, Ordering::Relaxed);
                whole.extend_from_slice(&piece);
                if whole.len() > most_bytes {
                    let tried = format!("GET \"{key}\"");
                    return Err(S3Error::TooLarge { tried, limit_bytes: most_bytes }.into());
                }
            }
            Ok(Some(whole.freeze()))
        };
        let span = info_span!(parent: None, "remote.get_manifest", first_byte_ns = Empty);
        self.request(Purpose::Ahead { is_last }, within(BODY_DEADLINE, key, work).instrument(span)).await
    }

    /// The head of an object; `None` when there is none of that key.
    pub(crate) async fn open(&self, key: &str) -> Result<Option<S3Body>, RemoteError> {
        self.or_missing(self.client().await.get_stream(key).await).await
    }

    /// Fetches an object within `limit` and hands it on piece by piece, until its end or until `take` wants no more; how long
    /// it took from the answer to the last byte. `None` when there is none of that key.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn stream(
        &self,
        key: &str,
        mut take: impl FnMut(Bytes) -> bool,
        is_last: bool,
        limit: Duration,
    ) -> Result<Option<Duration>, RemoteError> {
        let work = async {
            let Some(mut stream) = self.open(key).await? else { return Ok(None) };
            let answered = Instant::now();
            while let Some(piece) = stream.next().await? {
                self.meter.bytes_down.fetch_add(piece.len() as u64, Ordering::Relaxed);
                if !take(piece) {
                    break;
                }
            }
            Ok(Some(answered.elapsed()))
        };
        self.request(Purpose::Ahead { is_last }, within(limit, key, work)).await
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

    /// Notes that an upload did not get out: for a reason that does not pass, as a key that may only read, no other will. A
    /// session has too few packs to wait for five of them.
    pub fn give_up_upload(&self, error: &RemoteError) {
        if error.is_answer() && !error.is_passing() && !error.refuses_object() {
            self.upload_breaker.open(&error.to_string());
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

    /// Writes an object of `head` and a body from the local store behind it, streamed.
    ///
    /// # Errors
    /// [`RemoteError`], counted.
    pub async fn put_large(
        &self,
        key: &str,
        head: Bytes,
        entry: &Entry,
        local: &LocalStore,
        attempt: Attempt,
    ) -> Result<(), RemoteError> {
        if !local.has_body(&entry.output, entry.size_bytes) {
            return Err(RemoteError::Gone { key: key.to_owned() });
        }
        let (path, bytes) = (local.path_of(&entry.output), head.len() as u64 + entry.size_bytes);
        let attempt = attempt.of(bytes);
        let work = async {
            let client = self.client_for(attempt).await;
            Ok(client.put_file_after(key, head, &path, entry.size_bytes).await?)
        };
        let span = info_span!("remote.put_pack", bytes);
        self.request(Purpose::Upload(attempt), within(attempt.limit, key, work).instrument(span)).await?;
        self.sent(bytes);
        Ok(())
    }

    /// Writes an object.
    ///
    /// # Errors
    /// [`RemoteError`], counted.
    pub async fn put_object(&self, key: &str, content: Bytes, attempt: Attempt) -> Result<(), RemoteError> {
        let bytes = content.len() as u64;
        let attempt = attempt.of(bytes);
        let work = async { Ok(self.client_for(attempt).await.put_bytes(key, content).await?) };
        let span = info_span!("remote.put_pack", bytes);
        self.request(Purpose::Upload(attempt), within(attempt.limit, key, work).instrument(span)).await?;
        self.sent(bytes);
        Ok(())
    }
}
