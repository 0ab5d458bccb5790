//! What can go wrong with the remote, told apart as far as a caller decides by it.
//!
//! Texts are made of method, endpoint, bucket and key, a status and S3's error code, never of
//! headers, answers or request contents: those can hold signatures.

/// A failed operation. `tried` is the method and what it was for: `GET "key" in bucket "cache"`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum S3Error {
    #[error("the S3 endpoint {endpoint} {reason} ({tried})")]
    Unreachable { endpoint: String, tried: String, reason: String },
    #[error("the S3 endpoint {endpoint} gave no answer for {seconds} s ({tried})")]
    Timeout { endpoint: String, tried: String, seconds: u64 },
    #[error("the S3 endpoint {endpoint} denied access: {code} ({tried})")]
    AccessDenied { endpoint: String, tried: String, code: String },
    #[error("there is no bucket \"{bucket}\" at {endpoint} ({tried})")]
    NoSuchBucket { endpoint: String, tried: String, bucket: String },
    #[error("there is no such object ({tried})")]
    NoSuchKey { tried: String },
    #[error("the S3 endpoint {endpoint} asks to slow down: {status} ({tried})")]
    Throttled { endpoint: String, tried: String, status: u16 },
    #[error("the S3 endpoint {endpoint} answered {status} {code} ({tried})")]
    Status { endpoint: String, tried: String, status: u16, code: String },
    #[error("the body ended after {received_bytes} bytes ({tried})")]
    Truncated { tried: String, received_bytes: u64, announced_bytes: Option<u64> },
    #[error("the object has more than {limit_bytes} bytes ({tried})")]
    TooLarge { tried: String, limit_bytes: usize },
    #[error("{tried} failed: {reason}")]
    Other { tried: String, reason: String },
}

impl S3Error {
    /// The store lacks this operation; another one may serve.
    pub(super) fn is_not_implemented(&self) -> bool {
        match self {
            S3Error::Status { status, code, .. } => *status == 501 || code == "NotImplemented",
            _ => false,
        }
    }

    /// The error as a paragraph for a person: what happened, what was tried, what to do next.
    pub fn report(&self) -> String {
        let (happened, tried) = self.split();
        format!("{happened}\n  tried: {tried}\n  next:  {}", self.next_step())
    }

    fn split(&self) -> (String, &str) {
        let (S3Error::Unreachable { tried, .. }
        | S3Error::Timeout { tried, .. }
        | S3Error::AccessDenied { tried, .. }
        | S3Error::NoSuchBucket { tried, .. }
        | S3Error::NoSuchKey { tried }
        | S3Error::Throttled { tried, .. }
        | S3Error::Status { tried, .. }
        | S3Error::Truncated { tried, .. }
        | S3Error::TooLarge { tried, .. }
        | S3Error::Other { tried, .. }) = self;
        let text = self.to_string();
        let happened = text.strip_suffix(&format!(" ({tried})")).unwrap_or(&text);
        (happened.to_owned(), tried)
    }

    fn next_step(&self) -> &'static str {
        match self {
            S3Error::Unreachable { reason, .. } if reason.contains("certificate") => {
                "let SSL_CERT_FILE name a PEM file with the certificate to trust"
            }
            S3Error::Unreachable { .. } => "start it, or correct S3_ENDPOINT",
            S3Error::Timeout { .. } => "check the network between here and S3_ENDPOINT",
            S3Error::AccessDenied { code, .. } if code == "RequestTimeTooSkewed" => "set the clock of this machine",
            S3Error::AccessDenied { .. } => {
                "check S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY and S3_SESSION_TOKEN: they may have \
                 expired, or may not open this bucket"
            }
            S3Error::NoSuchBucket { .. } => "create the bucket, or correct S3_BUCKET_NAME",
            S3Error::Throttled { .. } => "try again later, or use a bucket with less traffic",
            S3Error::Status { .. } => "check S3_ENDPOINT and S3_REGION; the store's log may say more",
            S3Error::NoSuchKey { .. } | S3Error::Truncated { .. } | S3Error::TooLarge { .. } => {
                "delete the object with `s3-clean`; the next build writes it again"
            }
            S3Error::Other { .. } => "try again; the same error twice is worth an issue",
        }
    }
}
