//! One operation under way: from what the SDK says, the error that tells what was tried on what.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::cache::remote::s3_client::error::{S3Error, Target};
use crate::cache::remote::s3_client::unreachable;

/// The codes of refusals that say that no user has the key.
const UNKNOWN_KEY: [&str; 4] = ["InvalidAccessKeyId", "InvalidClientTokenId", "XAdminNoSuchUser", "XAdminUserNotFound"];

/// The target of a request, for the words of its errors. Costs nothing until one is made.
pub(crate) struct RequestTarget<'a> {
    target: &'a Target,
    method: &'static str,
    key: &'a str,
}

impl fmt::Display for RequestTarget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RequestTarget { target, method, key } = self;
        match (key.is_empty(), *method) {
            (true, _) => write!(f, "{method} bucket \"{}\" with the key of S3_ACCESS_KEY_ID", target.bucket),
            (false, "LIST") => write!(f, "LIST \"{key}…\" in bucket \"{}\"", target.bucket),
            (false, _) => write!(f, "{method} \"{key}\" in bucket \"{}\"", target.bucket),
        }
    }
}

impl<'a> RequestTarget<'a> {
    pub(super) fn new(target: &'a Target, method: &'static str, key: &'a str) -> Self {
        RequestTarget { target, method, key }
    }

    pub(super) async fn timed<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Result<T, S3Error> {
        let done = tokio::time::timeout(limit, work).await;
        done.map_err(|_| self.timeout(limit))
    }

    pub(super) fn timeout(&self, limit: Duration) -> S3Error {
        S3Error::Timeout { endpoint: self.target.endpoint.clone(), tried: self.to_string(), seconds: limit.as_secs() }
    }

    pub(super) fn truncated(&self, received_bytes: u64, announced_bytes: Option<u64>) -> S3Error {
        S3Error::Truncated { tried: self.to_string(), received_bytes, announced_bytes }
    }

    pub(super) fn too_large(&self, limit_bytes: usize) -> S3Error {
        S3Error::TooLarge { tried: self.to_string(), limit_bytes }
    }

    pub(super) fn incomplete(&self, reason: &'static str) -> S3Error {
        S3Error::Incomplete { tried: self.to_string(), reason }
    }

    pub(super) fn other(&self, reason: &str) -> S3Error {
        S3Error::Other { tried: self.to_string(), reason: reason.to_owned() }
    }

    pub(super) fn unreachable(&self, reason: String, hint: Option<String>) -> S3Error {
        S3Error::Unreachable { endpoint: self.target.endpoint.clone(), tried: self.to_string(), reason, hint }
    }

    /// Sorts what the SDK says into the cases a caller tells apart.
    pub(super) fn explain<E>(&self, error: &SdkError<E, HttpResponse>) -> S3Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        match error {
            SdkError::ServiceError(failed) => self.answered(failed.raw().status().as_u16(), failed.err().code()),
            SdkError::TimeoutError(_) => self.timeout(self.target.connect_timeout),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => self.timeout(self.target.connect_timeout),
            SdkError::DispatchFailure(_) => {
                let (reason, hint) = unreachable::reason(error, self.target);
                self.unreachable(reason, hint.or(self.target.doubt.map(str::to_owned)))
            }
            SdkError::ResponseError(failed) => {
                self.answered(failed.raw().status().as_u16(), Some("with a body that is not S3's"))
            }
            _ => self.other("the request could not be made"),
        }
    }

    fn answered(&self, status: u16, code: Option<&str>) -> S3Error {
        let tried = self.to_string();
        let endpoint = self.target.endpoint.clone();
        // An answer to HEAD has no body, and so no code of S3's; nor has one that a proxy gives.
        let code = code.map_or_else(|| self.words_of(status), str::to_owned);
        match (status, code.as_str()) {
            // Stores with users of their own say 404 to a key that they do not know.
            (_, code) if UNKNOWN_KEY.contains(&code) => {
                S3Error::AccessDenied { endpoint, tried, status, code: code.to_owned() }
            }
            // A listing that finds an object instead of a bucket: the endpoint has the bucket's name in it.
            (404, _) if self.method == "LIST" && self.target.doubt.is_some() => self.no_such_bucket(tried),
            (_, "NoSuchKey") => S3Error::NoSuchKey { tried },
            (_, "NoSuchBucket") => self.no_such_bucket(tried),
            (404, _) if self.key.is_empty() => self.no_such_bucket(tried),
            (404, _) if matches!(self.method, "GET" | "HEAD") => S3Error::NoSuchKey { tried },
            (401 | 403, _) | (_, "AccessDenied" | "ExpiredToken" | "InvalidToken") => {
                S3Error::AccessDenied { endpoint, tried, status, code }
            }
            (429 | 503, _) | (_, "SlowDown") => S3Error::Throttled { endpoint, tried, status },
            _ => S3Error::Status { endpoint, tried, status, code },
        }
    }

    fn no_such_bucket(&self, tried: String) -> S3Error {
        S3Error::NoSuchBucket {
            endpoint: self.target.endpoint.clone(),
            tried,
            bucket: self.target.bucket.clone(),
            hint: self.target.doubt.map(str::to_owned),
        }
    }

    fn words_of(&self, status: u16) -> String {
        let status = http::StatusCode::from_u16(status).ok();
        let words = status.and_then(|status| status.canonical_reason()).unwrap_or("without a code");
        match &self.target.proxy {
            Some(proxy) => format!("{words}, through {proxy}"),
            None => words.to_owned(),
        }
    }
}
