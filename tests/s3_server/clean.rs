//! The `s3-clean` program, over http and https.

use std::process::{Command, Output};

use gocacheprog::cache::s3_client::S3Client;
use gocacheprog::cache::s3_config::S3Config;
use gocacheprog::s3::{Certificate, LinkSettings};

use super::{ID, body_of, server, server_with};

/// Runs the `s3-clean` program, with nobody at its stdin.
async fn s3_clean(config: &S3Config, arguments: &[&str], certificate: Option<&Certificate>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_s3-clean"));
    command
        .args(arguments)
        .env_clear()
        .env("S3_ENDPOINT", &config.endpoint_url)
        .env("S3_ACCESS_KEY_ID", &config.access_key_id)
        .env("S3_SECRET_ACCESS_KEY", &config.secret_access_key)
        .env("S3_BUCKET_NAME", &config.bucket)
        .stdin(std::process::Stdio::null());
    if let Some(certificate) = certificate {
        command.env("SSL_CERT_FILE", certificate.path());
    }
    let run = tokio::task::spawn_blocking(move || command.output());
    run.await.unwrap().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_clean_asks_and_leaves_what_is_not_the_cache() {
    let (server, config) = server().await;
    let client = S3Client::connect(&config);
    for key in [format!("{ID}-d"), format!("{ID}-a.json"), format!("x/{ID}-d"), "x/y".into()] {
        client.put_bytes(&key, body_of(1000)).await.unwrap();
    }
    let unasked = s3_clean(&config, &[], None).await;
    let text = stderr(&unasked);
    assert!(!unasked.status.success() && text.contains("--yes"), "{text}");
    for part in ["2 objects of the cache, 2.00 kB", &format!("{ID}-a.json"), "2 other objects"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(server.stats("").objects, 4);

    let cleaned = s3_clean(&config, &["--yes"], None).await;
    assert!(cleaned.status.success(), "{}", stderr(&cleaned));
    assert_eq!(server.stats("").objects, 2);
    let prefixed = s3_clean(&config, &["--yes", "--prefix", "x/"], None).await;
    assert!(prefixed.status.success(), "{}", stderr(&prefixed));
    assert_eq!(server.stats("").objects, 0);
    let empty = s3_clean(&config, &[], None).await;
    assert!(empty.status.success(), "{}", stderr(&empty));

    let mut half = config.clone();
    half.bucket = String::new();
    let text = stderr(&s3_clean(&half, &[], None).await);
    assert!(text.contains("S3_BUCKET_NAME"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_trusts_what_ssl_cert_file_names_and_nothing_else() {
    let certificate = Certificate::make().unwrap();
    let (server, config) = server_with(Some(&certificate), LinkSettings::NONE).await;
    assert!(config.endpoint_url.starts_with("https://127.0.0.1:"));

    let trusted = s3_clean(&config, &["--yes"], Some(&certificate)).await;
    assert!(trusted.status.success(), "{}", stderr(&trusted));
    assert_eq!(server.log_since(0)[0].status, Some(200));

    let other = Certificate::make().unwrap();
    for untrusted in [None, Some(&other)] {
        let text = stderr(&s3_clean(&config, &["--yes"], untrusted).await);
        assert!(text.contains("certificate that is not trusted"), "{text}");
        assert!(text.contains("SSL_CERT_FILE"), "{text}");
    }
    std::fs::write(other.path(), "no certificate at all").unwrap();
    let text = stderr(&s3_clean(&config, &["--yes"], Some(&other)).await);
    assert!(text.contains("certificate that is not trusted"), "{text}");

    let file = certificate.path();
    assert!(file.exists());
    drop(certificate);
    assert!(!file.parent().unwrap().exists());
}
