//! The server: a listener on loopback, signature check, the link, the memory store.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http::header::{HOST, HeaderName};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::Body;
use s3s::service::{S3Service, S3ServiceBuilder};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::s3_server::access::credentials::Credentials;
use crate::s3_server::access::hosts::{Hosts, bucket_in};
use crate::s3_server::access::keys::{Grant, Guard, Keys};
use crate::s3_server::api::multipart::Uploads;
use crate::s3_server::api::operations::Operations;
use crate::s3_server::api::store::Store;
use crate::s3_server::link::faults::{Damage, Fault, FaultKind, Faults};
use crate::s3_server::link::shaping::{Direction, LinkSettings, ShapedLink};
use crate::s3_server::log::{Delays, Log, Record, Totals};
use crate::s3_server::throttled_body::Paced;

/// Ends a connection.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Settings of a server. It always listens on 127.0.0.1: the credentials are throw-away ones.
pub struct ServerOptions {
    /// 0 for any free one.
    pub port: u16,
    /// The bucket that is there from the start.
    pub bucket: String,
    pub credentials: Credentials,
    /// Rights of those credentials; `None` for all.
    pub grants: Option<Vec<Grant>>,
    pub link: LinkSettings,
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The injected faults, and the seed of the draws.
    pub faults: (Vec<Fault>, u64),
    /// True if every request is kept for [`Server::log_since`]; without a reader the log only grows.
    pub keep_log: bool,
}

impl ServerOptions {
    /// A free port, no TLS, no link in front, no faults, every request kept.
    pub fn plain(bucket: impl Into<String>, credentials: Credentials) -> Self {
        Self {
            port: 0,
            bucket: bucket.into(),
            credentials,
            grants: None,
            link: LinkSettings::NONE,
            tls: None,
            faults: (Vec::new(), 0),
            keep_log: true,
        }
    }
}

/// Totals, as the `stats` command prints them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    pub objects: u64,
    pub bytes: u64,
    pub requests: u64,
    pub in_flight: u64,
    pub connections_opened: u64,
    pub injected_first_byte_ms: Delays,
}

/// A running server. Dropping it ends it, with all its connections.
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    tls: bool,
    accepting: AbortHandle,
}

pub(crate) struct Shared {
    service: S3Service,
    store: Arc<Store>,
    keys: Arc<Keys>,
    link: Arc<ShapedLink>,
    log: Arc<Log>,
    faults: Faults,
}

