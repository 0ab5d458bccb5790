//! Finds out which protocol a port speaks that does not answer as its URL says. Sends nothing of the request, and no credential.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::cache::remote::s3_client::error::Target;

/// The longest that the question may take.
const LIMIT: Duration = Duration::from_millis(500);
/// The first byte of a TLS record that goes on with a handshake, and of one that ends it.
const TLS_RECORDS: [u8; 2] = [0x16, 0x15];

/// The scheme that the endpoint should have, where its port speaks the other one.
pub(super) async fn other_protocol(target: &Target) -> Option<&'static str> {
    let (host, port) = (&target.host, target.port);
    if target.is_tls() && speaks_http(host, port).await {
        return Some("http");
    }
    if !target.is_tls() && speaks_tls(host, port).await {
        return Some("https");
    }
    None
}

/// The port speaks http in the clear.
async fn speaks_http(host: &str, port: u16) -> bool {
    let request = format!("HEAD / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
    let mut answer = [0; 5];
    ask(host, port, request.as_bytes(), &mut answer).await.is_some() && answer == *b"HTTP/"
}

/// The port speaks TLS.
async fn speaks_tls(host: &str, port: u16) -> bool {
    let Some(hello) = hello(host) else { return false };
    let mut answer = [0; 2];
    // The major version of all TLS records is 3.
    ask(host, port, &hello, &mut answer).await.is_some() && TLS_RECORDS.contains(&answer[0]) && answer[1] == 3
}

/// The first message of a TLS client.
fn hello(host: &str) -> Option<Vec<u8>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    let config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).ok()?;
    let mut hello = Vec::new();
    ClientConnection::new(Arc::new(config), name).ok()?.write_tls(&mut hello).ok()?;
    Some(hello)
}

async fn ask(host: &str, port: u16, question: &[u8], answer: &mut [u8]) -> Option<()> {
    let asked = async {
        let mut stream = TcpStream::connect((host, port)).await?;
        stream.write_all(question).await?;
        stream.read_exact(answer).await.map(drop)
    };
    tokio::time::timeout(LIMIT, asked).await.ok()?.ok()
}
