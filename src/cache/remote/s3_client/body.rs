//! The body of an object on its way here, watched for stalls and for a short end.

use std::time::Instant;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tracing::Span;

use crate::cache::remote::s3_client::attempt::RequestTarget;
use crate::cache::remote::s3_client::client::{S3Client, STALL_TIMEOUT};
use crate::cache::remote::s3_client::error::S3Error;

/// Field of the span around a download: from the question to the head of the answer, nanoseconds.
const FIRST_BYTE: &str = "first_byte_ns";

/// The body of an object on its way here. Read it to its end (`None`), or the connection under it
/// is closed instead of being used again.
pub struct S3Body {
    client: S3Client,
    key: String,
    stream: ByteStream,
    received_bytes: u64,
    /// The length that the store announced, in bytes.
    pub content_length: Option<u64>,
}

impl S3Body {
    pub(super) fn new(client: S3Client, key: String, output: GetObjectOutput) -> Self {
        S3Body {
            client,
            key,
            content_length: output.content_length.and_then(|length| u64::try_from(length).ok()),
            stream: output.body,
            received_bytes: 0,
        }
    }

    /// The next chunk, `None` at the end.
    ///
    /// # Errors
    /// [`S3Error::Truncated`] when fewer bytes came than announced, [`S3Error::Timeout`] when none
    /// came for a while.
    pub async fn next(&mut self) -> Result<Option<Bytes>, S3Error> {
        let next = tokio::time::timeout(STALL_TIMEOUT, self.stream.next()).await;
        match next {
            Err(_) => Err(self.attempt().timeout(STALL_TIMEOUT)),
            Ok(Some(Ok(chunk))) => {
                self.received_bytes += chunk.len() as u64;
                Ok(Some(chunk))
            }
            Ok(None) if self.content_length.is_none_or(|all| all == self.received_bytes) => Ok(None),
            Ok(None | Some(Err(_))) => {
                let (received, announced) = (self.received_bytes, self.content_length);
                Err(self.attempt().truncated(received, announced))
            }
        }
    }

    pub(super) fn attempt(&self) -> RequestTarget<'_> {
        self.client.attempt("GET", &self.key)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.content_length == Some(self.received_bytes)
    }
}

impl S3Client {
    /// The object as a stream of chunks, or `None` when there is none of that key.
    ///
    /// # Errors
    /// See [`S3Error`].
    pub async fn get_stream(&self, key: &str) -> Result<Option<S3Body>, S3Error> {
        let key = self.full_key(key);
        let attempt = self.attempt("GET", &key);
        let request = self.shared.sdk.get_object().bucket(self.bucket()).key(&key);
        let began = Instant::now();
        let answer = self.run(&attempt, STALL_TIMEOUT, || request.clone().send()).await;
        if !matches!(answer, Err(S3Error::Timeout { .. })) {
            Span::current().record(FIRST_BYTE, began.elapsed().as_nanos() as u64);
        }
        match answer {
            Ok(output) => Ok(Some(S3Body::new(self.clone(), key, output))),
            Err(S3Error::NoSuchKey { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
