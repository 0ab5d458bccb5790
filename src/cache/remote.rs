//! The remote store: the workshop's objects, checked on arrival, behind a circuit breaker.

mod error;
mod meter;
mod objects;
mod retry;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;
use tracing::{Instrument, info_span};

use super::breaker::Breaker;
use super::contents::{Contents, Listed};
use super::index::Entry;
use super::local::LocalStore;
use super::metadata::{self, MAX_METADATA_BYTES};
use super::s3_client::{S3Client, S3Error};
use super::s3_config::S3Config;
use crate::note::note;
use crate::protocol::ActionId;
pub use error::RemoteError;
use meter::Meter;
pub use meter::Traffic;
pub use retry::retry;

/// The longest that go waits for one metadata object, however slowly it comes in. More than the client's own limit for a
/// silence, so that a remote that says nothing is named as such.
const METADATA_DEADLINE: Duration = Duration::from_secs(7);
/// The longest that go waits for one body.
const BODY_DEADLINE: Duration = Duration::from_secs(60);
/// A remote of more keys is not listed to its end: one page of a listing.
const KEYS_LISTED: usize = 1000;
/// What an open circuit of the uploads means.
const NO_UPLOADS: &str = "nothing more is uploaded by this build";
/// A failure that took this long counts as one that go waited for.
const SLOW: Duration = Duration::from_secs(1);

/// One remote as a session sees it.
pub struct Remote {
    config: S3Config,
    /// Made by the first request: a session that hits locally never pays for it.
    client: OnceCell<S3Client>,
    /// That of the uploads beside the answers. Apart, because the threads that use a client first work on its
    /// connections ever after, and those of these uploads step back.
    upload_client: OnceCell<S3Client>,
    breaker: Breaker,
    /// Apart: who may only read, or has a slow uplink, still reads.
    upload_breaker: Breaker,
    contents: Contents,
    meter: Meter,
}

/// One attempt at an upload.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The longest that it may take.
    pub limit: Duration,
    /// Whether no other follows if it fails in passing: what the next one heals tells nothing about the remote.
    pub is_last: bool,
    /// Whether go waits for it.
    pub go_waits: bool,
}

/// What a request is for.
#[derive(Clone, Copy)]
enum Purpose {
    Download,
    Upload(Attempt),
}

impl Remote {
    /// A remote that has not been talked to yet.
    pub fn new(config: S3Config) -> Self {
        let (breaker, upload_breaker) = (Breaker::default(), Breaker::default());
        let (client, upload_client) = (OnceCell::new(), OnceCell::new());
        let (contents, meter) = (Contents::default(), Meter::default());
        Self { config, client, upload_client, breaker, upload_breaker, contents, meter }
    }

    /// Tells it from other remotes; holds no credential.
    pub fn name(&self) -> String {
        let S3Config { endpoint_url, bucket, prefix, .. } = &self.config;
        format!("{endpoint_url}/{bucket}/{prefix}")
    }

    /// Why the remote is off for the rest of the session; `None` while it is on.
    pub fn off_reason(&self) -> Option<&str> {
        self.breaker.reason()
    }

    /// Why nothing more is uploaded in this session; `None` while uploads are on.
    pub fn uploads_off_reason(&self) -> Option<&str> {
        self.off_reason().or(self.upload_breaker.reason())
    }

    /// Whether the remote may have something for an action, as far as a listing has told.
    pub fn may_have(&self, action: &ActionId) -> bool {
        self.contents.may_hold(&metadata::metadata_key(action))
    }

    /// Whether the caller should call [`Remote::learn_contents`] now. No other caller is told so meanwhile.
    pub fn contents_are_due(&self) -> bool {
        self.contents.begin_listing()
    }

    /// Learns what a small remote holds, beside what this session has put there. One that does not list to us is asked for
    /// each object, as if it held more than a listing shows.
    pub async fn learn_contents(&self) {
        let began = Instant::now();
        let client = self.client().await;
        let most = KEYS_LISTED + self.meter.objects_up.load(Ordering::Relaxed);
        let span = info_span!(parent: None, "remote.list");
        // One that the end of the session cuts off is in nobody's count.
        let answered = || {
            self.meter.requests.fetch_add(1, Ordering::Relaxed);
        };
        let listed = match client.list_at_most(most, answered).instrument(span).await {
            Ok(Some(objects)) => {
                let without_prefix = |key: String| key.strip_prefix(client.prefix()).map(str::to_owned);
                Listed::All(objects.into_iter().filter_map(|object| without_prefix(object.key)).collect())
            }
            Ok(None) | Err(S3Error::AccessDenied { .. } | S3Error::NoSuchKey { .. }) => Listed::Hopeless,
            Err(error) => {
                self.meter.errors.fetch_add(1, Ordering::Relaxed);
                if RemoteError::S3(error).is_passing() { Listed::Failed } else { Listed::Hopeless }
            }
        };
        self.contents.learn(listed, began);
    }

