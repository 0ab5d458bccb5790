//! The S3 operations that the cache needs, over a lean `aws-sdk-s3` client.
//!
//! Keys are given without the configured prefix; the client puts it before them. There are no
//! retries and no checksums here: what a failure means is the caller's decision, and a body is
//! checked against its SHA-256 by whoever stores it.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::cache::remote::s3_client::attempt::RequestTarget;
use crate::cache::remote::s3_client::error::{S3Error, Target};
use crate::cache::remote::s3_client::region::OneBucket;
use crate::cache::remote::s3_client::upload::Upload;
use crate::cache::remote::s3_config::config::S3Config;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an answer or a body may make no progress.
pub(crate) const STALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How many times longer than others a client may wait whose threads step back behind the build.
const PATIENCE: u32 = 10;
/// A link slower than this is stuck. What a connection has taken in may be on its way for this long, unseen, ...
const SLOWEST_BYTES_PER_S: u64 = 16 << 10;
/// ... and this is the most that the system takes in.
const BUFFERED_BYTES: u64 = 1 << 20;
/// How long a whole page of a listing or a whole batch of deletions may take: a store works on a thousand keys there.
pub(crate) const BATCH_TIMEOUT: Duration = Duration::from_secs(60);
/// The largest object that one PUT may write. Larger ones take multipart uploads, whose parts are billed for ever when
/// a process is killed on the way.
pub const MOST_PUT_BYTES: u64 = 5 << 30;

/// A connection pool to one bucket. Cloning shares it.
#[derive(Clone)]
pub struct S3Client {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) sdk: aws_sdk_s3::Client,
    pub(crate) endpoint: OneBucket,
    pub(crate) target: Target,
    prefix: String,
    /// How long an upload may make no progress, beside what its size allows.
    stall_timeout: Duration,
    /// Connections that are open.
    connections: Arc<AtomicU64>,
    /// Pieces of bodies that connections have taken.
    pieces_sent: Arc<AtomicU64>,
    /// The store has refused a DeleteObjects request.
    pub(crate) batches_are_refused: AtomicBool,
    /// The port has been asked what it speaks, and the scheme of that where it is not the endpoint's.
    pub(crate) protocol_asked: AtomicBool,
    pub(crate) other_protocol: OnceLock<Option<&'static str>>,
}

/// One object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListedObject {
    /// The full key, with the configured prefix.
    pub key: String,
    pub size_bytes: u64,
    /// By the store's clock, Unix seconds; 0 where it does not tell.
    pub modified_s: i64,
}

impl S3Client {
    /// Prepares a client. Does no I/O but reading the system's certificates when the endpoint is
    /// https; the first operation connects.
    pub fn connect(config: &S3Config) -> S3Client {
        Self::with_patience(config, 1)
    }

    /// Prepares a client as [`S3Client::connect`] does, for threads that may have to wait for a processor.
    pub fn connect_patiently(config: &S3Config) -> S3Client {
        Self::with_patience(config, PATIENCE)
    }

    fn with_patience(config: &S3Config, patience: u32) -> S3Client {
        let connect_timeout = CONNECT_TIMEOUT * patience;
        let endpoint = OneBucket::of(config);
        let connections = Arc::new(AtomicU64::new(0));
        let settings = crate::cache::remote::s3_client::settings::lean(
            config,
            endpoint.clone(),
            connect_timeout,
            connections.clone(),
        );
        let shared = Arc::new(Shared {
            sdk: aws_sdk_s3::Client::from_conf(settings),
            endpoint,
            target: Target::of(config, connect_timeout),
            prefix: config.prefix.clone(),
            stall_timeout: STALL_TIMEOUT * patience,
            connections,
            pieces_sent: Arc::default(),
            batches_are_refused: AtomicBool::new(false),
            protocol_asked: AtomicBool::new(false),
            other_protocol: OnceLock::new(),
        });
        S3Client { shared }
    }

    /// The prefix of every key; may be empty.
    pub fn prefix(&self) -> &str {
        &self.shared.prefix
    }

