//! The workshop's objects: a body and a metadata object for each action, checked on arrival.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, info_span};

use crate::cache::local::index::entry::{Entry, Origin};
use crate::cache::local::store::LocalStore;
use crate::cache::plain::remote_listing::{Listed, RemoteListing};
use crate::cache::remote::error::RemoteError;
use crate::cache::remote::metadata;
use crate::cache::remote::metadata::MAX_METADATA_BYTES;
use crate::cache::remote::purpose::Attempt;
use crate::cache::remote::purpose::Purpose;
use crate::cache::remote::s3_client::client::ListedObject;
use crate::cache::remote::s3_client::error::S3Error;
use crate::cache::remote::store::{BODY_DEADLINE, Remote, within};
use crate::protocol::ActionId;

/// The longest that go waits for one metadata object, however slowly it comes in. More than the client's own limit for a
/// silence, so that a remote that says nothing is named as such.
const METADATA_DEADLINE: Duration = Duration::from_secs(7);
/// A larger body gets more time, in proportion: making it again takes longer too.
const LARGE_BYTES: f64 = (64 << 20) as f64;
/// A remote of more keys is not listed to its end: one page of a listing.
const KEYS_LISTED: usize = 1000;

/// The workshop's objects in a remote, as one session reads and writes them.
pub struct PlainObjects {
    remote: Arc<Remote>,
    local: Arc<LocalStore>,
    listing: RemoteListing,
    /// True once it was asked whether the bucket is there.
    bucket_asked: AtomicBool,
}

impl PlainObjects {
    /// Objects of which nothing is known yet. Bodies are read from and written to `local`.
    pub fn new(remote: Arc<Remote>, local: Arc<LocalStore>) -> Self {
        Self { remote, local, listing: RemoteListing::default(), bucket_asked: AtomicBool::new(false) }
    }

    /// True if the remote is on, and may have something for an action as far as a listing shows.
    pub fn may_have(&self, action: &ActionId) -> bool {
        self.remote.is_on() && self.listing.may_hold(&metadata::metadata_key(action))
    }

    /// Fetches what the remote has for an action, and stores it locally. Any trouble is a miss.
    pub async fn fetch(&self, action: &ActionId) -> Option<Entry> {
        let entry = self.get_metadata(action).await.ok()??;
        if entry.size_bytes == 0 {
            self.local.keep_empty_body(&entry.output).ok()?;
        } else if !self.local.reuse_body(&entry.output, entry.size_bytes) && !self.get_body(&entry).await.ok()? {
            return None;
        }
        self.local.keep_entry(*action, entry, Origin::Fetched);
        Some(entry)
    }

    /// Does the same, and lists the remote beside it where a listing is due.
    pub async fn fetch_listed(self: &Arc<Self>, action: &ActionId) -> Option<Entry> {
        if self.listing.begin() {
            let objects = self.clone();
            tokio::spawn(async move { objects.learn_listing().await });
        }
        self.fetch(action).await
    }

    /// Lists the remote if a listing is due, and waits for it.
    pub async fn list_when_due(&self) {
        if self.listing.begin() {
            self.learn_listing().await;
        }
    }

    /// Learns what a small remote holds, beside what this session has put there. One that does not list to us is asked for
    /// each object, as if it held more than a listing shows.
    async fn learn_listing(&self) {
        let began = Instant::now();
        let listed = match self.list_all().await {
            Ok(Some(keys)) => Listed::All(keys),
            Ok(None) => Listed::Hopeless,
            Err(error) if error.is_passing() || matches!(error, RemoteError::Off(_)) => Listed::Failed,
            Err(_) => Listed::Hopeless,
        };
        self.listing.learn(listed, began);
    }

    /// All keys, without the configured prefix; `None` when there are too many.
    async fn list_all(&self) -> Result<Option<HashSet<String>>, RemoteError> {
        if let Some(reason) = self.remote.off_reason() {
            return Err(RemoteError::Off(reason));
        }
        let client = self.remote.client().await;
        let most = KEYS_LISTED + self.remote.meter.objects_up.load(Ordering::Relaxed);
        // One that the end of the session cuts off is in no count.
        let answered = || {
            self.remote.meter.requests.fetch_add(1, Ordering::Relaxed);
        };
        let listed = client.list_at_most(most, answered).instrument(info_span!(parent: None, "remote.list")).await;
        let listed = listed.map_err(RemoteError::from);
        self.remote.learn_listing(&listed);
        if listed.as_ref().is_err_and(|error| !error.is_denied()) {
            self.remote.meter.errors.fetch_add(1, Ordering::Relaxed);
        }
        let without_prefix = |object: ListedObject| object.key.strip_prefix(client.prefix()).map(str::to_owned);
        Ok(listed?.map(|objects| objects.into_iter().filter_map(without_prefix).collect()))
    }

    /// Asks if the remote has metadata for an action.
    ///
    /// # Errors
    /// [`RemoteError`], counted.
    pub async fn has_metadata(&self, action: &ActionId) -> Result<bool, RemoteError> {
        let key = metadata::metadata_key(action);
        let work = async {
            let has = self.remote.client().await.has(&key).await;
            // Missing or denied: both are a miss.
            Ok(self.remote.or_missing(has.map(Some)).await?.unwrap_or(false))
        };
        let span = info_span!("remote.stat_meta");
        self.remote.request(Purpose::Download, within(METADATA_DEADLINE, &key, work).instrument(span)).await
    }

