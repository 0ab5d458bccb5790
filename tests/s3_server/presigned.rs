//! Requests that are written by hand: URLs that are signed themselves, and the bucket in front of the host.

use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use gocacheprog::s3_server::{Operation, Server};
use std::time::Duration;

use super::as_s3::start;
use super::{sdk, server};

/// Status and body of a request that is written by hand: first line, headers, an empty line, body.
pub async fn request(server: &Server, text: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(text.replace('\n', "\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// A GET that nothing but its URL signs.
async fn get(server: &Server, host: &str, path: &str) -> (u16, String) {
    request(server, &format!("GET {path} HTTP/1.1\nHost: {host}\nConnection: close\n\n")).await
}

/// Host and path of a URL that is good for a minute.
async fn presigned(client: &Client, key: &str) -> (String, String) {
    let minute = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let signed = client.get_object().bucket("cache").key(key).presigned(minute).await.unwrap();
    let uri: http::Uri = signed.uri().parse().unwrap();
    (uri.authority().unwrap().to_string(), uri.path_and_query().unwrap().to_string())
}

#[tokio::test]
async fn a_presigned_url_opens_its_object_and_no_other() {
    let (server, client) = start().await;
    client.put_object().bucket("cache").key("a b").body(ByteStream::from_static(b"text")).send().await.unwrap();
    let (host, path) = presigned(&client, "a b").await;
    assert_eq!(get(&server, &host, &path).await, (200, "text".to_owned()));
    for (path, code) in
        [(path.replace("a%20b", "other").as_str(), "SignatureDoesNotMatch"), ("/cache/a%20b", "AccessDenied")]
    {
        let (status, body) = get(&server, &host, path).await;
        assert!(status == 403 && body.contains(code), "{path}: {status} {body}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_the_signed_one_is_refused() {
    let (server, client) = start().await;
    let minute = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let signed = client.put_object().bucket("cache").key("k").presigned(minute).await.unwrap();
    let uri: http::Uri = signed.uri().parse().unwrap();
    let (host, path) = (uri.authority().unwrap(), uri.path_and_query().unwrap());
    let wrong = "0".repeat(64);
    let head = format!("PUT {path} HTTP/1.1\nHost: {host}\nConnection: close\nContent-Length: 4");
    let (status, body) = request(&server, &format!("{head}\nx-amz-content-sha256: {wrong}\n\ntext")).await;
    assert!(status == 400 && body.contains("<Code>XAmzContentSHA256Mismatch</Code>"), "{status} {body}");
    assert_eq!(request(&server, &format!("{head}\n\ntext")).await.0, 200);
}

#[tokio::test]
async fn a_bucket_may_be_in_the_host() {
    let (server, mut config) = server().await;
    sdk(&config).put_object().bucket("cache").key("a/b").body(ByteStream::from_static(b"text")).send().await.unwrap();
    config.endpoint_url = format!("http://localhost:{}", server.address().port());
    let settings = sdk(&config).config().to_builder().force_path_style(false).build();
    let (host, path) = presigned(&Client::from_conf(settings), "a/b").await;
    assert!(host.starts_with("cache.localhost:") && path.starts_with("/a/b?"), "{host} {path}");
    assert_eq!(get(&server, &host, &path).await, (200, "text".to_owned()));
    let logged = server.log_since(0).pop().unwrap();
    assert_eq!((logged.op, logged.key.as_str()), (Operation::Get, "a/b"));
}
