//! How the SDK is set up: without what costs time here.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use aws_sdk_s3::config::{
    BehaviorVersion, IdentityCache, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
};

use crate::cache::remote::s3_client::connector;
use crate::cache::remote::s3_client::region::OneBucket;
use crate::cache::remote::s3_config::config::S3Config;

/// No retries, no checksums, no watching of streams, no cache for an identity that never changes.
pub(super) fn lean(
    config: &S3Config,
    bucket: OneBucket,
    connect_timeout: Duration,
    connections: Arc<AtomicU64>,
) -> aws_sdk_s3::Config {
    let credentials = aws_credential_types::Credentials::new(
        &config.access_key_id,
        &config.secret_access_key,
        config.session_token.clone(),
        None,
        "S3_ variables",
    );
    aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_resolver(bucket)
        .region(Region::new(config.region.clone()))
        .disable_s3_express_session_auth(true)
        .credentials_provider(credentials)
        .identity_cache(IdentityCache::no_cache())
        .http_client(connector::http_client(config, connections))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(connect_timeout).build())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .build()
}
