//! The one bucket of a client: its URL, and the region for which requests are signed, which an answer may correct.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_sdk_s3::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_smithy_types::endpoint::EndpointAuthScheme;

use crate::cache::remote::s3_config::config::S3Config;
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
pub(crate) struct OneBucket(Arc<Current>);

#[derive(Debug)]
struct Current {
    config: S3Config,
    now: RwLock<Now>,
}

#[derive(Debug)]
struct Now {
    asked: Asked,
    endpoint: Endpoint,
}

/// The region that a request is signed for, and the bucket's URL that it goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    region: String,
    url: String,
}

impl Now {
    fn of(config: &S3Config) -> Self {
        let asked = Asked { region: config.region.clone(), url: config.bucket_url().unwrap_or_default() };
        let signing = EndpointAuthScheme::with_capacity("sigv4", 3)
            .put("disableDoubleEncoding", true)
            .put("signingName", "s3".to_owned())
            .put("signingRegion", asked.region.clone());
        let endpoint = Endpoint::builder().url(asked.url.clone()).auth_scheme(signing).build();
        Now { asked, endpoint }
    }
}

impl OneBucket {
    pub(super) fn of(config: &S3Config) -> Self {
        let now = match named_before(config) {
            Some(region) => Now::of(&config.in_region(&region)),
            None => Now::of(config),
        };
        OneBucket(Arc::new(Current { config: config.clone(), now: RwLock::new(now) }))
    }

    /// The region and the URL that requests are made for now.
    pub(super) fn now(&self) -> Asked {
        self.0.now.read().unwrap_or_else(PoisonError::into_inner).asked.clone()
    }

    /// Takes the region that a failed answer names, and says so once. Returns whether that region or its host is another than
    /// `asked`, what the request was made for: then the request may work now.
    pub(super) fn learn<E>(&self, asked: &Asked, error: &SdkError<E, HttpResponse>) -> bool {
        let Some(named) = region_in(error) else { return false };
        let config = self.0.config.in_region(&named);
        let corrected = Now::of(&config);
        if corrected.asked == *asked {
            return false;
        }
        *self.0.now.write().unwrap_or_else(PoisonError::into_inner) = corrected;
        if keep(&self.0.config, &named) {
            note::note(advice(&self.0.config, &config));
        }
        true
    }
}

impl ResolveEndpoint for OneBucket {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        let now = self.0.now.read().unwrap_or_else(PoisonError::into_inner);
        EndpointFuture::ready(Ok(now.endpoint.clone()))
    }
}

/// The setting that makes the first request right.
fn advice(written: &S3Config, corrected: &S3Config) -> String {
    let (bucket, region) = (&written.bucket, &corrected.region);
    let mut settings = format!("S3_REGION={region}");
    if written.endpoint_url != corrected.endpoint_url {
        settings += &format!(" and S3_ENDPOINT={}", corrected.endpoint_url);
    }
    format!("the bucket \"{bucket}\" is in {region}: set {settings} to save a request")
}

fn named_before(config: &S3Config) -> Option<String> {
    let known = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    let of_this = |named: &&Named| named.endpoint == config.endpoint_url && named.bucket == config.bucket;
    known.iter().find(of_this).map(|named| named.region.clone())
}

/// Keeps the region for later clients; `true` for the first of this endpoint and bucket.
fn keep(config: &S3Config, region: &str) -> bool {
    let mut known = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    let of_this = |named: &&mut Named| named.endpoint == config.endpoint_url && named.bucket == config.bucket;
    if let Some(named) = known.iter_mut().find(of_this) {
        named.region = region.to_owned();
        return false;
    }
    let (endpoint, bucket) = (config.endpoint_url.clone(), config.bucket.clone());
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
    use aws_sdk_s3::operation::get_object::GetObjectError;
    use aws_smithy_types::body::SdkBody;

    use super::*;
    use crate::cache::remote::s3_config::config::Route;

    fn config(endpoint: &str, region: &str) -> S3Config {
        S3Config {
            endpoint_url: endpoint.to_owned(),
            access_key_id: String::new(),
            secret_access_key: String::new(),
            session_token: None,
            bucket: "cache".to_owned(),
            region: region.to_owned(),
            prefix: String::new(),
            route: Route::default(),
        }
    }

    /// An answer of 301 that names a region.
    fn moved(region: &str) -> SdkError<GetObjectError, HttpResponse> {
        let mut answer = HttpResponse::new(301.try_into().unwrap(), SdkBody::empty());
        answer.headers_mut().insert("x-amz-bucket-region", region.to_owned());
        SdkError::response_error("moved", answer)
    }

    #[test]
    fn a_host_of_a_region_is_left_for_the_one_that_the_answer_names() {
        // The region that is signed for is another one than the host's, and may be the bucket's.
        for (written, host) in [("us-east-1", "eu-west-1"), ("ap-south-1", "eu-west-1"), ("eu-west-1", "eu-west-1")] {
            let mut config = config(&format!("https://s3.{host}.amazonaws.com"), written);
            config.bucket = format!("in-{written}");
            let bucket = OneBucket::of(&config);
            let first = bucket.now();
            assert!(bucket.learn(&first, &moved("ap-south-1")), "{written}");
            let second = bucket.now();
            let url = format!("https://in-{written}.s3.ap-south-1.amazonaws.com");
            assert_eq!(second, Asked { region: "ap-south-1".to_owned(), url });
            // The same answer again helps nothing.
            assert!(!bucket.learn(&second, &moved("ap-south-1")), "{written}");
        }
    }

    #[test]
    fn the_region_of_a_bucket_is_told_once_even_if_answers_alternate() {
        let config = config("https://alternating.example", "us-east-1");
        let told = ["a-1", "b-1", "a-1"].map(|region| keep(&config, region));
        assert_eq!((told, named_before(&config).as_deref()), ([true, false, false], Some("a-1")));
        let mut other = config.in_region("c-1");
        let said = "the bucket \"cache\" is in c-1: set S3_REGION=c-1";
        assert_eq!(advice(&config, &other), format!("{said} to save a request"));
        other.endpoint_url = "https://c-1.example".to_owned();
        assert_eq!(advice(&config, &other), format!("{said} and S3_ENDPOINT=https://c-1.example to save a request"));
    }
}
