//! Ways to a store: a base path, the bucket in front of the host, proxies, the other scheme.

use gocacheprog::cache::remote::s3_client::client::S3Client;
use gocacheprog::cache::remote::s3_client::error::S3Error;
use gocacheprog::cache::remote::s3_config::addressing::Addressing;
use gocacheprog::cache::remote::s3_config::config::{S3Config, from_env};
use gocacheprog::s3_server::{Certificate, Credentials, LinkSettings, Server, ServerOptions};

use super::clean::{s3_clean, stderr};
use super::fake::{Fake, answer, https_only};
use super::{body_of, server_with};

/// A server whose bucket `storage` is the first part of a path, so that it checks signatures of paths that it does not know.
async fn storage() -> (Server, S3Config) {
    let credentials = Credentials::random().unwrap();
    let server = Server::start(ServerOptions::plain("storage", credentials.clone())).await.unwrap();
    let mut config = Fake::answering(|_| answer("500 No", "")).config();
    config.endpoint_url = server.endpoint();
    config.access_key_id = credentials.access_key_id;
    config.secret_access_key = credentials.secret_access_key;
    (server, config)
}

/// The same configuration through a proxy.
fn through(config: &S3Config, endpoint: &str, proxy: &str, addressing: Addressing) -> S3Config {
    let get = |name: &str| {
        let value = match name {
            "S3_ENDPOINT" => endpoint,
            "S3_ACCESS_KEY_ID" => &config.access_key_id,
            "S3_SECRET_ACCESS_KEY" => &config.secret_access_key,
            "S3_BUCKET_NAME" => &config.bucket,
            "S3_PREFIX" => &config.prefix,
            "S3_ADDRESSING" => addressing.as_str(),
            "HTTP_PROXY" => proxy,
            _ => return None,
        };
        Some(value.into())
    };
    from_env(get).unwrap().unwrap()
}

