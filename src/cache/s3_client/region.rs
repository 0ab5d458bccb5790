//! The one bucket of a client: its URL, and the region for which requests are signed, which an answer may correct.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_sdk_s3::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_smithy_types::endpoint::EndpointAuthScheme;

use super::super::s3_config::S3Config;
use crate::note;

/// Regions that answers named, by endpoint and bucket, for the clients of this process that connect later.
static NAMED: Mutex<Vec<Named>> = Mutex::new(Vec::new());

struct Named {
    endpoint: String,
    bucket: String,
    region: String,
}

/// The URL and the region of the bucket: what the SDK's rules come to, which it works out twice a request otherwise (a tenth
/// of the CPU time of a small one).
#[derive(Debug, Clone)]
pub(super) struct OneBucket(Arc<Current>);

#[derive(Debug)]
struct Current {
    config: S3Config,
    now: RwLock<(String, Endpoint)>,
}

impl OneBucket {
    pub(super) fn of(config: &S3Config) -> Self {
        let region = named_before(config).unwrap_or_else(|| config.region.clone());
        let endpoint = endpoint(config, &region);
        OneBucket(Arc::new(Current { config: config.clone(), now: RwLock::new((region, endpoint)) }))
    }

    /// The region for which requests are signed now.
    pub(super) fn region(&self) -> String {
        self.0.now.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Takes the region that a failed answer names, and says so once. Returns whether it is another than `asked`, the one that
    /// the request was signed for: then the request may work now.
    pub(super) fn learn<E>(&self, asked: &str, error: &SdkError<E, HttpResponse>) -> bool {
        let Some(named) = region_in(error) else { return false };
        if named == asked {
            return false;
        }
        let config = &self.0.config;
        self.use_from_now_on(&named);
        if keep(config, &named) {
            let (bucket, old) = (&config.bucket, &config.region);
            note::note(format_args!(
                "the bucket \"{bucket}\" is in {named}, not {old}: set S3_REGION={named} to save a request"
            ));
        }
        true
    }

    fn use_from_now_on(&self, region: &str) {
        let mut now = self.0.now.write().unwrap_or_else(PoisonError::into_inner);
        if now.0 != region {
            *now = (region.to_owned(), endpoint(&self.0.config, region));
        }
    }
}

impl ResolveEndpoint for OneBucket {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        let now = self.0.now.read().unwrap_or_else(PoisonError::into_inner);
        EndpointFuture::ready(Ok(now.1.clone()))
    }
}

fn endpoint(config: &S3Config, region: &str) -> Endpoint {
    let signing = EndpointAuthScheme::with_capacity("sigv4", 3)
        .put("disableDoubleEncoding", true)
        .put("signingName", "s3".to_owned())
        .put("signingRegion", region.to_owned());
    let config = in_region(config, region);
    Endpoint::builder().url(config.bucket_url().unwrap_or_default()).auth_scheme(signing).build()
}

/// Amazon's hosts have the region in their name, and serve no other: `s3.us-east-1.amazonaws.com`.
fn in_region(config: &S3Config, region: &str) -> S3Config {
    let mut config = config.clone();
    if config.is_of_aws() && region != config.region {
        let label = format!(".{}.", config.region);
        if config.endpoint_url.contains(&label) {
            config.endpoint_url = config.endpoint_url.replacen(&label, &format!(".{region}."), 1);
        } else {
            let all = "://s3.amazonaws.com";
            config.endpoint_url = config.endpoint_url.replacen(all, &format!("://s3.{region}.amazonaws.com"), 1);
        }
    }
    config
}

fn named_before(config: &S3Config) -> Option<String> {
    let known = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    let of_this = |named: &&Named| named.endpoint == config.endpoint_url && named.bucket == config.bucket;
    known.iter().find(of_this).map(|named| named.region.clone())
}

/// Keeps the region for later clients; `false` when it is known already.
fn keep(config: &S3Config, region: &str) -> bool {
    let mut known = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    let (endpoint, bucket) = (config.endpoint_url.clone(), config.bucket.clone());
    if known.iter().any(|named| named.endpoint == endpoint && named.bucket == bucket && named.region == region) {
        return false;
    }
    known.retain(|named| named.endpoint != endpoint || named.bucket != bucket);
    known.push(Named { endpoint, bucket, region: region.to_owned() });
    true
}

/// The region that an answer names as the right one: in a header, or in the error's XML.
fn region_in<E>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    let answer = error.raw_response()?;
    if !matches!(answer.status().as_u16(), 301 | 307 | 400 | 403) {
        return None;
    }
    let in_body = || {
        let text = std::str::from_utf8(answer.body().bytes()?).ok()?;
        let (_, rest) = text.split_once("<Region>")?;
        rest.split_once("</Region>").map(|(region, _)| region)
    };
    let region = answer.headers().get("x-amz-bucket-region").or_else(in_body)?.trim();
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_region = !region.is_empty() && region.len() <= 64 && region.bytes().all(is_letter);
    if is_region { Some(region.to_owned()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::s3_config::Route;

    #[test]
    fn hosts_of_amazon_follow_the_region_and_no_others() {
        let url = |endpoint: &str| {
            let config = S3Config {
                endpoint_url: endpoint.to_owned(),
                access_key_id: String::new(),
                secret_access_key: String::new(),
                session_token: None,
                bucket: "cache".to_owned(),
                region: "us-east-1".to_owned(),
                prefix: String::new(),
                route: Route::default(),
            };
            in_region(&config, "eu-west-1").endpoint_url
        };
        assert_eq!(url("https://s3.us-east-1.amazonaws.com"), "https://s3.eu-west-1.amazonaws.com");
        assert_eq!(url("https://s3.amazonaws.com"), "https://s3.eu-west-1.amazonaws.com");
        assert_eq!(url("https://s3.us-east-1.example.com"), "https://s3.us-east-1.example.com");
        let dual = "https://s3.dualstack.us-east-1.amazonaws.com";
        assert_eq!(url(dual), "https://s3.dualstack.eu-west-1.amazonaws.com");
    }
}
