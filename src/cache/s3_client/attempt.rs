//! One operation under way: from what the SDK says, the error that tells what was tried on what.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::error::S3Error;

/// Which bucket, where.
pub(super) struct Target {
    pub(super) endpoint: String,
    pub(super) bucket: String,
    pub(super) connect_timeout: Duration,
}

/// One operation under way: what its errors have to say it was. Costs nothing until it fails.
pub(super) struct Attempt<'a> {
    target: &'a Target,
    method: &'static str,
    key: &'a str,
}

impl fmt::Display for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Attempt { target, method, key } = self;
        match (key.is_empty(), *method) {
            (true, _) => write!(f, "{method} bucket \"{}\" with the key of S3_ACCESS_KEY_ID", target.bucket),
            (false, "LIST") => write!(f, "LIST \"{key}…\" in bucket \"{}\"", target.bucket),
            (false, _) => write!(f, "{method} \"{key}\" in bucket \"{}\"", target.bucket),
        }
    }
}

impl<'a> Attempt<'a> {
    pub(super) fn new(target: &'a Target, method: &'static str, key: &'a str) -> Self {
        Attempt { target, method, key }
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

    pub(super) fn other(&self, reason: &str) -> S3Error {
        S3Error::Other { tried: self.to_string(), reason: reason.to_owned() }
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
            SdkError::DispatchFailure(_) => S3Error::Unreachable {
                endpoint: self.target.endpoint.clone(),
                tried: self.to_string(),
                reason: unreachable_reason(error),
            },
            SdkError::ResponseError(failed) => {
                self.answered(failed.raw().status().as_u16(), Some("with a body that is not S3's"))
            }
            _ => self.other("the request could not be made"),
        }
    }

    /// One object of a batch was refused; there is no status of its own, only S3's code.
    pub(super) fn refused(&self, code: &str) -> S3Error {
        self.answered(200, Some(code))
    }

    fn answered(&self, status: u16, code: Option<&str>) -> S3Error {
        let tried = self.to_string();
        let endpoint = self.target.endpoint.clone();
        // An answer to HEAD has no body, and so no code of S3's.
        let code = code.map_or_else(|| format!("status {status}"), str::to_owned);
        match (status, code.as_str()) {
            (_, "NoSuchKey") => S3Error::NoSuchKey { tried },
            (_, "NoSuchBucket") => self.no_such_bucket(tried),
            (404, _) if self.key.is_empty() => self.no_such_bucket(tried),
            (404, _) if matches!(self.method, "GET" | "HEAD") => S3Error::NoSuchKey { tried },
            (401 | 403, _) | (_, "AccessDenied" | "ExpiredToken" | "InvalidToken") => {
                S3Error::AccessDenied { endpoint, tried, code }
            }
            (429 | 503, _) | (_, "SlowDown") => S3Error::Throttled { endpoint, tried, status },
            _ => S3Error::Status { endpoint, tried, status, code },
        }
    }

    fn no_such_bucket(&self, tried: String) -> S3Error {
        S3Error::NoSuchBucket { endpoint: self.target.endpoint.clone(), tried, bucket: self.target.bucket.clone() }
    }
}

/// Says in words why there was no answer, from the innermost cause that tells something.
fn unreachable_reason(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    loop {
        if let Some(tls) = innermost.downcast_ref::<rustls::Error>() {
            return match tls {
                rustls::Error::InvalidCertificate(why) => {
                    format!("shows a certificate that is not trusted here: {why}")
                }
                other => format!("failed in the TLS handshake: {other}"),
            };
        }
        // An io::Error can hide the TLS error that it carries from `source`.
        let carried = innermost.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match carried.map(|inner| inner as &(dyn StdError + 'static)).or(innermost.source()) {
            Some(deeper) => innermost = deeper,
            None => break,
        }
    }
    match innermost.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "refused the connection".to_owned(),
        Some(io::ErrorKind::ConnectionReset) => "reset the connection".to_owned(),
        _ => format!("cannot be reached: {innermost}"),
    }
}