#[tokio::test]
async fn a_base_path_is_a_part_of_the_url_and_of_the_signature() {
    let (server, mut config) = storage().await;
    config.endpoint_url += "/storage/v1/s3%20x";
    let client = S3Client::connect(&config);
    client.put_bytes("a+b=/c", body_of(9)).await.unwrap();
    assert_eq!(client.get_small("a+b=/c", 9).await.unwrap(), Some(body_of(9)));
    assert_eq!(server.log_since(0)[0].key, "v1/s3 x/cache/a+b=/c");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_gets_whole_urls_and_the_bucket_may_be_in_front_of_the_host() {
    let (server, mut config) = storage().await;
    config.prefix = "storage/".to_owned();
    let upstream = server.endpoint().trim_start_matches("http://").parse().unwrap();
    let proxy = Fake::proxy(upstream, None);
    let config = through(&config, "http://s3.test.invalid:9000", &proxy.endpoint(), Addressing::Virtual);
    let client = S3Client::connect(&config);
    client.put_bytes("key", body_of(100_000)).await.unwrap();
    assert_eq!(client.get_small("key", 100_000).await.unwrap(), Some(body_of(100_000)));
    let urls =
        ["PUT http://cache.s3.test.invalid:9000/storage/key", "GET http://cache.s3.test.invalid:9000/storage/key"];
    assert_eq!(proxy.lines(), urls);
    assert_eq!(proxy.asked()[0].header("host"), Some("cache.s3.test.invalid:9000"));
    assert_eq!(server.log_since(0)[0].key, "key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_gets_its_user_and_password_and_they_are_not_shown() {
    let (server, mut config) = storage().await;
    config.bucket = "storage".to_owned();
    let upstream = server.endpoint().trim_start_matches("http://").parse().unwrap();
    let proxy = Fake::proxy(upstream, Some("Basic bWU6cEBzcw=="));
    for (userinfo, is_right) in [("me:p%40ss@", true), ("me:hidden@", false), ("", false)] {
        let url = format!("http://{userinfo}{}", proxy.address);
        let config = through(&config, "http://s3.test.invalid", &url, Addressing::Path);
        let result = S3Client::connect(&config).put_bytes("key", body_of(9)).await;
        assert_eq!(result.is_ok(), is_right, "{result:?}");
        if let Err(error) = result {
            let text = format!("{error}{error:?}{}", error.report());
            assert!(matches!(error, S3Error::Status { status: 407, .. }), "{text}");
            assert!(text.contains("proxy's user name and password") && !text.contains("hidden"), "{text}");
        }
    }
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://me:hidden@{gone}");
    let config = through(&config, "http://s3.test.invalid", &url, Addressing::Path);
    let error = S3Client::connect(&config).head_bucket().await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&format!("through the proxy http://{gone} of HTTP_PROXY, which refused")), "{text}");
    assert!(!text.contains("hidden"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn https_goes_through_a_tunnel() {
    let certificate = Certificate::make().unwrap();
    let (server, mut config) = server_with(Some(&certificate), LinkSettings::NONE).await;
    let upstream = server.address();
    let proxy = Fake::proxy(upstream, Some("Basic bWU6cHc="));
    config.endpoint_url = "https://s3.test.invalid".to_owned();
    let saved = certificate.save().unwrap();
    let file = saved.path();
    let file = file.to_str().unwrap();
    for (password, said) in [("pw", "not valid for name \"s3.test.invalid\""), ("hidden", "asks for a password")] {
        let url = format!("http://me:{password}@{}", proxy.address);
        let output = s3_clean(&config, &["--yes"], &[("HTTPS_PROXY", &url), ("SSL_CERT_FILE", file)]).await;
        let text = stderr(&output);
        assert!(!output.status.success() && text.contains(said) && !text.contains("hidden"), "{text}");
        assert!(text.contains("\n  next:  "), "{text}");
    }
    assert_eq!(proxy.lines()[0], "CONNECT s3.test.invalid:443");
    let excepted = [("HTTPS_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", ".invalid"), ("SSL_CERT_FILE", file)];
    let text = stderr(&s3_clean(&config, &["--yes"], &excepted).await);
    assert!(text.contains("cannot be reached") && !text.contains("proxy"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_scheme_is_recognized() {
    let (_plain, mut config) = server_with(None, LinkSettings::NONE).await;
    let at = config.endpoint_url.trim_start_matches("http://").to_owned();
    config.endpoint_url = format!("https://{at}/base");
    let error = S3Client::connect(&config).put_bytes("key", body_of(1)).await.unwrap_err();
    let expected = format!("https://{at}/base speaks http: write http://{at}/base (");
    assert!(error.to_string().contains(&expected), "{error}");
    assert!(error.report().contains(&format!("\n  next:  write http://{at}/base")), "{}", error.report());

    // One that waits for the end of a line instead of answering.
    let waiting = Fake::answering(|_| answer("400 Bad Request", ""));
    config.endpoint_url = format!("https://{}", waiting.address);
    let error = S3Client::connect(&config).head_bucket().await.unwrap_err();
    assert!(error.to_string().contains(&format!("write http://{} (", waiting.address)), "{error}");

    let at = https_only(&Certificate::make().unwrap());
    config.endpoint_url = format!("http://{at}");
    let client = S3Client::connect(&config);
    for _ in 0..2 {
        let error = client.head_bucket().await.unwrap_err();
        assert!(error.to_string().contains(&format!("speaks https: write https://{at} (")), "{error}");
    }
}

#[tokio::test]
async fn a_port_of_something_else_is_neither() {
    use std::io::{Read, Write};
    let ssh = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = ssh.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in ssh.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n");
            let _ = stream.read(&mut [0; 1000]);
        }
    });
    let mut config = Fake::answering(|_| answer("500 No", "")).config();
    for scheme in ["http", "https"] {
        config.endpoint_url = format!("{scheme}://{address}");
        let error = S3Client::connect(&config).head_bucket().await.unwrap_err();
        assert!(matches!(error, S3Error::Unreachable { hint: None, .. }), "{error:?}");
    }
    // A server of TLS that says in the clear what is wrong, as Go's and nginx do.
    let bad = Fake::answering(|_| answer("400 Bad Request", "Client sent an HTTP request to an HTTPS server."));
    let error = bad.client().head_bucket().await.unwrap_err();
    assert!(matches!(error, S3Error::Status { status: 400, .. }), "{error:?}");
}