    /// Connections that are open now.
    pub fn connections_open(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Pieces of bodies that connections have taken so far: while it grows, uploads move.
    pub fn pieces_sent(&self) -> u64 {
        self.shared.pieces_sent.load(Ordering::Relaxed)
    }

    /// The whole object, or `None` when there is none of that key.
    ///
    /// # Errors
    /// [`S3Error::TooLarge`] when it has more than `limit` bytes, else see [`S3Error`].
    pub async fn get_small(&self, key: &str, limit: usize) -> Result<Option<Bytes>, S3Error> {
        let Some(mut body) = self.get_stream(key).await? else {
            return Ok(None);
        };
        let mut whole = BytesMut::new();
        while let Some(chunk) = body.next().await? {
            if whole.len() + chunk.len() > limit {
                return Err(body.attempt().too_large(limit));
            }
            if whole.is_empty() && body.is_complete() {
                return Ok(Some(chunk));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(Some(whole.freeze()))
    }

    /// Asks if there is an object of that key.
    ///
    /// # Errors
    /// See [`S3Error`].
    pub async fn has(&self, key: &str) -> Result<bool, S3Error> {
        let key = self.full_key(key);
        let attempt = self.attempt("HEAD", &key);
        let request = self.shared.sdk.head_object().bucket(self.bucket()).key(&key);
        match self.run(&attempt, STALL_TIMEOUT, || request.clone().send()).await {
            Ok(_) => Ok(true),
            Err(S3Error::NoSuchKey { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes one object from memory.
    ///
    /// # Errors
    /// See [`S3Error`].
    pub async fn put_bytes(&self, key: &str, body: Bytes) -> Result<(), S3Error> {
        self.put(key, body.len() as u64, || Ok(Upload::from_bytes(body.clone()))).await
    }

    /// Writes one object from the `size` bytes of a file, streamed.
    ///
    /// # Errors
    /// See [`S3Error`]; [`S3Error::Other`] when the file cannot be read, [`S3Error::TooLarge`] above 5 GiB.
    pub async fn put_file(&self, key: &str, path: &Path, size: u64) -> Result<(), S3Error> {
        self.put(key, size, || Upload::from_file(path, size)).await
    }

    /// Writes one object of `head` and the `size` bytes of a file behind it, streamed.
    ///
    /// # Errors
    /// As [`S3Client::put_file`].
    pub async fn put_file_after(&self, key: &str, head: Bytes, path: &Path, size: u64) -> Result<(), S3Error> {
        let all = head.len() as u64 + size;
        self.put(key, all, || Upload::from_file_after(head.clone(), path, size)).await
    }

    /// Asks for nothing but whether the bucket can be used.
    ///
    /// # Errors
    /// Tells an unreachable endpoint, refused credentials and a missing bucket apart.
    pub async fn head_bucket(&self) -> Result<(), S3Error> {
        let attempt = self.attempt("HEAD", "");
        let request = self.shared.sdk.head_bucket().bucket(self.bucket());
        self.run(&attempt, STALL_TIMEOUT, || request.clone().send()).await.map(drop)
    }

    async fn put(&self, key: &str, size: u64, body: impl Fn() -> io::Result<Upload>) -> Result<(), S3Error> {
        let key = self.full_key(key);
        let attempt = self.attempt("PUT", &key);
        if size > MOST_PUT_BYTES {
            return Err(attempt.too_large(MOST_PUT_BYTES as usize));
        }
        let stall = self.shared.stall_timeout + hidden_for(size);
        let put = || async {
            let upload = body().map_err(|error| attempt.other(&error.to_string()))?;
            let (body, progress) = upload.into_parts(self.shared.pieces_sent.clone());
            let request = self.shared.sdk.put_object().bucket(self.bucket()).key(&key);
            let request = request.content_length(size as i64).body(body);
            // Hashing the body to sign it would cost more than sending it; the reader checks anyway.
            let sent = request.customize().disable_payload_signing().send();
            progress.watch(stall, Box::pin(sent)).await.ok_or_else(|| attempt.timeout(stall))
        };
        let asked = self.shared.endpoint.now();
        let mut answer = put().await?;
        if answer.as_ref().is_err_and(|error| self.shared.endpoint.learn(&asked, error)) {
            answer = put().await?;
        }
        self.settle(&attempt, answer).await.map(drop)
    }

    pub(crate) fn attempt<'a>(&'a self, method: &'static str, key: &'a str) -> RequestTarget<'a> {
        RequestTarget::new(&self.shared.target, method, key)
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.shared.target.bucket
    }

    pub(crate) fn full_key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix())
    }
}

/// How long an upload of `size` bytes may go on where it cannot be seen.
fn hidden_for(size: u64) -> Duration {
    Duration::from_secs(size.min(BUFFERED_BYTES) / SLOWEST_BYTES_PER_S)
}
