//! The S3 operations that the cache needs, over a lean `aws-sdk-s3` client.
//!
//! Keys are given without the configured prefix; the client puts it before them. There are no
//! retries and no checksums here: what a failure means is the caller's decision, and a body is
//! checked against its SHA-256 by whoever stores it.

mod attempt;
mod body;
mod connector;
mod error;
mod settings;
mod upload;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use tracing::Span;

use super::s3_config::S3Config;
use attempt::{Attempt, Target};
pub use body::S3Body;
pub use error::S3Error;
use upload::Upload;

/// Field of the span around a download: from the question to the head of the answer, nanoseconds.
pub const FIRST_BYTE: &str = "first_byte_ns";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an answer or a body may make no progress.
const STALL_TIMEOUT: Duration = Duration::from_secs(5);
/// So many times longer than others may a client wait whose threads step back behind the build.
const PATIENCE: u32 = 10;
/// A link slower than this is stuck. What a connection has taken in may be on its way for this long, unseen, ...
const SLOWEST_BYTES_PER_S: u64 = 16 << 10;
/// ... and this is the most that the system takes in.
const BUFFERED_BYTES: u64 = 1 << 20;
/// How long a whole page of a listing or a whole batch of deletions may take: a store works on a thousand keys there.
const BATCH_TIMEOUT: Duration = Duration::from_secs(60);
/// The most keys that one DeleteObjects request may name.
const DELETE_BATCH: usize = 1000;
const SINGLE_DELETES_IN_FLIGHT: usize = 10;

/// A connection pool to one bucket. Cloning shares it.
#[derive(Clone)]
pub struct S3Client {
    shared: Arc<Shared>,
}

struct Shared {
    sdk: aws_sdk_s3::Client,
    target: Target,
    prefix: String,
    /// How long an upload may make no progress, beside what its size allows.
    stall_timeout: Duration,
    /// Connections that are open.
    connections: Arc<AtomicU64>,
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

    /// The same, for threads that may have to wait for a processor.
    pub fn connect_patiently(config: &S3Config) -> S3Client {
        Self::with_patience(config, PATIENCE)
    }

    fn with_patience(config: &S3Config, patience: u32) -> S3Client {
        let connect_timeout = CONNECT_TIMEOUT * patience;
        let target = Target { endpoint: config.endpoint_url.clone(), bucket: config.bucket.clone(), connect_timeout };
        let connections = Arc::new(AtomicU64::new(0));
        let shared = Arc::new(Shared {
            sdk: aws_sdk_s3::Client::from_conf(settings::lean(config, connect_timeout, connections.clone())),
            target,
            prefix: config.prefix.clone(),
            stall_timeout: STALL_TIMEOUT * patience,
            connections,
        });
        S3Client { shared }
    }

    /// What the client puts before every key; may be empty.
    pub fn prefix(&self) -> &str {
        &self.shared.prefix
    }

