//! The endpoint, the bucket and the region: what they may look like.

use http::uri::Authority;

use crate::cache::remote::s3_config::error::S3ConfigError;

/// The region that stores without regions take.
const DEFAULT_REGION: &str = "us-east-1";

/// The endpoint as a URL without a slash at its end. A bare host means https, as in the workshop's program.
pub(super) fn url(endpoint: &str) -> Result<String, S3ConfigError> {
    let unusable = |reason| S3ConfigError::Unusable { name: "S3_ENDPOINT", reason };
    let url = if endpoint.contains("://") { endpoint.to_owned() } else { format!("https://{endpoint}") };
    if url.contains(['?', '#']) {
        return Err(unusable("has a query: give a host, host:port or URL"));
    }
    let uri: http::Uri = url.parse().map_err(|_| unusable("is neither a host, host:port nor a URL"))?;
    let authority = uri.authority().ok_or(unusable("names no host"))?;
    if authority.as_str().contains('@') {
        return Err(unusable(
            "contains a user name or password: S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY are for these",
        ));
    }
    if authority.host().is_empty() {
        return Err(unusable("names no host"));
    }
    if !has_usable_port(authority) {
        return Err(unusable("names a port that is not a number from 1 to 65535"));
    }
    let path = uri.path().trim_end_matches('/');
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(unusable("has a path with \".\" or \"..\""));
    }
    match uri.scheme_str() {
        Some(scheme @ ("http" | "https")) => Ok(format!("{scheme}://{authority}{path}")),
        _ => Err(unusable("has a scheme that is neither http nor https")),
    }
}

/// There is no port, or one that exists: the parser takes any digits, and none.
pub(super) fn has_usable_port(authority: &Authority) -> bool {
    let address = authority.as_str().rsplit('@').next().unwrap_or_default();
    address.len() == authority.host().len() || authority.port_u16().is_some_and(|port| port > 0)
}

/// A bucket's name, without anything before or behind it.
pub(super) fn bucket(name: String) -> Result<String, S3ConfigError> {
    if name.contains('/') {
        let reason = "contains a slash: give the bucket's name alone, and a folder in it by S3_PREFIX";
        return Err(S3ConfigError::Unusable { name: "S3_BUCKET_NAME", reason });
    }
    Ok(name)
}

/// A region, which is a part of each signature.
pub(super) fn region(name: Option<String>) -> Result<String, S3ConfigError> {
    let Some(name) = name else { return Ok(DEFAULT_REGION.to_owned()) };
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
        let reason = "is no region: give its name, as in us-east-1";
        return Err(S3ConfigError::Unusable { name: "S3_REGION", reason });
    }
    Ok(name)
}
