//! The URL of the bucket, by the way of addressing.

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::cache::remote::s3_config::addressing::Addressing;
use crate::cache::remote::s3_config::amazon;
use crate::cache::remote::s3_config::amazon::{AmazonHost, host};
use crate::cache::remote::s3_config::config::S3Config;

/// Characters that are encoded in a path (RFC 3986, section 2.3: all but the unreserved).
const NOT_IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl S3Config {
    /// The URL of the bucket, without a slash at the end.
    ///
    /// # Errors
    /// The reason, when the bucket's name cannot be a part of a host.
    pub fn bucket_url(&self) -> Result<String, &'static str> {
        let endpoint = self.endpoint_url.trim_end_matches('/');
        if !self.is_virtual() {
            return Ok(format!("{endpoint}/{}", utf8_percent_encode(&self.bucket, NOT_IN_A_PATH)));
        }
        if !self.bucket.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')) {
            return Err("is virtual, but the bucket's name cannot be a part of a host: set it to path");
        }
        if is_ip_address(&self.endpoint_url) {
            return Err("is virtual, but the endpoint is an IP address: set it to path, or give a host name");
        }
        let (scheme, rest) = endpoint.split_once("://").unwrap_or(("https", endpoint));
        Ok(format!("{scheme}://{}.{rest}", self.bucket))
    }

    /// The URL that connections go to: that of the bucket, or the endpoint where there is none.
    pub fn address(&self) -> String {
        self.bucket_url().unwrap_or_else(|_| self.endpoint_url.clone())
    }

    /// The bucket's name is in front of the host.
    pub fn is_virtual(&self) -> bool {
        match self.route.addressing {
            Addressing::Path => false,
            Addressing::Virtual => true,
            Addressing::Auto => AmazonHost::of(&self.endpoint_url).is_some() && !self.bucket.contains('.'),
        }
    }

    /// This remote at the endpoint of another region: Amazon's hosts have the region in their name, and serve no other.
    pub fn in_region(&self, region: &str) -> S3Config {
        let endpoint_url = amazon::endpoint_in(&self.endpoint_url, region);
        S3Config { endpoint_url, region: region.to_owned(), ..self.clone() }
    }

    /// A mistake in the endpoint that makes every request ask for something else, where it may have one.
    pub fn endpoint_doubt(&self) -> Option<&'static str> {
        let uri = self.endpoint_url.parse::<Uri>().ok()?;
        if uri.path().rsplit('/').next() == Some(self.bucket.as_str()) {
            return Some("S3_ENDPOINT ends with the bucket's name: leave it out");
        }
        let behind_bucket = uri.host()?.strip_prefix(self.bucket.as_str());
        if behind_bucket.is_some_and(|rest| rest.starts_with('.')) {
            return Some("the host of S3_ENDPOINT begins with the bucket's name: leave it out");
        }
        None
    }
}

fn is_ip_address(url: &str) -> bool {
    let host = host(url);
    host.starts_with('[') || host.parse::<std::net::IpAddr>().is_ok()
}
