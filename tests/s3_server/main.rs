//! The S3 client against the embedded server, on loopback.

mod as_s3;
mod bench_env;
mod certificates;
mod clean;
#[path = "../common/mod.rs"]
mod common;
mod deleting;
mod failures;
mod fake;
mod from_outside;
mod in_a_session;
mod keys;
mod listing;
mod odd_answers;
mod presigned;
mod routes;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_credential_types::Credentials as SdkCredentials;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use gocacheprog::cache::remote::s3_client::client::S3Client;
use gocacheprog::cache::remote::s3_config::config::{Route, S3Config};
use gocacheprog::cache::s3_clean;
use gocacheprog::s3_server::{Certificate, Credentials, LinkSettings, Operation, Server, ServerOptions};

/// An ID in the form that the keys have: `+`, `=` and `-` are in it.
const ID: &str = "47DEQpj8HBSa+-TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

async fn server_with(tls: Option<&Certificate>, link: LinkSettings) -> (Server, S3Config) {
    let credentials = Credentials::random().unwrap();
    let is_tls = tls.is_some();
    let tls = tls.map(|certificate| Arc::clone(&certificate.server));
    let options = ServerOptions { link, tls, ..ServerOptions::plain("cache", credentials.clone()) };
    let server = Server::start(options).await.unwrap();
    let config = S3Config {
        endpoint_url: if is_tls { server.https_endpoint() } else { server.endpoint() },
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key,
        session_token: None,
        bucket: "cache".to_owned(),
        region: "us-east-1".to_owned(),
        prefix: String::new(),
        route: Route::default(),
    };
    (server, config)
}

async fn server() -> (Server, S3Config) {
    server_with(None, LinkSettings::NONE).await
}

