//! The remote store: the workshop's objects, checked on arrival, behind a circuit breaker.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;
use tracing::{Instrument, info_span};

use super::body_file::CommitError;
use super::breaker::Breaker;
use super::contents::Contents;
use super::index::Entry;
use super::local::LocalStore;
use super::metadata::{self, MAX_METADATA_BYTES, MetadataError};
use super::s3_client::{S3Client, S3Error};
use super::s3_config::S3Config;
use crate::note::note;
use crate::protocol::ActionId;

/// The longest that go waits for one metadata object, however slowly it comes in.
const METADATA_DEADLINE: Duration = Duration::from_secs(5);
/// The longest that go waits for one body.
const BODY_DEADLINE: Duration = Duration::from_secs(60);
/// A failure that took this long counts as one that go waited for.
const SLOW: Duration = Duration::from_secs(1);

/// What was moved to and from the remote so far.
#[derive(Default)]
pub struct Traffic {
    /// Requests sent.
    pub requests: AtomicU64,
    /// Requests that failed or gave something unusable; an object that is not there is no failure.
    pub errors: AtomicU64,
    /// Bytes of object bodies received.
    pub bytes_down: AtomicU64,
    /// Bytes of object bodies sent.
    pub bytes_up: AtomicU64,
}

/// One remote as a session sees it.
pub struct Remote {
    config: S3Config,
    /// Made by the first request: a session that hits locally never pays for it.
    client: OnceCell<S3Client>,
    /// Apart, because connections are worked on by the threads that opened them: those of the uploads step back.
    upload_client: OnceCell<S3Client>,
    breaker: Breaker,
    /// Apart: who may only read, or has a slow uplink, still reads.
    upload_breaker: Breaker,
    contents: Contents,
    /// What was moved.
    pub traffic: Traffic,
}

/// One attempt at an upload.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The longest that it may take.
    pub limit: Duration,
    /// Whether no other follows if it fails in passing: what the next one heals tells nothing about the remote.
    pub is_last: bool,
}

/// What a request is for.
#[derive(Clone, Copy)]
enum Purpose {
    Download,
    Upload(Attempt),
}

/// Why an operation gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The circuit is open.
    #[error("the remote is off: {0}")]
    Off(String),
    /// The store did not do it.
    #[error(transparent)]
    S3(#[from] S3Error),
    /// An object that is no metadata.
    #[error("{key}: {error}")]
    Metadata {
        /// Its key.
        key: String,
        /// What is wrong with it.
        error: MetadataError,
    },
    /// A body that is not what its metadata says, or a local disk that does not take it.
    #[error("{key}: {error}")]
    Body {
        /// Its key.
        key: String,
        /// What is wrong.
        error: CommitError,
    },
    /// An object of another size than its metadata says.
    #[error("{key} has {got_bytes} bytes or more, not {expected_bytes}")]
    Size {
        /// Its key.
        key: String,
        /// Bytes announced, or received so far.
        got_bytes: u64,
        /// Bytes that the metadata says.
        expected_bytes: u64,
    },
    /// A body that was to be uploaded and is not in the local store any more.
    #[error("{key} is not in the local store any more")]
    Gone {
        /// Its key.
        key: String,
    },
    /// A request that was under way for longer than go is made to wait.
    #[error("{key} was not done after {seconds} s")]
    TooSlow {
        /// Its key.
        key: String,
        /// The limit.
        seconds: u64,
    },
}

impl RemoteError {
    /// Whether trying again can help.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::S3(S3Error::Throttled { .. } | S3Error::Timeout { .. } | S3Error::Unreachable { .. }))
            || matches!(self, Self::S3(S3Error::Status { status, .. }) if *status >= 500)
    }

    /// Whether it took a time limit to notice.
    fn is_timeout(&self) -> bool {
        matches!(self, Self::S3(S3Error::Timeout { .. }) | Self::TooSlow { .. })
    }

    /// Whether the remote itself is in trouble, not just one object in it: damaged objects heal with the next put.
    fn is_of_the_remote(&self, purpose: Purpose) -> bool {
        match self {
            Self::S3(S3Error::NoSuchKey { .. } | S3Error::TooLarge { .. }) => false,
            Self::Metadata { .. } | Self::Body { .. } | Self::Size { .. } | Self::Gone { .. } | Self::Off(_) => false,
            // Sixteen uploads at once may all be told to slow down, and do so.
            Self::S3(S3Error::Throttled { .. }) => matches!(purpose, Purpose::Download),
            Self::S3(_) | Self::TooSlow { .. } => true,
        }
    }
}