    /// Connections that are open now.
    pub fn connections_open(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
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

    /// The object as a stream of chunks, or `None` when there is none of that key.
    ///
    /// # Errors
    /// See [`S3Error`].
    pub async fn get_stream(&self, key: &str) -> Result<Option<S3Body>, S3Error> {
        let key = self.full_key(key);
        let attempt = self.attempt("GET", &key);
        let request = self.shared.sdk.get_object();
        let sent = request.bucket(self.bucket()).key(&key).send();
        let began = Instant::now();
        let answer = attempt.timed(STALL_TIMEOUT, sent).await?;
        Span::current().record(FIRST_BYTE, began.elapsed().as_nanos() as u64);
        match answer {
            Ok(output) => Ok(Some(S3Body::new(self.clone(), key, output))),
            Err(error) => match attempt.explain(&error) {
                S3Error::NoSuchKey { .. } => Ok(None),
                explained => Err(explained),
            },
        }
    }

    /// Whether there is an object of that key.
    ///
    /// # Errors
    /// See [`S3Error`].
    pub async fn has(&self, key: &str) -> Result<bool, S3Error> {
        let key = self.full_key(key);
        let attempt = self.attempt("HEAD", &key);
        let sent = self.shared.sdk.head_object().bucket(self.bucket()).key(&key).send();
        match attempt.timed(STALL_TIMEOUT, sent).await? {
            Ok(_) => Ok(true),
            Err(error) => match attempt.explain(&error) {
                S3Error::NoSuchKey { .. } => Ok(false),
                explained => Err(explained),
            },
        }
    }

    /// Writes one object from memory.
    ///
    /// # Errors
    /// See [`S3Error`].
    pub async fn put_bytes(&self, key: &str, body: Bytes) -> Result<(), S3Error> {
        self.put(key, body.len() as u64, Upload::from_bytes(body)).await
    }

    /// Writes one object from the `size` bytes of a file, streamed.
    ///
    /// # Errors
    /// See [`S3Error`]; [`S3Error::Other`] when the file cannot be read.
    pub async fn put_file(&self, key: &str, path: &Path, size: u64) -> Result<(), S3Error> {
        let upload = Upload::from_file(path, size);
        let upload = upload.map_err(|error| {
            let attempt_key = self.full_key(key);
            self.attempt("PUT", &attempt_key).other(&error.to_string())
        })?;
        self.put(key, size, upload).await
    }

    /// Writes one object of `head` and the `size` bytes of a file behind it, streamed.
    ///
    /// # Errors
    /// As [`S3Client::put_file`].
    pub async fn put_file_after(&self, key: &str, head: Bytes, path: &Path, size: u64) -> Result<(), S3Error> {
        let all = head.len() as u64 + size;
        let upload = Upload::from_file_after(head, path, size);
        let upload = upload.map_err(|error| {
            let attempt_key = self.full_key(key);
            self.attempt("PUT", &attempt_key).other(&error.to_string())
        })?;
        self.put(key, all, upload).await
    }

    /// Asks for nothing but whether the bucket can be used.
    ///
    /// # Errors
    /// Tells an unreachable endpoint, refused credentials and a missing bucket apart.
    pub async fn head_bucket(&self) -> Result<(), S3Error> {
        let attempt = self.attempt("HEAD", "");
        let sent = self.shared.sdk.head_bucket().bucket(self.bucket()).send();
        let answer = attempt.timed(STALL_TIMEOUT, sent).await?;
        answer.map(drop).map_err(|error| attempt.explain(&error))
    }

    /// Hands every page of objects below `prefix` to `page`. The keys it gets are full keys, with
    /// the configured prefix.
    ///
    /// # Errors
    /// See [`S3Error`]; pages before the failing one have been handed over.
    pub async fn list(&self, prefix: &str, page: impl FnMut(Vec<ListedObject>)) -> Result<(), S3Error> {
        self.list_within(BATCH_TIMEOUT, prefix, page).await
    }

    /// The same of few objects, for which go waits: a store that says nothing for five seconds is given up.
    ///
    /// # Errors
    /// As [`S3Client::list`].
    pub async fn list_quickly(&self, prefix: &str, page: impl FnMut(Vec<ListedObject>)) -> Result<(), S3Error> {
        self.list_within(STALL_TIMEOUT, prefix, page).await
    }

    async fn list_within(
        &self,
        limit: Duration,
        prefix: &str,
        mut page: impl FnMut(Vec<ListedObject>),
    ) -> Result<(), S3Error> {
        let prefix = self.full_key(prefix);
        let mut token = None;
        loop {
            let (objects, next) = self.list_page(limit, &prefix, token).await?;
            page(objects.collect());
            token = next;
            if token.is_none() {
                return Ok(());
            }
        }
    }

    /// Asks for one key of a listing: whether the store answers at all, and lists to this key.
    ///
    /// # Errors
    /// See [`S3Error`].
    pub async fn list_one(&self) -> Result<(), S3Error> {
        let attempt = self.attempt("LIST", self.prefix());
        let request = self.shared.sdk.list_objects_v2().bucket(self.bucket());
        let request = request.prefix(self.prefix()).max_keys(1);
        let answer = attempt.timed(STALL_TIMEOUT, request.send()).await?;
        answer.map(drop).map_err(|error| attempt.explain(&error))
    }

    /// All objects of the client, with their full keys; `None` when there are more than `most` and more than one page.
    /// `answered` is called after each request: a page holds a thousand keys.
    ///
    /// # Errors
    /// See [`S3Error`].
    pub async fn list_at_most(
        &self,
        most: usize,
        mut answered: impl FnMut(),
    ) -> Result<Option<Vec<ListedObject>>, S3Error> {
        let mut objects = Vec::new();
        let mut token = None;
        loop {
            let page = self.list_page(BATCH_TIMEOUT, self.prefix(), token).await;
            answered();
            let (page, next) = page?;
            objects.extend(page);
            token = next;
            match &token {
                None => return Ok(Some(objects)),
                Some(_) if objects.len() >= most => return Ok(None),
                Some(_) => {}
            }
        }
    }

    /// One page of objects below a full key, and the token of the next.
    async fn list_page(
        &self,
        limit: Duration,
        prefix: &str,
        token: Option<String>,
    ) -> Result<(impl Iterator<Item = ListedObject> + use<>, Option<String>), S3Error> {
        let attempt = self.attempt("LIST", prefix);
        let request = self.shared.sdk.list_objects_v2().bucket(self.bucket());
        let request = request.prefix(prefix).set_continuation_token(token);
        let answer = attempt.timed(limit, request.send()).await?;
        let answer = answer.map_err(|error| attempt.explain(&error))?;
        let objects = answer.contents.unwrap_or_default();
        Ok((objects.into_iter().filter_map(listed), answer.next_continuation_token))
    }

    /// Deletes objects, in batches where the store can do that. A key that is not there counts as
    /// deleted, as S3 has it.
    ///
    /// # Errors
    /// The first failure; batches before it are gone.
    pub async fn delete(&self, keys: &[String]) -> Result<u64, S3Error> {
        let keys: Vec<String> = keys.iter().map(|key| self.full_key(key)).collect();
        for batch in keys.chunks(DELETE_BATCH) {
            match self.delete_batch(batch).await {
                Err(error) if error.is_not_implemented() => self.delete_singly(batch).await?,
                other => other?,
            }
        }
        Ok(keys.len() as u64)
    }

    async fn delete_batch(&self, keys: &[String]) -> Result<(), S3Error> {
        let attempt = self.attempt("DELETE", keys.first().map_or("", String::as_str));
        let ids = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build());
        let delete = ids
            .collect::<Result<Vec<_>, _>>()
            .and_then(|ids| Delete::builder().set_objects(Some(ids)).quiet(true).build())
            .map_err(|error| attempt.other(&error.to_string()))?;
        let request = self.shared.sdk.delete_objects().bucket(self.bucket());
        let answer = attempt.timed(BATCH_TIMEOUT, request.delete(delete).send()).await?;
        let answer = answer.map_err(|error| attempt.explain(&error))?;
        match answer.errors().first() {
            None => Ok(()),
            Some(failed) => Err(self
                .attempt("DELETE", failed.key().unwrap_or_default())
                .refused(failed.code().unwrap_or("no code"))),
        }
    }