    /// What was moved so far.
    pub fn traffic(&self) -> Traffic {
        self.meter.traffic()
    }

    /// Connections to it that are open now.
    pub fn connections_open(&self) -> u64 {
        [&self.client, &self.upload_client]
            .iter()
            .filter_map(|client| client.get())
            .map(S3Client::connections_open)
            .sum()
    }

    /// What the remote has for an action, by its metadata object. `None`: nothing.
    ///
    /// # Errors
    /// [`RemoteError`]; counted, and all of them mean a miss.
    pub async fn get_metadata(&self, action: &ActionId) -> Result<Option<Entry>, RemoteError> {
        let key = metadata::metadata_key(action);
        let span = info_span!("remote.get_meta", bytes = tracing::field::Empty);
        let work = async {
            let found = self.client().await.get_small(&key, MAX_METADATA_BYTES).await?;
            let Some(json) = found else { return Ok(None) };
            self.meter.bytes_down.fetch_add(json.len() as u64, Ordering::Relaxed);
            tracing::Span::current().record("bytes", json.len());
            let entry = metadata::decode(&json).map_err(|error| RemoteError::Metadata { key: key.clone(), error })?;
            Ok(Some(entry))
        };
        self.request(Purpose::Download, within(METADATA_DEADLINE, &key, work).instrument(span)).await
    }

    /// Fetches a body into the local store, checked. `false`: the remote does not have it.
    ///
    /// # Errors
    /// [`RemoteError`]; counted, nothing is stored then, and all of them mean a miss.
    pub async fn get_body(&self, entry: &Entry, local: &LocalStore) -> Result<bool, RemoteError> {
        let key = metadata::data_key(&entry.output);
        let span = info_span!("remote.get_data", bytes = entry.size_bytes);
        let work = within(BODY_DEADLINE, &key, self.download(&key, entry, local));
        self.request(Purpose::Download, work.instrument(span)).await
    }

    async fn download(&self, key: &str, entry: &Entry, local: &LocalStore) -> Result<bool, RemoteError> {
        let Some(mut stream) = self.client().await.get_stream(key).await? else { return Ok(false) };
        let expected_bytes = entry.size_bytes;
        let wrong_size = |got_bytes| RemoteError::Size { key: key.to_owned(), got_bytes, expected_bytes };
        if let Some(announced) = stream.content_length.filter(|announced| *announced != expected_bytes) {
            return Err(wrong_size(announced));
        }
        let mut body = local.begin();
        while let Some(piece) = stream.next().await? {
            self.meter.bytes_down.fetch_add(piece.len() as u64, Ordering::Relaxed);
            body.write(&piece);
            if body.written_bytes() > expected_bytes {
                return Err(wrong_size(body.written_bytes()));
            }
        }
        // The hash was taken while the body came in; here it is compared, and the file gets its name.
        let verify = info_span!("verify").entered();
        let kept = local.keep_body(body, &entry.output, entry.size_bytes);
        drop(verify);
        kept.map_err(|error| RemoteError::Body { key: key.to_owned(), error })?;
        Ok(true)
    }

    /// Uploads a body from the local store.
    ///
    /// # Errors
    /// [`RemoteError`], counted.
    pub async fn put_body(&self, entry: &Entry, local: &LocalStore, attempt: Attempt) -> Result<(), RemoteError> {
        let Entry { output, size_bytes, .. } = *entry;
        let (output, key) = (&output, metadata::data_key(&output));
        if !local.has_body(output, size_bytes) {
            return Err(RemoteError::Gone { key });
        }
        let path = local.path_of(output);
        let span = info_span!("remote.put_data", bytes = size_bytes);
        let work = async { Ok(self.client_for(attempt).await.put_file(&key, &path, size_bytes).await?) };
        self.request(Purpose::Upload(attempt), within(attempt.limit, &key, work).instrument(span)).await?;
        self.sent(size_bytes);
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
        let work = async { Ok(self.client_for(attempt).await.put_bytes(&key, json.into()).await?) };
        self.request(Purpose::Upload(attempt), within(attempt.limit, &key, work).instrument(span)).await?;
        self.sent(bytes);
        Ok(())
    }