impl Remote {
    /// A remote that has not been talked to yet.
    pub fn new(config: S3Config) -> Self {
        let (breaker, upload_breaker) = (Breaker::default(), Breaker::default());
        let (client, upload_client) = (OnceCell::new(), OnceCell::new());
        let (contents, traffic) = (Contents::default(), Traffic::default());
        Self { config, client, upload_client, breaker, upload_breaker, contents, traffic }
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

    /// Learns what a small remote holds. One that does not list to us is asked for each object, as if it held more than
    /// a listing shows: that is no error.
    pub async fn learn_contents(&self) {
        let began = Instant::now();
        self.traffic.requests.fetch_add(1, Ordering::Relaxed);
        let client = self.client(&self.client).await;
        let listed = client.list_one_page().instrument(info_span!(parent: None, "remote.list")).await.unwrap_or(None);
        let without_prefix = |key: String| key.strip_prefix(client.prefix()).map(str::to_owned);
        let keys = listed.map(|objects| objects.into_iter().filter_map(|object| without_prefix(object.key)).collect());
        self.contents.learn(keys, began);
    }

    /// What the remote has for an action, by its metadata object. `None`: nothing.
    ///
    /// # Errors
    /// [`RemoteError`]; counted, and all of them mean a miss.
    pub async fn get_metadata(&self, action: &ActionId) -> Result<Option<Entry>, RemoteError> {
        let key = metadata::metadata_key(action);
        let span = info_span!("remote.get_meta", bytes = tracing::field::Empty);
        let work = async {
            let found = self.client(&self.client).await.get_small(&key, MAX_METADATA_BYTES).await?;
            let Some(json) = found else { return Ok(None) };
            self.traffic.bytes_down.fetch_add(json.len() as u64, Ordering::Relaxed);
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
        let Some(mut stream) = self.client(&self.client).await.get_stream(key).await? else { return Ok(false) };
        let expected_bytes = entry.size_bytes;
        let wrong_size = |got_bytes| RemoteError::Size { key: key.to_owned(), got_bytes, expected_bytes };
        if let Some(announced) = stream.content_length.filter(|announced| *announced != expected_bytes) {
            return Err(wrong_size(announced));
        }
        let mut body = local.begin();
        while let Some(piece) = stream.next().await? {
            self.traffic.bytes_down.fetch_add(piece.len() as u64, Ordering::Relaxed);
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
        let work = async { Ok(self.client(&self.upload_client).await.put_file(&key, &path, size_bytes).await?) };
        self.request(Purpose::Upload(attempt), within(attempt.limit, &key, work).instrument(span)).await?;
        self.traffic.bytes_up.fetch_add(size_bytes, Ordering::Relaxed);
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
        let work = async { Ok(self.client(&self.upload_client).await.put_bytes(&key, json.into()).await?) };
        self.request(Purpose::Upload(attempt), within(attempt.limit, &key, work).instrument(span)).await?;
        self.traffic.bytes_up.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    async fn client<'a>(&'a self, made: &'a OnceCell<S3Client>) -> &'a S3Client {
        let config = self.config.clone();
        // Reading the system's certificates takes milliseconds: not on a thread that answers go.
        let connect = || async {
            match tokio::task::spawn_blocking(move || S3Client::connect(&config)).await {
                Ok(client) => client,
                Err(_) => S3Client::connect(&self.config),
            }
        };
        made.get_or_init(connect).await
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
        self.traffic.requests.fetch_add(1, Ordering::Relaxed);
        let began = Instant::now();
        let result = work.await;
        match &result {
            Ok(_) => match purpose {
                Purpose::Download => self.breaker.succeeded(),
                Purpose::Upload(_) => self.upload_breaker.succeeded(),
            },
            Err(error) => {
                self.traffic.errors.fetch_add(1, Ordering::Relaxed);
                self.note_failure(error, purpose, began.elapsed());
            }
        }
        result
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
            Purpose::Upload(_) if !is_unreachable => (&self.upload_breaker, "nothing more is uploaded by this build"),
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