    async fn delete_singly(&self, keys: &[String]) -> Result<(), S3Error> {
        let deletes = keys.iter().map(|key| async move {
            let attempt = self.attempt("DELETE", key);
            let request = self.shared.sdk.delete_object().bucket(self.bucket());
            let answer = attempt.timed(STALL_TIMEOUT, request.key(key).send()).await?;
            answer.map(drop).map_err(|error| attempt.explain(&error))
        });
        let deletes = stream::iter(deletes).buffer_unordered(SINGLE_DELETES_IN_FLIGHT);
        deletes.try_collect().await
    }

    async fn put(&self, key: &str, size: u64, upload: Upload) -> Result<(), S3Error> {
        let key = self.full_key(key);
        let attempt = self.attempt("PUT", &key);
        let (body, progress) = upload.into_parts();
        let length = i64::try_from(size).map_err(|_| attempt.other("the size is too large"))?;
        let request = self.shared.sdk.put_object().bucket(self.bucket()).key(&key);
        let request = request.content_length(length).body(body);
        // Hashing the body to sign it would cost more than sending it; the reader checks anyway.
        let sent = request.customize().disable_payload_signing().send();
        let stall = self.shared.stall_timeout + hidden_for(size);
        let answer = progress.watch(stall, sent).await;
        let answer = answer.ok_or_else(|| attempt.timeout(stall))?;
        answer.map(drop).map_err(|error| attempt.explain(&error))
    }

    fn attempt<'a>(&'a self, method: &'static str, key: &'a str) -> Attempt<'a> {
        Attempt::new(&self.shared.target, method, key)
    }

    fn bucket(&self) -> &str {
        &self.shared.target.bucket
    }

    fn full_key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix())
    }
}

/// How long an upload of `size` bytes may go on where it cannot be seen.
fn hidden_for(size: u64) -> Duration {
    Duration::from_secs(size.min(BUFFERED_BYTES) / SLOWEST_BYTES_PER_S)
}

fn listed(object: aws_sdk_s3::types::Object) -> Option<ListedObject> {
    let size_bytes = object.size.and_then(|size| u64::try_from(size).ok());
    let modified_s = object.last_modified.map_or(0, |time| time.secs());
    Some(ListedObject { key: object.key?, size_bytes: size_bytes.unwrap_or(0), modified_s })
}
