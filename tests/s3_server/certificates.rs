//! Certificates that people make, and the variables that name them.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use gocacheprog::s3_server::{Certificate, Credentials, LinkSettings, Server, ServerOptions};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::clean::{s3_clean, stderr};
use super::fake::Fake;
use super::server_with;

/// Runs a command that makes `key.pem` and `cert.pem` in `folder`; `false` where there is no openssl.
fn make(folder: &Path, command: &str) -> bool {
    let Ok(output) = Command::new("sh").current_dir(folder).args(["-c", command]).output() else { return false };
    let text = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(127) {
        return false;
    }
    assert!(output.status.success(), "{command}: {text}");
    true
}

/// A server that shows the certificate of `folder`.
async fn serve(folder: &Path) -> (Server, Credentials) {
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let credentials = Credentials::random().unwrap();
    let options = ServerOptions { tls: Some(Arc::new(tls)), ..ServerOptions::plain("cache", credentials.clone()) };
    (Server::start(options).await.unwrap(), credentials)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_that_an_error_prints_makes_a_certificate_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let usual = "openssl req -x509 -newkey rsa:2048 -nodes -days 9 -keyout key.pem -out cert.pem -subj /CN=s3.test.invalid \
                 -addext subjectAltName=DNS:s3.test.invalid -addext basicConstraints=critical,CA:TRUE";
    if !make(folder.path(), usual) {
        return;
    }
    let (server, credentials) = serve(folder.path()).await;
    let upstream = server.address();
    let proxy = Fake::proxy(upstream, None);
    let mut config = proxy.config();
    config.endpoint_url = "https://s3.test.invalid".to_owned();
    config.access_key_id = credentials.access_key_id;
    config.secret_access_key = credentials.secret_access_key;
    let certificate = folder.path().join("cert.pem");
    let proxy_url = proxy.endpoint();
    let variables = [("HTTPS_PROXY", proxy_url.as_str()), ("SSL_CERT_FILE", certificate.to_str().unwrap())];
    let text = stderr(&s3_clean(&config, &[], &variables).await);
    assert!(text.contains("it is marked as that of an authority (CA:TRUE)"), "{text}");
    let (_, command) = text.split_once("make one with `").unwrap();
    let (command, _) = command.split_once('`').unwrap();
    drop(server);

    assert!(make(folder.path(), command));
    let (server, credentials) = serve(folder.path()).await;
    let upstream = server.address();
    let proxy = Fake::proxy(upstream, None);
    config.access_key_id = credentials.access_key_id;
    config.secret_access_key = credentials.secret_access_key;
    let proxy_url = proxy.endpoint();
    let variables = [("HTTPS_PROXY", proxy_url.as_str()), ("SSL_CERT_FILE", certificate.to_str().unwrap())];
    let output = s3_clean(&config, &[], &variables).await;
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(proxy.lines(), ["CONNECT s3.test.invalid:443"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_folders_of_certificates_that_are_none_are_named() {
    let certificate = Certificate::make().unwrap();
    let saved = certificate.save().unwrap();
    let (_server, config) = server_with(Some(&certificate), LinkSettings::NONE).await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("empty.pem"), "").unwrap();
    std::fs::write(path("key.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    std::fs::create_dir(path("none")).unwrap();
    let cases = [
        ("SSL_CERT_FILE", path("missing.pem"), "which cannot be read: No such file"),
        ("SSL_CERT_FILE", path("none"), "which cannot be read: "),
        ("SSL_CERT_FILE", path("empty.pem"), "which contains no certificate"),
        ("SSL_CERT_FILE", path("key.pem"), "which contains no certificate"),
        ("SSL_CERT_DIR", path("missing"), "which cannot be read: No such file"),
        ("SSL_CERT_DIR", path("none"), "which contains no file with a certificate"),
    ];
    for (name, value, said) in cases {
        let text = stderr(&s3_clean(&config, &[], &[(name, &value)]).await);
        assert!(text.contains(&format!("next:  {name} names {value}, {said}")), "{text}");
    }
    std::fs::copy(saved.path(), path("none") + "/ca.pem").unwrap();
    for variables in [
        [("SSL_CERT_DIR", path("none")), ("SSL_CERT_FILE", String::new())],
        [("SSL_CERT_FILE", path("none") + "/ca.pem"), ("SSL_CERT_DIR", String::new())],
    ] {
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        let output = s3_clean(&config, &[], &variables).await;
        assert!(output.status.success(), "{}", stderr(&output));
    }
    // A variable that is set to nothing is unset: the system's certificates count.
    let text = stderr(&s3_clean(&config, &[], &[("SSL_CERT_FILE", "")]).await);
    assert!(text.contains("next:  let SSL_CERT_FILE name"), "{text}");
}
