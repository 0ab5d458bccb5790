//! The HTTP connector under the SDK: plain TCP, or TLS that trusts what the system trusts, perhaps through a proxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_s3::config::SharedHttpClient;
use aws_smithy_http_client::pool::{BuildError, Client, ConnectionEvent, ConnectionPool};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext};

use crate::cache::remote::s3_client::trust;
use crate::cache::remote::s3_config::config::S3Config;
use crate::cache::remote::s3_config::proxy::Proxy;

/// Shorter than the 20 s after which S3 itself closes, so that no request meets a dead connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Chosen by scheme because building the TLS one costs milliseconds, even if it is never used.
/// The number of connections is not limited here: whoever calls bounds what is in flight. How many there are is kept in
/// `open`.
pub(super) fn http_client(config: &S3Config, open: Arc<AtomicU64>) -> SharedHttpClient {
    let pool = pool(config, open);
    let pool = pool.expect("none of the pool's settings conflict");
    let client = Client::new(&pool).expect("a pool without partitions has the anonymous one");
    SharedHttpClient::new(client)
}

fn pool(config: &S3Config, open: Arc<AtomicU64>) -> Result<ConnectionPool, BuildError> {
    let count = move |event: &ConnectionEvent<'_>| match event {
        ConnectionEvent::Opened(_) => drop(open.fetch_add(1, Ordering::Relaxed)),
        ConnectionEvent::PhysicalClose(_) => drop(open.fetch_sub(1, Ordering::Relaxed)),
        _ => {}
    };
    let builder = ConnectionPool::builder().tcp_nodelay(true).idle_timeout(IDLE_TIMEOUT).event_listener(count);
    let proxy = config.route.proxy.as_ref();
    let builder = builder.proxy_config(proxy.map_or_else(ProxyConfig::disabled, proxy_for_all));
    let proxy_speaks_tls = proxy.is_some_and(|proxy| proxy.url().scheme_str() == Some("https"));
    if !config.endpoint_url.starts_with("https://") && !proxy_speaks_tls {
        return builder.build_http();
    }
    let context = TlsContext::builder().with_trust_store(trust::store());
    let context = context.build().expect("a trust store is all it needs");
    builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context).build_https()
}

/// Which hosts are reached without the proxy has been decided before.
fn proxy_for_all(proxy: &Proxy) -> ProxyConfig {
    ProxyConfig::all(proxy.url().clone()).expect("a proxy has been read with a scheme and a host")
}
