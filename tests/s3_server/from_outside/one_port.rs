//! http and https on one port, and what is neither.

use std::io::{Read, Write};

use gocacheprog::s3_server::{LinkSettings, Operation};

use super::{Served, ask};
use crate::body_of;

#[tokio::test(flavor = "multi_thread")]
async fn an_sdk_puts_over_https_and_gets_over_http_from_the_same_port() {
    let served = Served::start(LinkSettings::NONE).await;
    let (http, https) = (served.server.endpoint(), served.server.https_endpoint());
    assert_eq!(http.strip_prefix("http"), https.strip_prefix("https"));
    for (from, to, key) in [(&http, &https, "one"), (&https, &http, "two")] {
        let body = body_of(300_000);
        served.sdk(from).put_object().bucket("cache").key(key).body(body.clone().into()).send().await.unwrap();
        let got = served.sdk(to).get_object().bucket("cache").key(key).send().await.unwrap();
        assert!(got.body.collect().await.unwrap().into_bytes() == body, "{key}");
    }
    let seen = served.server.log_since(0).into_iter().map(|record| (record.op, record.key, record.tls));
    let expected = [(Operation::Put, "one", false), (Operation::Get, "one", true)];
    let expected = expected.into_iter().chain([(Operation::Put, "two", true), (Operation::Get, "two", false)]);
    assert_eq!(seen.collect::<Vec<_>>(), expected.map(|(op, key, tls)| (op, key.to_owned(), tls)).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_is_valid_for_each_address_and_for_the_host_of_each_bucket() {
    let served = Served::start(LinkSettings::NONE).await;
    for host in ["127.0.0.1", "::1", "localhost", "cache.localhost", "other.localhost", "With.Dots.localhost"] {
        let mut tls = served.connect_tls(host, rustls::DEFAULT_VERSIONS);
        assert!(ask(&mut tls, "key").starts_with("HTTP/1.1 403"), "{host}");
    }
    let mut tls = served.connect_tls("s3.example.com", rustls::DEFAULT_VERSIONS);
    let error = tls.write_all(b"HEAD / HTTP/1.1\r\n\r\n").and_then(|()| tls.read(&mut [0])).unwrap_err();
    assert!(error.to_string().contains("not valid for name"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_neither_http_nor_tls_ends_its_connection_and_no_other() {
    let served = Served::start(LinkSettings::NONE).await;
    let mut random = fastrand::Rng::with_seed(1);
    let mut open = served.connect();
    ask(&mut open, "before");
    for number in 0..300 {
        let mut bytes: Vec<u8> = (0..random.usize(1..200)).map(|_| random.u8(..)).collect();
        match number % 3 {
            0 => bytes[0] = 0x16,
            1 => bytes[..1].copy_from_slice(b"G"),
            _ => {}
        }
        let mut stream = served.connect();
        // It may be closed while this is written.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    ask(&mut open, "after");
    let keys: Vec<String> = served.server.log_since(0).into_iter().map(|record| record.key).collect();
    assert_eq!(keys, ["before", "after"]);
    assert_eq!(served.server.stats("").in_flight, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_sends_nothing_blocks_no_other() {
    let served = Served::start(LinkSettings::NONE).await;
    let mut silent: Vec<_> = (0..20).map(|_| served.connect()).collect();
    let mut half = served.connect();
    half.write_all(&[0x16, 3]).unwrap();
    ask(&mut served.connect(), "http");
    ask(&mut served.connect_tls("localhost", rustls::DEFAULT_VERSIONS), "https");
    // They may still begin.
    ask(&mut silent[7], "late");
    let keys: Vec<String> = served.server.log_since(0).into_iter().map(|record| record.key).collect();
    assert_eq!(keys, ["http", "https", "late"]);
}
