//! The `s3-clean` program, over http and https.

use std::process::{Command, Output};

use gocacheprog::cache::remote::s3_client::client::S3Client;
use gocacheprog::cache::remote::s3_config::config::S3Config;
use gocacheprog::s3_server::{Certificate, CertificateFile, LinkSettings};

use super::{ID, body_of, server, server_with};

/// Runs the `s3-clean` program, with an empty stdin.
pub async fn s3_clean(config: &S3Config, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_s3-clean"));
    command
        .args(arguments)
        .env_clear()
        .env("S3_ENDPOINT", &config.endpoint_url)
        .env("S3_ACCESS_KEY_ID", &config.access_key_id)
        .env("S3_SECRET_ACCESS_KEY", &config.secret_access_key)
        .env("S3_BUCKET_NAME", &config.bucket)
        .stdin(std::process::Stdio::null());
    command.envs(variables.iter().copied());
    let run = tokio::task::spawn_blocking(move || command.output());
    run.await.unwrap().unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_clean_asks_and_leaves_what_is_not_the_cache() {
    let (server, config) = server().await;
    let client = S3Client::connect(&config);
    for key in [format!("{ID}-d"), format!("{ID}-a.json"), format!("x/{ID}-d"), "x/y".into()] {
        client.put_bytes(&key, body_of(1000)).await.unwrap();
    }
    let unasked = s3_clean(&config, &[], &[]).await;
    let text = stderr(&unasked);
    assert!(!unasked.status.success() && text.contains("--yes"), "{text}");
    for part in ["2 objects of the cache, 2.0 kB", &format!("{ID}-a.json"), "2 other objects"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(server.stats("").objects, 4);

    let cleaned = s3_clean(&config, &["--yes"], &[]).await;
    assert!(cleaned.status.success(), "{}", stderr(&cleaned));
    assert_eq!(String::from_utf8_lossy(&cleaned.stdout), "deleted 2 objects, 2.0 kB\n");
    assert_eq!(server.stats("").objects, 2);
    let prefixed = s3_clean(&config, &["--yes", "--prefix", "x/"], &[]).await;
    assert!(prefixed.status.success(), "{}", stderr(&prefixed));
    assert_eq!(server.stats("").objects, 0);
    let empty = s3_clean(&config, &[], &[]).await;
    assert!(empty.status.success(), "{}", stderr(&empty));

    let mut half = config.clone();
    half.bucket = String::new();
    let text = stderr(&s3_clean(&half, &[], &[]).await);
    assert!(text.contains("S3_BUCKET_NAME"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_trusts_what_ssl_cert_file_names_and_nothing_else() {
    let certificate = Certificate::make().unwrap();
    let (server, config) = server_with(Some(&certificate), LinkSettings::NONE).await;
    assert!(config.endpoint_url.starts_with("https://127.0.0.1:"));

    let saved = certificate.save().unwrap();
    let path = saved.path();
    let variables = [("SSL_CERT_FILE", path.to_str().unwrap())];
    let trusted = s3_clean(&config, &["--yes"], &variables).await;
    assert!(trusted.status.success(), "{}", stderr(&trusted));
    assert_eq!(server.log_since(0)[0].status, Some(200));

    let other = Certificate::make().unwrap().save().unwrap();
    for untrusted in [None, Some(&other)] {
        let path = untrusted.map(CertificateFile::path);
        let variables = path.iter().map(|path| ("SSL_CERT_FILE", path.to_str().unwrap())).collect::<Vec<_>>();
        let text = stderr(&s3_clean(&config, &["--yes"], &variables).await);
        assert!(text.contains("certificate that is not trusted"), "{text}");
        assert!(text.contains("SSL_CERT_FILE"), "{text}");
    }
    std::fs::write(other.path(), "no certificate at all").unwrap();
    let path = other.path();
    let text = stderr(&s3_clean(&config, &["--yes"], &[("SSL_CERT_FILE", path.to_str().unwrap())]).await);
    assert!(text.contains("certificate that is not trusted"), "{text}");

    let file = saved.path();
    assert!(file.exists());
    drop(saved);
    assert!(!file.parent().unwrap().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn prefixes_are_normalized_and_the_raw_one_is_not() {
    let (server, config) = server().await;
    let client = S3Client::connect(&config);
    for key in ["ci/a", "/ci/a", "ci", "cib/a", "ci-a"] {
        client.put_bytes(key, body_of(1)).await.unwrap();
    }
    let normal = s3_clean(&config, &["--yes", "--prefix", "//ci"], &[]).await;
    assert!(normal.status.success() && stderr(&normal).contains("1 object of the cache"), "{}", stderr(&normal));
    assert_eq!(server.stats("").objects, 4);
    let old = s3_clean(&config, &["--yes", "--raw-prefix", "/ci/"], &[]).await;
    assert!(old.status.success() && stderr(&old).contains("\n  /ci/a "), "{}", stderr(&old));
    let begins = s3_clean(&config, &["--yes", "--raw-prefix", "ci"], &[]).await;
    assert!(begins.status.success(), "{}", stderr(&begins));
    assert_eq!(server.stats("").objects, 0);
    let both = s3_clean(&config, &["--prefix", "a", "--raw-prefix", "b"], &[]).await;
    assert_eq!(both.status.code(), Some(2));
    let text = stderr(&s3_clean(&config, &["--prefix", "a/../b"], &[]).await);
    assert!(text.contains("S3_PREFIX contains a folder") && text.contains("\n  next:  "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_used_are_errors_of_s3_clean() {
    let (_server, config) = server().await;
    for (name, value, said) in [
        ("S3_ACCESS_KEY_ID", "", "S3_ACCESS_KEY_ID is empty"),
        ("S3_SECRET_ACCESS_KEY", "hid\nden", "S3_SECRET_ACCESS_KEY contains a line break"),
        ("S3_ADDRESSING", "dns", "S3_ADDRESSING is none of"),
    ] {
        let output = s3_clean(&config, &["--yes"], &[(name, value)]).await;
        let text = stderr(&output);
        assert!(output.status.code() == Some(1) && text.contains(said) && !text.contains("hid"), "{text}");
        assert!(text.contains("\n  tried: ") && text.contains("\n  next:  "), "{text}");
    }
    let spaced = format!("{}\n", config.access_key_id);
    let output = s3_clean(&config, &["--yes"], &[("S3_ACCESS_KEY_ID", &spaced)]).await;
    assert!(output.status.success(), "{}", stderr(&output));
}
