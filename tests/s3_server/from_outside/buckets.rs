//! Buckets beside the one that is there from the start, and the process that bench starts with its control protocol.

use std::io::{BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use gocacheprog::cache::remote::s3_client::client::S3Client;
use gocacheprog::cache::remote::s3_config::config::{Route, S3Config};
use gocacheprog::s3_server::{ControlClient, LinkSettings, Place};

use super::Served;
use crate::body_of;
use crate::clean::{s3_clean, stderr};

type Control = ControlClient<ChildStdin, BufReader<ChildStdout>>;

fn serve() -> (Child, Control) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.args(["s3-serve", "--rtt-ms", "0"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    (child, ControlClient::connect(input, BufReader::new(output)).unwrap())
}

fn config(control: &Control, bucket: &str, url: String) -> S3Config {
    S3Config {
        endpoint_url: url,
        access_key_id: control.greeting().access_key_id.clone(),
        secret_access_key: control.greeting().secret_access_key.clone(),
        session_token: None,
        bucket: bucket.to_owned(),
        region: "us-east-1".to_owned(),
        prefix: String::new(),
        route: Route::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parent_makes_fills_copies_counts_and_clears_buckets() {
    let (mut child, mut control) = serve();
    let url = control.greeting().http_url();
    for name in ["one", "two", "one"] {
        control.make_bucket(name).unwrap();
    }
    for (bucket, bytes) in [("cache", 5), ("one", 7)] {
        let client = S3Client::connect(&config(&control, bucket, url.clone()));
        client.put_bytes("a/key", body_of(bytes)).await.unwrap();
        client.put_bytes("b/key", body_of(bytes)).await.unwrap();
    }
    assert_eq!(control.copy_bucket("one", "two").unwrap(), 2);
    let client = S3Client::connect(&config(&control, "two", url));
    assert_eq!(client.get_small("a/key", 7).await.unwrap(), Some(body_of(7)));
    assert_eq!(control.clear_bucket("one").unwrap(), 2);
    let below = Place { bucket: "two".to_owned(), prefix: "a/".to_owned() };
    assert_eq!(control.clear(below).unwrap(), 1);
    let counts = ["cache", "one", "two"].map(|name| control.objects_in(name).unwrap());
    assert_eq!(counts, [(2, 10), (0, 0), (1, 7)]);

    let records = control.log_since(0).unwrap();
    let buckets: Vec<&str> = records.iter().map(|record| record.bucket.as_str()).collect();
    assert_eq!(buckets, ["cache", "cache", "one", "one", "two"]);
    let mark = control.mark().unwrap();
    assert!(mark == 5 && control.log_since(mark).unwrap().is_empty());

    let error = format!("{:#}", control.clear_bucket("none").unwrap_err());
    assert!(error.contains("there is no bucket of that name: `none`"), "{error}");
    let error = format!("{:#}", control.make_bucket("Not_One").unwrap_err());
    assert!(error.contains("`Not_One` cannot be the name of a bucket"), "{error}");
    let late = LinkSettings { round_trip: Duration::from_millis(30), ..LinkSettings::SAME_REGION };
    let error = format!("{:#}", control.set_link(late).unwrap_err());
    assert!(error.contains("the round trip is 30 ms, but has to be at most"), "{error}");
    control.set_link(LinkSettings::SAME_REGION).unwrap();
    control.end();
    assert!(child.wait().unwrap().success());
    assert!(control.mark().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_greeting_has_what_a_program_needs_that_speaks_only_https() {
    let (mut child, mut control) = serve();
    let folder = tempfile::tempdir().unwrap();
    let file = control.write_certificate(folder.path()).unwrap();
    let greeting = control.greeting();
    assert!(greeting.address.starts_with("127.0.0.1:") && greeting.https_url().ends_with(&greeting.address));
    control.make_bucket("other").unwrap();
    let config = config(&control, "other", control.greeting().https_url());
    let output = s3_clean(&config, &["--yes"], &[("SSL_CERT_FILE", file.to_str().unwrap())]).await;
    assert!(output.status.success(), "{}", stderr(&output));
    let records = control.log_since(0).unwrap();
    assert!(records.iter().all(|record| record.tls && record.bucket == "other"), "{records:?}");

    let missing = folder.path().join("missing");
    let error = format!("{:#}", control.write_certificate(&missing).unwrap_err());
    assert!(error.contains("cannot write the certificate") && error.contains("missing"), "{error}");
    control.end();
    assert!(child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_may_name_any_bucket() {
    let served = Served::start(LinkSettings::NONE).await;
    served.server.make_bucket("other-bucket").unwrap();
    let port = served.server.address().port();
    // The SDK puts the bucket before the host by itself.
    let settings = served.sdk_settings(&format!("https://localhost:{port}"));
    let sdk = Client::from_conf(settings.force_path_style(false).build());
    for bucket in ["cache", "other-bucket"] {
        let expires = PresigningConfig::expires_in(Duration::from_secs(600)).unwrap();
        let signed = sdk.put_object().bucket(bucket).key("a/key").presigned(expires).await.unwrap();
        let (host, path) = signed.uri().strip_prefix("https://").unwrap().split_once(&format!(":{port}/")).unwrap();
        assert_eq!(host, format!("{bucket}.localhost"));
        let head = format!("PUT /{path} HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-length: 4\r\n\r\nbody");
        let mut tls = served.connect_tls(host, rustls::DEFAULT_VERSIONS);
        tls.write_all(head.as_bytes()).unwrap();
        let mut answer = [0; 12];
        tls.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200", "{bucket}");
    }
    let records = served.server.log_since(0);
    assert_eq!(records.iter().map(|record| record.bucket.as_str()).collect::<Vec<_>>(), ["cache", "other-bucket"]);
    assert!(records.iter().all(|record| record.key == "a/key" && record.bytes_in == 4));
}