/// The SDK as others use it, with its own defaults.
fn sdk(config: &S3Config) -> aws_sdk_s3::Client {
    let keys = (config.access_key_id.as_str(), config.secret_access_key.as_str());
    let settings = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(&config.endpoint_url)
        .region(Region::new(config.region.clone()))
        .credentials_provider(SdkCredentials::new(keys.0, keys.1, None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .force_path_style(true);
    aws_sdk_s3::Client::from_conf(settings.build())
}

fn body_of(length: usize) -> Bytes {
    (0..length).map(|i| (i * 31 % 251) as u8).collect()
}

#[tokio::test]
async fn bodies_of_all_sizes_come_back_as_they_went() {
    let (_server, config) = server().await;
    let client = S3Client::connect(&config);
    let folder = tempfile::tempdir().unwrap();
    for length in [0, 1, 64 * 1024, 64 * 1024 + 1, 128 * 1024 + 1, 3_000_000] {
        let body = body_of(length);
        client.put_bytes("bytes", body.clone()).await.unwrap();
        let got = client.get_small("bytes", length).await.unwrap().unwrap();
        assert!(got == body, "{length} bytes from memory");

        let path = folder.path().join("body");
        std::fs::write(&path, &body).unwrap();
        client.put_file("file", &path, length as u64).await.unwrap();
        let mut stream = client.get_stream("file").await.unwrap().unwrap();
        assert_eq!(stream.content_length, Some(length as u64));
        let mut got = Vec::new();
        while let Some(chunk) = stream.next().await.unwrap() {
            got.extend_from_slice(&chunk);
        }
        assert!(got == body, "{length} bytes from a file");
    }
}

#[tokio::test]
async fn keys_survive_signing_and_the_session_token_does_no_harm() {
    let (server, mut config) = server().await;
    config.session_token = Some("a+token/with=signs".to_owned());
    config.prefix = "team a/".to_owned();
    let client = S3Client::connect(&config);
    let keys = [format!("{ID}-d"), format!("{ID}-a.json"), "ü %2B&?#".to_owned()];
    for key in &keys {
        client.put_bytes(key, body_of(9)).await.unwrap();
        assert_eq!(client.get_small(key, 9).await.unwrap(), Some(body_of(9)));
    }
    let mut listed = HashSet::new();
    let page = |page: Vec<_>| listed.extend(page);
    client.list("", page).await.unwrap();
    let full = keys.iter().map(|key| format!("team a/{key}"));
    let full: HashSet<String> = full.collect();
    assert_eq!(listed.iter().map(|object| object.key.clone()).collect::<HashSet<_>>(), full);
    assert!(listed.iter().all(|object| object.size_bytes == 9));

    let logged = server.log_since(0).into_iter();
    let logged = logged.filter(|record| record.op == Operation::Put);
    assert_eq!(logged.map(|record| record.key).collect::<HashSet<_>>(), full);
    assert_eq!(client.delete(&keys).await.unwrap(), 3);
    assert_eq!(server.stats("").objects, 0);
}

#[tokio::test]
async fn misses_use_the_same_connection_again() {
    let (server, config) = server().await;
    let client = S3Client::connect(&config);
    for number in 0..200 {
        let key = format!("{number}{ID}-a.json");
        assert_eq!(client.get_small(&key, 1000).await.unwrap(), None);
    }
    assert_eq!(server.stats("").connections_opened, 1);
    let statuses = server.log_since(0).into_iter().map(|record| record.status);
    assert_eq!(statuses.collect::<Vec<_>>(), vec![Some(404); 200]);
}

#[tokio::test]
async fn latency_is_at_least_what_was_asked_and_is_reported() {
    let first_byte = Duration::from_millis(20);
    let link = LinkSettings { first_byte, ..LinkSettings::NONE };
    let (server, config) = server_with(None, link).await;
    let client = S3Client::connect(&config);
    let start = Instant::now();
    client.put_bytes("key", body_of(10)).await.unwrap();
    client.get_small("key", 10).await.unwrap();
    client.get_small("none", 10).await.unwrap();
    assert!(start.elapsed() >= 3 * first_byte);
    for record in server.log_since(0) {
        assert_eq!(record.asked_delay_us, 20_000);
        assert!(record.injected_delay_us >= 20_000, "{record:?}");
        assert!(record.duration_us >= record.injected_delay_us, "{record:?}");
    }
    let delays = server.stats("").injected_first_byte_ms;
    assert_eq!(delays.count, 3);
    assert!(delays.median.unwrap() >= 20.0, "{delays:?}");
    assert!(delays.p99 >= delays.median, "{delays:?}");

    server.set_link(LinkSettings::NONE);
    let mark = server.mark();
    client.get_small("key", 10).await.unwrap();
    let records = server.log_since(mark);
    assert_eq!((records.len(), records[0].injected_delay_us), (1, 0));
    assert_eq!((records[0].bytes_in, records[0].bytes_out), (0, 10));
    assert_eq!(server.stats("").injected_first_byte_ms.count, 0);
    assert_eq!(server.stats("").in_flight, 0);
}

#[tokio::test]
async fn bandwidth_limits_both_directions_and_all_connections_together() {
    let (server, config) = server().await;
    let bandwidth_bytes_per_s = Some(2_000_000);
    server.set_link(LinkSettings { bandwidth_bytes_per_s, ..LinkSettings::NONE });
    let client = S3Client::connect(&config);
    let start = Instant::now();
    client.put_bytes("key", body_of(200_000)).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(100));
    let start = Instant::now();
    let (one, two) = tokio::join!(client.get_small("key", 200_000), client.get_small("key", 200_000));
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert!(one.unwrap().unwrap() == two.unwrap().unwrap());
}

#[tokio::test]
async fn listing_takes_all_pages_and_clean_takes_them_all_away() {
    let (server, mut config) = server().await;
    let whole = S3Client::connect(&config);
    config.prefix = "run-1/".to_owned();
    let client = S3Client::connect(&config);
    let puts = (0..2_345).map(|number| {
        let client = client.clone();
        async move { client.put_bytes(&format!("{number:05}"), body_of(3)).await }
    });
    let puts = stream::iter(puts).buffer_unordered(16);
    puts.try_collect::<()>().await.unwrap();
    whole.put_bytes("stays", body_of(3)).await.unwrap();

    let mut pages = Vec::new();
    // Each page is a request of its own, and is counted as one.
    let mut asked = 0;
    let all = client.list_at_most(usize::MAX, || asked += 1).await.unwrap();
    let before_last = client.list_at_most(1000, || asked += 10).await.unwrap();
    assert_eq!((all.map(|all| all.len()), before_last, asked), (Some(2345), None, 3 + 10));
    client.list("", |page| pages.push(page.len())).await.unwrap();
    assert_eq!(pages, [1000, 1000, 345]);
    let mut some = Vec::new();
    let collect = |page: Vec<_>| some.extend(page);
    client.list("0234", collect).await.unwrap();
    assert_eq!(some.len(), 5);

    assert!(s3_clean::remove_all(&whole).await.is_err());
    assert_eq!(s3_clean::remove_all(&client).await.unwrap(), 2_345);
    assert_eq!(server.stats("").objects, 1);
}