impl Server {
    /// Starts to listen, within the current tokio runtime.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn start(options: ServerOptions) -> io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let store = Arc::new(Store::default());
        store.create_bucket(&options.bucket);
        let keys = Arc::new(Keys::default());
        keys.add(&options.credentials, options.grants);
        let shared = Arc::new(Shared {
            service: service(&store, &keys),
            store,
            keys,
            link: Arc::new(ShapedLink::new(options.link)?),
            log: Arc::new(Log::new(options.keep_log)),
            faults: Faults::new(options.faults.0, options.faults.1),
        });
        let tls = options.tls.map(TlsAcceptor::from);
        let is_tls = tls.is_some();
        let accepting = tokio::spawn(accept(listener, tls, Arc::clone(&shared)));
        Ok(Server { shared, address, tls: is_tls, accepting: accepting.abort_handle() })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// As a URL.
    pub fn endpoint(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Adds a key that may do what the grants say and nothing else, or replaces the key of that ID.
    pub fn add_key(&self, credentials: &Credentials, grants: Vec<Grant>) {
        self.shared.keys.add(credentials, Some(grants));
    }

    /// Changes the link for all requests from now on, and starts a new count of delays.
    pub fn set_link(&self, settings: LinkSettings) {
        self.shared.link.set(settings);
        self.shared.log.reset_delays();
    }

    /// From now on these faults, drawn with `seed`, in the place of those before.
    pub fn set_faults(&self, faults: Vec<Fault>, seed: u64) {
        self.shared.faults.set(faults, seed);
    }

    /// The number of requests received so far.
    pub fn mark(&self) -> u64 {
        self.shared.log.received()
    }

    /// The finished requests among those received after `mark`.
    pub fn log_since(&self, mark: u64) -> Vec<Record> {
        self.shared.log.since(mark)
    }

    /// Objects and bytes are those below `prefix`; the rest is of the whole server.
    pub fn stats(&self, prefix: &str) -> Stats {
        let (objects, bytes) = self.shared.store.totals(prefix);
        let log = &self.shared.log;
        Stats {
            objects,
            bytes,
            requests: log.received(),
            in_flight: log.in_flight(),
            connections_opened: log.connections_opened.load(Relaxed),
            injected_first_byte_ms: log.delays(),
        }
    }

    /// Totals of the requests that are finished.
    pub fn totals(&self) -> Totals {
        self.shared.log.totals()
    }

    /// Removes all objects below `prefix`; returns how many.
    pub fn clear(&self, prefix: &str) -> u64 {
        self.shared.store.clear(prefix)
    }

    /// Copies all objects below `from` to the same names below `to`; returns how many. The bodies are shared.
    pub fn copy(&self, from: &str, to: &str) -> u64 {
        self.shared.store.copy(from, to)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn service(store: &Arc<Store>, keys: &Arc<Keys>) -> S3Service {
    let (store, keys) = (Arc::clone(store), Arc::clone(keys));
    let guard = Guard(Arc::clone(&keys));
    let mut builder = S3ServiceBuilder::new(Operations { store, keys, uploads: Uploads::default() });
    builder.set_auth(guard.clone());
    builder.set_access(guard);
    builder.set_host(Hosts);
    builder.build()
}

/// The connections are children of this task: they end with it.
async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    shared.log.connections_opened.fetch_add(1, Relaxed);
                    connections.spawn(connection(stream, tls.clone(), Arc::clone(&shared)));
                }
                // Out of file descriptors, most likely: let some connections end first.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    if stream.set_nodelay(true).is_err() {
        return; // the client has gone already
    }
    match tls {
        None => serve(stream, shared).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, shared).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>) {
    let service = service_fn(move |request| exchange(Arc::clone(&shared), request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A connection that breaks is the client's to report.
    drop(connection.await);
}

async fn exchange(shared: Arc<Shared>, mut request: Request<Incoming>) -> Result<Response<Paced<Body>>, BoxError> {
    let Shared { service, link, log, faults, .. } = &*shared;
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let is_virtual = host.and_then(bucket_in).is_some();
    let exchange = log.begin(request.method(), request.uri(), is_virtual);
    let fault = faults.draw().filter(|fault| fault.concerns(exchange.operation()));
    if fault.is_some() {
        log.fault_injected();
    }
    join_repeated(request.headers_mut());
    let request = request.map(|body| {
        let up = Paced::new(body, Direction::Up, link, &exchange);
        Body::http_body_unsync(up)
    });
    let response = match fault {
        Some(FaultKind::Silence) => std::future::pending().await,
        Some(FaultKind::Drop) => return Err("dropped on purpose".into()),
        Some(kind) if let Some(refusal) = kind.refusal() => refuse(request, refusal).await?,
        _ => service.call(request).await?,
    };
    let asked = link.next_delay();
    let injected = link.hold(asked).await;
    exchange.answered(response.status().as_u16(), asked, injected);
    let length_bytes = response.body().size_hint().exact().unwrap_or(0);
    let damage = fault.and_then(|kind| Damage::new(kind, length_bytes));
    Ok(response.map(|body| Paced::new(body, Direction::Down, link, &exchange).damaged(damage)))
}

/// Makes one header of those of the same name, as HTTP and the signature see them: `s3s` refuses repeated ones, but an SDK sends
/// `Content-Encoding` twice where the caller sets it and the body is chunked.
fn join_repeated(headers: &mut HeaderMap) {
    let names: Vec<HeaderName> = headers.keys().cloned().collect();
    for name in names {
        let values: Vec<&[u8]> = headers.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
        if values.len() > 1
            && let Ok(joined) = HeaderValue::from_bytes(&values.join(&b","[..]))
        {
            headers.insert(name, joined);
        }
    }
}

/// An error as S3 gives it, once the whole request has come: before that the client could take it for a broken connection.
async fn refuse(request: Request<Body>, (status, code): (u16, &str)) -> Result<Response<Body>, BoxError> {
    request.into_body().collect().await?;
    let xml = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>on purpose</Message></Error>");
    Ok(Response::builder().status(status).header("content-type", "application/xml").body(Body::from(xml))?)
}
