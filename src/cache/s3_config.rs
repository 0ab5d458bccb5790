//! Where the remote is: the `S3_` variables of the workshop.

use std::fmt;

/// One remote: an S3 endpoint, the bucket in it and the key pair that opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Config {
    /// `http://…` or `https://…`, without a path and without a slash at the end.
    pub endpoint_url: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
    pub bucket: String,
    pub region: String,
    /// Put before every key as it is: a folder needs its own `/` at the end.
    pub prefix: String,
}

/// Why the `S3_` variables do not name a remote. Never carries the value of a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum S3ConfigError {
    #[error(
        "S3_ENDPOINT is set, but not {}: set what is missing, or unset S3_ENDPOINT to work without a remote",
        .0.join(", ")
    )]
    Missing(Vec<&'static str>),
    #[error(
        "S3_ENDPOINT is not an endpoint ({0}): give a host, host:port, or an http:// or https:// URL without a path"
    )]
    Endpoint(&'static str),
}

impl fmt::Debug for S3Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Config")
            .field("endpoint_url", &self.endpoint_url)
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive() // the credentials stay out of every log
    }
}

/// Reads the configuration through `get` (the process environment, or a test's table).
///
/// `Ok(None)` when there is no `S3_ENDPOINT`; an empty value counts as unset.
///
/// # Errors
/// [`S3ConfigError`] when the endpoint is set and something else is missing or malformed.
pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Option<S3Config>, S3ConfigError> {
    let get = |name: &str| get(name).filter(|value| !value.is_empty());
    let Some(endpoint) = get("S3_ENDPOINT") else {
        return Ok(None);
    };
    let mut missing = Vec::new();
    let mut required = |name: &'static str| {
        get(name).unwrap_or_else(|| {
            missing.push(name);
            String::new()
        })
    };
    let config = S3Config {
        endpoint_url: endpoint_url(endpoint.trim())?,
        access_key_id: required("S3_ACCESS_KEY_ID"),
        secret_access_key: required("S3_SECRET_ACCESS_KEY"),
        session_token: get("S3_SESSION_TOKEN"),
        bucket: required("S3_BUCKET_NAME"),
        region: get("S3_REGION").unwrap_or_else(|| "us-east-1".to_owned()),
        prefix: get("S3_PREFIX").unwrap_or_default(),
    };
    if missing.is_empty() { Ok(Some(config)) } else { Err(S3ConfigError::Missing(missing)) }
}

/// A bare host means https, as in the workshop's program.
fn endpoint_url(endpoint: &str) -> Result<String, S3ConfigError> {
    let url = if endpoint.contains("://") { endpoint.to_owned() } else { format!("https://{endpoint}") };
    let uri: http::Uri = url.parse().map_err(|_| S3ConfigError::Endpoint("it does not parse"))?;
    let authority = uri
        .authority()
        .filter(|authority| !authority.host().is_empty())
        .ok_or(S3ConfigError::Endpoint("it names no host"))?;
    if authority.as_str().contains('@') {
        return Err(S3ConfigError::Endpoint("it holds a user name or password"));
    }
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err(S3ConfigError::Endpoint("it has a path or a query"));
    }
    match uri.scheme_str() {
        Some(scheme @ ("http" | "https")) => Ok(format!("{scheme}://{authority}")),
        _ => Err(S3ConfigError::Endpoint("its scheme is neither http nor https")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &[(&str, &str)] = &[
        ("S3_ENDPOINT", "127.0.0.1:9000"),
        ("S3_ACCESS_KEY_ID", "the-id"),
        ("S3_SECRET_ACCESS_KEY", "the-secret"),
        ("S3_SESSION_TOKEN", "the-token"),
        ("S3_BUCKET_NAME", "cache"),
    ];

    fn read(changes: &[(&str, &str)], without: &[&str]) -> Result<Option<S3Config>, S3ConfigError> {
        from_env(|name| {
            let find = |table: &[(&str, &str)]| {
                let found = table.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            (!without.contains(&name)).then(|| find(changes).or_else(|| find(FULL))).flatten()
        })
    }

    #[test]
    fn a_full_environment_gives_a_config_with_defaults() {
        let config = read(&[], &[]).unwrap().unwrap();
        assert_eq!(config.endpoint_url, "https://127.0.0.1:9000");
        assert_eq!(config.session_token.as_deref(), Some("the-token"));
        assert_eq!(config.region, "us-east-1");
        assert_eq!(config.prefix, "");
    }

    #[test]
    fn no_endpoint_means_no_remote_whatever_else_is_set() {
        assert_eq!(read(&[], &["S3_ENDPOINT"]), Ok(None));
        assert_eq!(read(&[("S3_ENDPOINT", "")], &[]), Ok(None));
    }

    #[test]
    fn every_missing_variable_is_named_and_the_token_is_optional() {
        let missing = ["S3_ACCESS_KEY_ID", "S3_BUCKET_NAME"];
        assert_eq!(read(&[], &missing), Err(S3ConfigError::Missing(missing.to_vec())));
        let text = read(&[("S3_SECRET_ACCESS_KEY", "")], &[]).unwrap_err().to_string();
        assert!(text.contains("S3_SECRET_ACCESS_KEY"), "{text}");
        let config = read(&[], &["S3_SESSION_TOKEN"]).unwrap().unwrap();
        assert_eq!(config.session_token, None);
    }

    #[test]
    fn endpoints_are_hosts_or_urls() {
        let url = |endpoint| read(&[("S3_ENDPOINT", endpoint)], &[]).map(|c| c.unwrap().endpoint_url);
        assert_eq!(url("s3.example.com").unwrap(), "https://s3.example.com");
        assert_eq!(url("http://[::1]:9000/").unwrap(), "http://[::1]:9000");
        for wrong in ["ftp://host", "http://", "http://a/b", "http://h?x=1", "two words"] {
            assert!(matches!(url(wrong), Err(S3ConfigError::Endpoint(_))), "{wrong}");
        }
        let text = url("https://me:hidden@host").unwrap_err().to_string();
        assert!(!text.contains("hidden"), "{text}");
    }

    #[test]
    fn debug_shows_no_credential() {
        let text = format!("{:?}", read(&[], &[]).unwrap().unwrap());
        assert!(text.contains("cache"), "{text}");
        for secret in ["the-id", "the-secret", "the-token"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