    /// True if the caller should call [`PlainObjects::look_for_bucket`] now: true once a session.
    pub fn is_bucket_in_doubt(&self) -> bool {
        !self.bucket_asked.swap(true, Ordering::Relaxed)
    }

    /// Switches the remote off where its bucket is not there. An answer to HEAD has no body that could say so: each action
    /// would seem to be missing for itself.
    pub async fn look_for_bucket(&self) {
        let work = async {
            match self.remote.client().await.head_bucket().await {
                Err(missing @ S3Error::NoSuchBucket { .. }) => Ok(Some(missing)),
                // Who may not ask for the bucket may still read what is in it.
                Ok(()) | Err(S3Error::AccessDenied { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            }
        };
        let work = within(METADATA_DEADLINE, "", work).instrument(info_span!(parent: None, "remote.head_bucket"));
        if let Ok(Some(missing)) = self.remote.request(Purpose::Ahead { is_last: true }, work).await {
            self.remote.meter.errors.fetch_add(1, Ordering::Relaxed);
            self.remote.open_for_all(&missing.to_string(), false);
        }
    }

    /// The entry of an action by its metadata object; `None` without one.
    ///
    /// # Errors
    /// [`RemoteError`]; counted, and all of them mean a miss.
    async fn get_metadata(&self, action: &ActionId) -> Result<Option<Entry>, RemoteError> {
        let key = metadata::metadata_key(action);
        let span = info_span!("remote.get_meta", bytes = Empty, first_byte_ns = Empty);
        let work = async {
            let found = self.remote.client().await.get_small(&key, MAX_METADATA_BYTES).await;
            let Some(json) = self.remote.or_missing(found).await? else { return Ok(None) };
            self.remote.meter.bytes_down.fetch_add(json.len() as u64, Ordering::Relaxed);
            tracing::Span::current().record("bytes", json.len());
            let entry = metadata::decode(&json).map_err(|error| RemoteError::Metadata { key: key.clone(), error })?;
            Ok(Some(entry))
        };
        self.remote.request(Purpose::Download, within(METADATA_DEADLINE, &key, work).instrument(span)).await
    }

    /// Fetches a body into the local store, checked. `false`: the remote does not have it.
    ///
    /// # Errors
    /// [`RemoteError`]; counted, nothing is stored then, and all of them mean a miss.
    async fn get_body(&self, entry: &Entry) -> Result<bool, RemoteError> {
        let key = metadata::data_key(&entry.output);
        let span = info_span!("remote.get_data", bytes = entry.size_bytes, first_byte_ns = Empty);
        let limit = BODY_DEADLINE.mul_f64((entry.size_bytes as f64 / LARGE_BYTES).max(1.0));
        let work = within(limit, &key, self.download(&key, entry));
        self.remote.request(Purpose::Download, work.instrument(span)).await
    }

    async fn download(&self, key: &str, entry: &Entry) -> Result<bool, RemoteError> {
        let Some(mut stream) = self.remote.open(key).await? else { return Ok(false) };
        let expected_bytes = entry.size_bytes;
        let wrong_size = |got_bytes| RemoteError::Size { key: key.to_owned(), got_bytes, expected_bytes };
        if let Some(announced) = stream.content_length.filter(|announced| *announced != expected_bytes) {
            return Err(wrong_size(announced));
        }
        let mut body = self.local.begin_fetched();
        while let Some(piece) = stream.next().await? {
            self.remote.meter.bytes_down.fetch_add(piece.len() as u64, Ordering::Relaxed);
            body.write(&piece);
            if body.written_bytes() > expected_bytes {
                return Err(wrong_size(body.written_bytes()));
            }
        }
        // The hash was taken while the body came in; here it is compared, and the file gets its name.
        let verify = info_span!("verify").entered();
        let kept = self.local.keep_body(body, &entry.output, entry.size_bytes);
        drop(verify);
        kept.map_err(|error| RemoteError::Body { key: key.to_owned(), error })?;
        Ok(true)
    }

    /// Uploads a body from the local store.
    ///
    /// # Errors
    /// [`RemoteError`], counted.
    pub async fn put_body(&self, entry: &Entry, attempt: Attempt) -> Result<(), RemoteError> {
        let Entry { output, size_bytes, .. } = *entry;
        let (output, key) = (&output, metadata::data_key(&output));
        if !self.local.has_body(output, size_bytes) {
            return Err(RemoteError::Gone { key });
        }
        let path = self.local.path_of(output);
        let span = info_span!("remote.put_data", bytes = size_bytes);
        let attempt = attempt.of(size_bytes);
        let work = async { Ok(self.remote.client_for(attempt).await.put_file(&key, &path, size_bytes).await?) };
        self.remote.request(Purpose::Upload(attempt), within(attempt.limit, &key, work).instrument(span)).await?;
        self.remote.sent(size_bytes);
        Ok(())
    }

    /// Uploads what an action gave; its body has to be there by now.
    ///
    /// # Errors
    /// [`RemoteError`], counted.
    pub async fn put_metadata(&self, action: &ActionId, entry: &Entry, attempt: Attempt) -> Result<(), RemoteError> {
        let key = metadata::metadata_key(action);
        let json = metadata::encode(entry);
        let bytes = json.len() as u64;
        let span = info_span!("remote.put_meta", bytes);
        let work = async { Ok(self.remote.client_for(attempt).await.put_bytes(&key, json.into()).await?) };
        self.remote.request(Purpose::Upload(attempt), within(attempt.limit, &key, work).instrument(span)).await?;
        self.remote.sent(bytes);
        Ok(())
    }
}
