//! The HTTP connector under the SDK: plain TCP, or TLS that trusts what the system trusts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_s3::config::SharedHttpClient;
use aws_smithy_http_client::pool::{BuildError, Client, ConnectionEvent, ConnectionPool};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use base64_simd::STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

/// Shorter than the 20 s after which S3 itself closes, so that no request meets a dead connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Chosen by scheme because building the TLS one costs milliseconds, even if it is never used.
/// The number of connections is not limited here: whoever calls bounds what is in flight. How many there are is kept in
/// `open`.
pub(super) fn http_client(endpoint_url: &str, open: Arc<AtomicU64>) -> SharedHttpClient {
    let pool = pool(endpoint_url.starts_with("https://"), open);
    let pool = pool.expect("none of the pool's settings conflict");
    let client = Client::new(&pool).expect("a pool without partitions has the anonymous one");
    SharedHttpClient::new(client)
}

fn pool(tls: bool, open: Arc<AtomicU64>) -> Result<ConnectionPool, BuildError> {
    let count = move |event: &ConnectionEvent<'_>| match event {
        ConnectionEvent::Opened(_) => drop(open.fetch_add(1, Ordering::Relaxed)),
        ConnectionEvent::PhysicalClose(_) => drop(open.fetch_sub(1, Ordering::Relaxed)),
        _ => {}
    };
    let builder = ConnectionPool::builder().tcp_nodelay(true).idle_timeout(IDLE_TIMEOUT).event_listener(count);
    if !tls {
        return builder.build_http();
    }
    let context = TlsContext::builder().with_trust_store(system_trust());
    let context = context.build().expect("a trust store is all it needs");
    builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context).build_https()
}

/// The system's certificates (or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`).
///
/// Loaded here because the SDK's own loader panics when it finds none that is valid. With an empty
/// store the handshake fails instead, and the error says where to look.
fn system_trust() -> TrustStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs().certs;
    let usable = |cert: &CertificateDer<'static>| roots.add(cert.clone()).is_ok();
    let usable: Vec<_> = found.into_iter().filter(usable).collect();
    let pem = usable.iter().map(|cert| {
        let body = STANDARD.encode_to_string(cert);
        format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    });
    TrustStore::empty().with_pem_certificate(pem.collect::<String>())
}
