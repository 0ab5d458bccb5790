//! The bucket of a client and how it is reached, for its errors.

use std::time::Duration;

use crate::cache::remote::s3_config::config::S3Config;

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
