//! Buckets in the host name: `http://BUCKET.localhost:PORT/KEY` is `http://localhost:PORT/BUCKET/KEY`.

use s3s::S3Result;
use s3s::host::{S3Host, VirtualHost};

const DOMAIN: &str = "localhost";

/// Takes what is before `.localhost` for a bucket; with any other host the path begins with the bucket.
pub(crate) struct Hosts;

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let virtual_host = VirtualHost::new(DOMAIN);
        Ok(match bucket_in(host) {
            Some(bucket) => virtual_host.with_bucket(bucket),
            None => virtual_host,
        })
    }
}

/// The bucket that a Host header names, if it names one.
pub(crate) fn bucket_in(host: &str) -> Option<&str> {
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    let bucket = name.strip_suffix(DOMAIN)?.strip_suffix('.')?;
    if bucket.is_empty() { None } else { Some(bucket) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_localhost_names_a_bucket() {
        assert_eq!(bucket_in("cache.localhost:9000"), Some("cache"));
        assert_eq!(bucket_in("a.b.localhost"), Some("a.b"));
        for host in [
            "localhost",
            "localhost:9000",
            "127.0.0.1:9000",
            "s3.example.com",
            ".localhost",
            "[::1]:9000",
            "nolocalhost",
        ] {
            assert_eq!(bucket_in(host), None, "{host}");
        }
    }
}
