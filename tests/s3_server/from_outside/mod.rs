//! The embedded server as a backend that is not ours meets it, and what its log says about that: http and https on one port,
//! the price of a connection, buckets, the control protocol.

mod buckets;
mod connections;
mod one_port;
mod requests;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use gocacheprog::cache::remote::s3_client::client::S3Client;
use gocacheprog::cache::remote::s3_config::config::S3Config;
use gocacheprog::s3_server::{Certificate, Credentials, LinkSettings, Server, ServerOptions};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A server for http and https, with what clients need.
struct Served {
    server: Server,
    credentials: Credentials,
    certificate: Certificate,
}

impl Served {
    async fn start(link: LinkSettings) -> Served {
        let (credentials, certificate) = (Credentials::random().unwrap(), Certificate::make().unwrap());
        let tls = Some(Arc::clone(&certificate.server));
        let options = ServerOptions { link, tls, ..ServerOptions::plain("cache", credentials.clone()) };
        Served { server: Server::start(options).await.unwrap(), credentials, certificate }
    }

    /// The SDK with its own defaults; it trusts the certificate and nothing else.
    fn sdk(&self, endpoint: &str) -> Client {
        Client::from_conf(self.sdk_settings(endpoint).build())
    }

    fn sdk_settings(&self, endpoint: &str) -> Builder {
        let trusted = TrustStore::empty().with_pem_certificate(self.certificate.pem());
        let tls = TlsContext::builder().with_trust_store(trusted).build().unwrap();
        let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
        let config = self.config(endpoint);
        super::sdk(&config).config().to_builder().http_client(http.tls_context(tls).build_https())
    }

    fn config(&self, endpoint: &str) -> S3Config {
        let mut config = super::fake::Fake::answering(|_| String::new()).config();
        config.endpoint_url = endpoint.to_owned();
        config.access_key_id = self.credentials.access_key_id.clone();
        config.secret_access_key = self.credentials.secret_access_key.clone();
        config
    }

    /// Our own client, over http.
    fn client(&self) -> S3Client {
        S3Client::connect(&self.config(&self.server.endpoint()))
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.server.address()).unwrap()
    }

    /// A TLS connection whose handshake has not begun.
    fn connect_tls(&self, host: &str, versions: &[&'static rustls::SupportedProtocolVersion]) -> Tls {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.certificate.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let settings = builder.with_root_certificates(roots).with_no_client_auth();
        let host = host.to_owned().try_into().unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(settings), host).unwrap(), self.connect())
    }
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// Sends a request for a key and returns the status line. The connection stays open.
fn ask(stream: &mut (impl Read + Write), key: &str) -> String {
    stream.write_all(format!("HEAD /cache/{key} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).lines().next().unwrap().to_owned()
}
