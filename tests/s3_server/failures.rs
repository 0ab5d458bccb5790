//! What the client makes of a store that refuses, breaks off or says nothing.

use gocacheprog::cache::remote::s3_client::client::S3Client;
use gocacheprog::cache::remote::s3_client::error::S3Error;
use gocacheprog::s3_server::LinkSettings;

use super::{body_of, server, server_with};

#[tokio::test]
async fn failures_are_told_apart_and_show_no_credential() {
    let (_server, config) = server().await;
    S3Client::connect(&config).head_bucket().await.unwrap();

    let mut wrong_secret = config.clone();
    wrong_secret.secret_access_key = "not-the-secret".to_owned();
    let mut wrong_id = config.clone();
    wrong_id.access_key_id = "not-the-id".to_owned();
    let mut no_bucket = config.clone();
    no_bucket.bucket = "nowhere".to_owned();
    for (config, is_denied) in [(wrong_secret, true), (wrong_id, true), (no_bucket, false)] {
        let client = S3Client::connect(&config);
        let errors = [
            client.head_bucket().await.unwrap_err(),
            client.get_small("key", 1).await.unwrap_err(),
            client.put_bytes("key", body_of(1)).await.unwrap_err(),
            client.list("", |_| ()).await.unwrap_err(),
            client.delete(&["key".to_owned()]).await.unwrap_err(),
        ];
        for error in errors {
            match &error {
                S3Error::AccessDenied { .. } => assert!(is_denied, "{error}"),
                S3Error::NoSuchBucket { bucket, .. } => assert_eq!(bucket, "nowhere"),
                other => panic!("{other:?}"),
            }
            let text = format!("{error}{error:?}{}", error.report());
            assert!(!text.contains(&config.access_key_id), "{text}");
            assert!(!text.contains(&config.secret_access_key), "{text}");
        }
    }
}

#[tokio::test]
async fn a_refused_connection_is_reported_with_the_next_step() {
    let (_server, mut config) = server().await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    config.endpoint_url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let refused = S3Client::connect(&config).head_bucket().await.unwrap_err();
    assert!(matches!(refused, S3Error::Unreachable { .. }), "{refused:?}");
    let report = refused.report();
    assert!(report.starts_with("the S3 endpoint http://127.0.0.1:"), "{report}");
    for part in ["refused the connection\n", "tried: HEAD bucket \"cache\"", "next:  start it"] {
        assert!(report.contains(part), "{report}");
    }
}

/// A store that answers every connection's first request as told, and closes it.
fn scripted(answer: impl Fn(&str) -> &'static str + Send + 'static) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 8192];
            let length = stream.read(&mut request).unwrap_or(0);
            let answer = answer(&String::from_utf8_lossy(&request[..length]));
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    endpoint
}

/// A store that begins an answer, and then neither goes on nor closes.
fn stalling(beginning: &'static str) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 8192]);
        let _ = stream.write_all(beginning.as_bytes());
        let _ = stream.read_to_end(&mut Vec::new());
    });
    endpoint
}

fn canned(answer: &'static str) -> String {
    scripted(move |_| answer)
}

#[tokio::test]
async fn a_store_without_batch_delete_gets_one_request_a_key() {
    let (_server, mut config) = server().await;
    let (sent, requests) = std::sync::mpsc::channel();
    config.endpoint_url = scripted(move |request| {
        let line = request.lines().next().unwrap_or_default();
        sent.send(line.split(&[' ', '?']).take(2).collect::<Vec<_>>().join(" ")).unwrap();
        if line.starts_with("POST") {
            "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        } else {
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
        }
    });
    let client = S3Client::connect(&config);
    let keys = ["one".to_owned(), "two".to_owned()];
    assert_eq!(client.delete(&keys).await.unwrap(), 2);
    let mut requests: Vec<String> = requests.try_iter().collect();
    requests.sort();
    assert_eq!(requests, ["DELETE /cache/one", "DELETE /cache/two", "POST /cache/"]);
}

#[tokio::test]
async fn a_store_that_says_nothing_is_given_up() {
    let (_server, mut config) = server().await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    config.endpoint_url = format!("http://{}", silent.local_addr().unwrap());
    let client = S3Client::connect(&config);
    config.endpoint_url = stalling("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
    let stalls = S3Client::connect(&config);
    let (head, put, body) =
        tokio::join!(client.head_bucket(), client.put_bytes("key", body_of(1000)), stalls.get_small("key", 1000));
    for error in [head.unwrap_err(), put.unwrap_err(), body.unwrap_err()] {
        assert!(matches!(error, S3Error::Timeout { seconds: 5, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_link_that_takes_long_for_what_the_system_has_taken_in_is_not_given_up() {
    let slow = LinkSettings { bandwidth_bytes_per_s: Some(100_000), ..LinkSettings::NONE };
    let (server, config) = server_with(None, slow).await;
    S3Client::connect(&config).put_bytes("key", body_of(1_000_000)).await.unwrap();
    assert!(server.log_since(0)[0].duration_us > 6_000_000, "longer than an answer may take");
}

#[tokio::test]
async fn bodies_that_do_not_fit_are_errors() {
    let (_server, mut config) = server().await;
    config.endpoint_url = canned("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
    let cut = S3Client::connect(&config).get_small("key", 1000).await.unwrap_err();
    assert!(matches!(cut, S3Error::Truncated { received_bytes: 9, announced_bytes: Some(100), .. }), "{cut:?}");
    let large = S3Client::connect(&config).get_small("key", 5).await.unwrap_err();
    assert!(matches!(large, S3Error::TooLarge { limit_bytes: 5, .. }), "{large:?}");
}

#[tokio::test]
async fn statuses_without_a_meaning_here_keep_their_number() {
    let (_server, mut config) = server().await;
    config.endpoint_url = canned("HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n");
    let slow = S3Client::connect(&config).put_bytes("key", body_of(1)).await.unwrap_err();
    assert!(matches!(slow, S3Error::Throttled { status: 503, .. }), "{slow:?}");

    config.endpoint_url = canned("HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\noops");
    let broken = S3Client::connect(&config).get_small("key", 1).await.unwrap_err();
    assert!(matches!(broken, S3Error::Status { status: 500, .. }), "{broken:?}");

    config.endpoint_url = canned("SSH-2.0-OpenSSH\r\n");
    let other = S3Client::connect(&config).head_bucket().await.unwrap_err();
    assert!(matches!(other, S3Error::Unreachable { .. }), "{other:?}");
}
