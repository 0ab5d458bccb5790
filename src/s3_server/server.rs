//! The server: a listener on loopback, signature check, the link, the memory store.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use s3s::path::check_bucket_name;
use s3s::service::{S3Service, S3ServiceBuilder};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use crate::s3_server::access::credentials::Credentials;
use crate::s3_server::access::hosts::Hosts;
use crate::s3_server::access::keys::{Grant, Guard, Keys};
use crate::s3_server::api::multipart::Uploads;
use crate::s3_server::api::operations::Operations;
use crate::s3_server::api::store::{NoBucket, Place, Store};
use crate::s3_server::connection::accept;
use crate::s3_server::exchange::Shared;
use crate::s3_server::link::faults::{Fault, Faults};
use crate::s3_server::link::shaping::{LinkSettings, ShapedLink};
use crate::s3_server::log::{Delays, Log, Totals};
use crate::s3_server::record::Record;

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
    /// The certificates for https, which the same port serves beside http; `None` for http only.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The injected faults, and the seed of the draws.
    pub faults: (Vec<Fault>, u64),
    /// True if every request is kept for [`Server::log_since`]; without a reader the log only grows.
    pub keep_log: bool,
}

impl ServerOptions {
    /// A free port, http only, no link in front, no faults, every request kept.
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
    accepting: AbortHandle,
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
        let accepting = tokio::spawn(accept(listener, tls, Arc::clone(&shared)));
        Ok(Server { shared, address, accepting: accepting.abort_handle() })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a URL of http.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address as a URL of https, for a server with certificates.
    pub fn https_endpoint(&self) -> String {
        format!("https://{}", self.address)
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

    /// Totals of the whole server; objects and bytes are those below `prefix`, in all buckets.
    pub fn stats(&self, prefix: &str) -> Stats {
        self.stats_with(self.shared.store.totals(prefix))
    }

    /// Totals of the whole server; objects and bytes are those in one place.
    ///
    /// # Errors
    /// When there is no such bucket.
    pub fn stats_of(&self, place: &Place) -> Result<Stats, NoBucket> {
        self.shared.store.totals_of(place).map(|totals| self.stats_with(totals))
    }

    fn stats_with(&self, (objects, bytes): (u64, u64)) -> Stats {
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

    /// Makes a bucket, if there is none of that name. Each key may use each bucket.
    ///
    /// # Errors
    /// When no client could name the bucket.
    pub fn make_bucket(&self, name: &str) -> Result<(), String> {
        if !check_bucket_name(name) {
            return Err(format!(
                "`{name}` cannot be the name of a bucket: S3 takes 3 to 63 lower-case letters, digits, dots and hyphens"
            ));
        }
        self.shared.store.create_bucket(name);
        Ok(())
    }

    /// Removes all objects below `prefix`, in all buckets; returns how many.
    pub fn clear(&self, prefix: &str) -> u64 {
        self.shared.store.clear(prefix)
    }

    /// Removes all objects in one place; returns how many.
    ///
    /// # Errors
    /// When there is no such bucket.
    pub fn clear_place(&self, place: &Place) -> Result<u64, NoBucket> {
        self.shared.store.clear_place(place)
    }

    /// Copies all objects of one place to the same names in another; returns how many. The bodies are shared.
    ///
    /// # Errors
    /// When one of the buckets does not exist.
    pub fn copy(&self, from: &Place, to: &Place) -> Result<u64, NoBucket> {
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
