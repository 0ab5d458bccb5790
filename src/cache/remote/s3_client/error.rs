//! Errors of the remote, as far apart as a caller decides by them.
//!
//! Texts are made of method, endpoint, bucket and key, a status and S3's error code, never of
//! headers, answers or request contents: those can hold signatures.

use std::time::Duration;

use crate::cache::remote::s3_config::config::S3Config;

/// A failed operation. `tried` is the method and what it was for: `GET "key" in bucket "cache"`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum S3Error {
    #[error("the S3 endpoint {endpoint} {reason}{} ({tried})", also(.hint))]
    Unreachable {
        endpoint: String,
        tried: String,
        reason: String,
        /// Help, where some is known.
        hint: Option<String>,
    },
    #[error("the S3 endpoint {endpoint} gave no answer for {seconds} s ({tried})")]
    Timeout { endpoint: String, tried: String, seconds: u64 },
    #[error("the S3 endpoint {endpoint} denied access: {code} ({tried})")]
    AccessDenied { endpoint: String, tried: String, status: u16, code: String },
    #[error("there is no bucket \"{bucket}\" at {endpoint}{} ({tried})", also(.hint))]
    NoSuchBucket {
        endpoint: String,
        tried: String,
        bucket: String,
        /// Help, where some is known.
        hint: Option<String>,
    },
    #[error("there is no such object ({tried})")]
    NoSuchKey { tried: String },
    #[error("the S3 endpoint {endpoint} asks to slow down: {status} ({tried})")]
    Throttled { endpoint: String, tried: String, status: u16 },
    #[error("the S3 endpoint {endpoint} answered {status} {code} ({tried})")]
    Status { endpoint: String, tried: String, status: u16, code: String },
    #[error("the body ended after {received_bytes} bytes ({tried})")]
    Truncated { tried: String, received_bytes: u64, announced_bytes: Option<u64> },
    /// An object larger than the caller takes, or than one PUT may be.
    #[error("the object has more than {limit_bytes} bytes ({tried})")]
    TooLarge { tried: String, limit_bytes: usize },
    /// A listing that says that there is more, and does not give it.
    #[error("the listing is incomplete: {reason} ({tried})")]
    Incomplete { tried: String, reason: &'static str },
    #[error("{tried} failed: {reason}")]
    Other { tried: String, reason: String },
}

fn also(hint: &Option<String>) -> String {
    hint.as_ref().map_or_else(String::new, |hint| format!(": {hint}"))
}

impl S3Error {
    /// The store has answered that it cannot do this now: 429, or a status of 500 and more but 501.
    pub(super) fn is_passing_refusal(&self) -> bool {
        match self {
            S3Error::Throttled { .. } => true,
            S3Error::Status { status, .. } => *status >= 500 && *status != 501,
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
        | S3Error::Incomplete { tried, .. }
        | S3Error::Other { tried, .. }) = self;
        let text = self.to_string();
        let mut happened = text.strip_suffix(&format!(" ({tried})")).unwrap_or(&text);
        if let S3Error::Unreachable { hint, .. } | S3Error::NoSuchBucket { hint, .. } = self {
            happened = happened.strip_suffix(&also(hint)).unwrap_or(happened);
        }
        (happened.to_owned(), tried)
    }

    fn next_step(&self) -> &str {
        match self {
            S3Error::Unreachable { hint: Some(hint), .. } | S3Error::NoSuchBucket { hint: Some(hint), .. } => hint,
            S3Error::Unreachable { .. } => "start it, or correct S3_ENDPOINT",
            S3Error::Timeout { .. } => "check the network between here and S3_ENDPOINT",
            S3Error::AccessDenied { code, .. } if code == "RequestTimeTooSkewed" => "set the clock of this machine",
            // Of a store that takes the bucket's name only in front of the host.
            S3Error::AccessDenied { code, .. } if code == "SecondLevelDomainForbidden" => "set S3_ADDRESSING=virtual",
            S3Error::AccessDenied { .. } => {
                "check S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY and S3_SESSION_TOKEN: they may have \
                 expired, or may not open this bucket"
            }
            S3Error::NoSuchBucket { .. } => "create the bucket, or correct S3_BUCKET_NAME",
            S3Error::Throttled { .. } => "try again later, or use a bucket with less traffic",
            S3Error::Status { status: 407, .. } => {
                "put the proxy's user name and password into the variable that names it"
            }
            S3Error::Status { .. } => "check S3_ENDPOINT and S3_REGION; the store's log may say more",
            S3Error::NoSuchKey { tried } if tried.starts_with("LIST") => {
                "check S3_ENDPOINT and S3_ADDRESSING: the store took the bucket's URL for that of an object"
            }
            S3Error::TooLarge { tried, .. } if tried.starts_with("PUT") => "keep it on local disk",
            S3Error::NoSuchKey { .. } | S3Error::Truncated { .. } | S3Error::TooLarge { .. } => {
                "delete the object with `s3-clean`; the next build writes it again"
            }
            S3Error::Incomplete { .. } => {
                "try again; where it happens again, the store's listings do not end as S3's do"
            }
            S3Error::Other { .. } => "try again; the same error twice is worth an issue",
        }
    }
}

/// The bucket and how it is reached, for errors.
pub(crate) struct Target {
    pub(super) endpoint: String,
    pub(super) bucket: String,
    /// The host and port that requests are for.
    pub(super) host: String,
    pub(super) port: u16,
    /// The proxy in front of it, in words.
    pub(super) proxy: Option<String>,
    /// A mistake that the endpoint may contain.
    pub(super) doubt: Option<&'static str>,
    pub(super) connect_timeout: Duration,
}

impl Target {
    pub(super) fn of(config: &S3Config, connect_timeout: Duration) -> Self {
        let uri = config.address().parse::<http::Uri>().unwrap_or_default();
        Target {
            endpoint: config.endpoint_url.clone(),
            bucket: config.bucket.clone(),
            host: uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 }),
            proxy: config.route.proxy.as_ref().map(ToString::to_string),
            doubt: config.endpoint_doubt(),
            connect_timeout,
        }
    }

    /// The bucket's name is in front of the endpoint's host.
    pub(super) fn is_virtual(&self) -> bool {
        self.doubt.is_none() && self.host.starts_with(&format!("{}.", self.bucket))
    }

    pub(super) fn is_tls(&self) -> bool {
        self.endpoint.starts_with("https://")
    }

    /// The endpoint with another scheme, at the port that it has now.
    pub(super) fn with_scheme(&self, scheme: &str) -> String {
        let rest = self.endpoint.split_once("://").map_or(self.endpoint.as_str(), |(_, rest)| rest);
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let port = if authority.parse().is_ok_and(|uri: http::Uri| uri.port().is_some()) {
            String::new()
        } else {
            format!(":{}", self.port)
        };
        format!("{scheme}://{authority}{port}{path}")
    }
}
