//! How the SDK is set up: path style, and without what costs time here.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use aws_sdk_s3::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_s3::config::{
    BehaviorVersion, IdentityCache, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_smithy_types::endpoint::EndpointAuthScheme;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::s3_config::S3Config;
use super::connector;

/// What a path may hold as it is (RFC 3986, section 2.3: unreserved).
const NOT_IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// No retries, no checksums, no watching of streams, no cache for an identity that never changes.
pub(super) fn lean(config: &S3Config, connect_timeout: Duration, connections: Arc<AtomicU64>) -> aws_sdk_s3::Config {
    let credentials = aws_credential_types::Credentials::new(
        &config.access_key_id,
        &config.secret_access_key,
        config.session_token.clone(),
        None,
        "S3_ variables",
    );
    aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_resolver(OneBucket::of(config))
        .region(Region::new(config.region.clone()))
        .disable_s3_express_session_auth(true)
        .credentials_provider(credentials)
        .identity_cache(IdentityCache::no_cache())
        .http_client(connector::http_client(&config.endpoint_url, connections))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(connect_timeout).build())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .build()
}

/// The one bucket of a client, path style: what the SDK's rules come to, which it works out twice a request otherwise (a
/// tenth of the CPU time of a small one).
#[derive(Debug)]
struct OneBucket(Endpoint);

impl OneBucket {
    fn of(config: &S3Config) -> Self {
        let endpoint = config.endpoint_url.trim_end_matches('/');
        let bucket = utf8_percent_encode(&config.bucket, NOT_IN_A_PATH);
        let signing = EndpointAuthScheme::with_capacity("sigv4", 3)
            .put("disableDoubleEncoding", true)
            .put("signingName", "s3".to_owned())
            .put("signingRegion", config.region.clone());
        Self(Endpoint::builder().url(format!("{endpoint}/{bucket}")).auth_scheme(signing).build())
    }
}

impl ResolveEndpoint for OneBucket {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(self.0.clone()))
    }
}