    fn sent(&self, bytes: u64) {
        self.meter.bytes_up.fetch_add(bytes, Ordering::Relaxed);
        self.meter.objects_up.fetch_add(1, Ordering::Relaxed);
    }

    /// The client of all that go waits for.
    async fn client(&self) -> &S3Client {
        self.client.get_or_init(|| self.connect(S3Client::connect)).await
    }

    async fn client_for(&self, attempt: Attempt) -> &S3Client {
        if attempt.go_waits {
            return self.client().await;
        }
        self.upload_client.get_or_init(|| self.connect(S3Client::connect_patiently)).await
    }

    async fn connect(&self, connect: fn(&S3Config) -> S3Client) -> S3Client {
        let config = self.config.clone();
        // Reading the system's certificates takes milliseconds: not on a thread that answers go.
        match tokio::task::spawn_blocking(move || connect(&config)).await {
            Ok(client) => client,
            Err(_) => connect(&self.config),
        }
    }

    /// Runs one request unless its circuit is open, counts it, and tells the circuit how it went.
    async fn request<T>(
        &self,
        purpose: Purpose,
        work: impl Future<Output = Result<T, RemoteError>>,
    ) -> Result<T, RemoteError> {
        let off_reason = match purpose {
            Purpose::Download => self.off_reason(),
            Purpose::Upload(_) => self.uploads_off_reason(),
        };
        if let Some(reason) = off_reason {
            return Err(RemoteError::Off(reason.to_owned()));
        }
        self.meter.requests.fetch_add(1, Ordering::Relaxed);
        let began = Instant::now();
        // What is under way when the remote goes off would only let go wait.
        let result = tokio::select! {
            result = work => result,
            reason = self.went_off(purpose) => Err(RemoteError::Off(reason.to_owned())),
        };
        match &result {
            Ok(_) => match purpose {
                Purpose::Download => self.breaker.succeeded(),
                Purpose::Upload(_) => self.upload_breaker.succeeded(),
            },
            Err(error) => {
                self.meter.errors.fetch_add(1, Ordering::Relaxed);
                self.note_failure(error, purpose, began.elapsed());
            }
        }
        result
    }

    async fn went_off(&self, purpose: Purpose) -> &str {
        match purpose {
            Purpose::Download => self.breaker.opened().await,
            Purpose::Upload(_) => tokio::select! {
                reason = self.breaker.opened() => reason,
                reason = self.upload_breaker.opened() => reason,
            },
        }
    }

    fn open_for_uploads(&self, reason: &str) {
        if self.upload_breaker.open(reason) && self.off_reason().is_none() {
            note(format_args!("{NO_UPLOADS}: {reason}"));
        }
    }

    fn note_failure(&self, error: &RemoteError, purpose: Purpose, waited: Duration) {
        let slow = error.is_timeout() || waited >= SLOW;
        let is_tried_again = matches!(purpose, Purpose::Upload(attempt) if !attempt.is_last) && error.is_passing();
        let is_noted = error.is_of_the_remote(purpose) && !is_tried_again;
        // A remote that cannot be reached gives nothing either.
        let is_unreachable = matches!(error, RemoteError::S3(S3Error::Unreachable { .. }));
        if !is_noted {
            return;
        }
        let (breaker, means) = match purpose {
            Purpose::Upload(_) if !is_unreachable => (&self.upload_breaker, NO_UPLOADS),
            _ => (&self.breaker, "the remote is off for this build, which goes on from local disk"),
        };
        let is_said = self.off_reason().is_some();
        if breaker.failed(slow, &error.to_string()) && !is_said {
            note(format_args!("{means}: {error}"));
        }
    }
}

/// Gives up after `limit`.
async fn within<T>(
    limit: Duration,
    key: &str,
    work: impl Future<Output = Result<T, RemoteError>>,
) -> Result<T, RemoteError> {
    let too_slow = || RemoteError::TooSlow { key: key.to_owned(), seconds: limit.as_secs() };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(too_slow()))
}
