//! The embedded S3 server, and the link in front of it (latency, round trips of new connections, jitter, bandwidth).
//!
//! A request's way: the connection reads it, the exchange logs it, the link lets its body pass, `s3s` checks its
//! signature and parses it, the operations answer from memory, the link holds the answer back. Faults that are asked for
//! come in between.

mod access;
mod api;
mod arguments;
mod connection;
mod control;
mod control_client;
mod control_protocol;
mod exchange;
mod link;
mod log;
mod record;
mod server;
mod standalone;
mod throttled_body;

pub use access::credentials::Credentials;
pub use access::keys::{Grant, Right};
pub use access::tls::{Certificate, CertificateFile};
pub use api::store::{NoBucket, Place};
pub use control::{ServeArgs, serve_child};
pub use control_client::ControlClient;
pub use control_protocol::{Answer, Command, Greeting};
pub use link::classify::Operation;
pub use link::faults::{Fault, FaultKind};
pub use link::shaping::LinkSettings;
pub use log::Delays;
pub use record::Record;
pub use server::{Server, ServerOptions, Stats};
pub use standalone::{AloneArgs, serve_alone};
