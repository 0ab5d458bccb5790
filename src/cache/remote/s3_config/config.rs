//! Where the remote is: the `S3_` variables of the workshop, and how to get there.

use crate::cache::remote::s3_config::addressing;
use crate::cache::remote::s3_config::endpoint;
use crate::cache::remote::s3_config::proxy;
use std::ffi::OsString;
use std::fmt;

use crate::cache::remote::s3_config::addressing::Addressing;
use crate::cache::remote::s3_config::error::S3ConfigError;
use crate::cache::remote::s3_config::proxy::Proxy;

use crate::cache::remote::s3_config::amazon::AmazonHost;
use crate::cache::remote::s3_config::variables::Variables;

/// One remote: an S3 endpoint, the bucket in it and the key pair that opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Config {
    /// `http://…` or `https://…`, perhaps with a base path, without a slash at the end.
    pub endpoint_url: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
    pub bucket: String,
    /// The region that requests are signed for: from the variables `S3_REGION`, else the one in a host of Amazon's, else us-east-1.
    pub region: String,
    /// Put before every key, unchanged. From the variables it is empty or ends in `/`.
    pub prefix: String,
    pub route: Route,
}

/// How requests reach the endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// Where the bucket's name is in a URL.
    pub addressing: Addressing,
    /// The proxy in front of the endpoint; none for a direct connection.
    pub proxy: Option<Proxy>,
}

impl fmt::Debug for S3Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Config")
            .field("endpoint_url", &self.endpoint_url)
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("prefix", &self.prefix)
            .field("route", &self.route)
            .finish_non_exhaustive() // the credentials stay out of every log
    }
}

/// Reads the configuration through `get` (the process environment, or a test's table). White space around a value does not
/// count, and an empty value is an unset one.
///
/// `Ok(None)` when there is no `S3_ENDPOINT`.
///
/// # Errors
/// [`S3ConfigError`] when the endpoint is set and something else is missing, empty or cannot be read.
pub fn from_env(get: impl Fn(&str) -> Option<OsString>) -> Result<Option<S3Config>, S3ConfigError> {
    let variables = Variables::new(&get);
    let Some(endpoint) = variables.text("S3_ENDPOINT")? else {
        return Ok(None);
    };
    let endpoint_url = endpoint::url(&endpoint)?;
    let own_region = AmazonHost::of(&endpoint_url).and_then(|host| host.region().map(str::to_owned));
    variables.require(&["S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "S3_BUCKET_NAME"])?;
    let mut config = S3Config {
        endpoint_url,
        access_key_id: variables.credential("S3_ACCESS_KEY_ID")?.unwrap_or_default(),
        secret_access_key: variables.text("S3_SECRET_ACCESS_KEY")?.unwrap_or_default(),
        session_token: variables.credential("S3_SESSION_TOKEN")?,
        bucket: endpoint::bucket(variables.text("S3_BUCKET_NAME")?.unwrap_or_default())?,
        region: endpoint::region(variables.text("S3_REGION")?.or(own_region))?,
        prefix: crate::cache::remote::s3_config::prefix::normalize(&variables.text("S3_PREFIX")?.unwrap_or_default())?,
        route: Route { addressing: addressing::read(variables.text("S3_ADDRESSING")?)?, proxy: None },
    };
    config.bucket_url().map_err(|reason| S3ConfigError::Unusable { name: "S3_ADDRESSING", reason })?;
    config.route.proxy = proxy::for_url(&config.address(), &variables)?;
    Ok(Some(config))
}

/// The form of a prefix that is used: without slashes at its beginning and double ones, and with one at its end.
///
/// # Errors
/// [`S3ConfigError`] when stores would not take it in a key.
pub fn normalize_prefix(prefix: &str) -> Result<String, S3ConfigError> {
    crate::cache::remote::s3_config::prefix::normalize(prefix.trim())
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
