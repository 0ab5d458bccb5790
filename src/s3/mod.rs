//! The embedded S3 server, and the link in front of it (latency, jitter, bandwidth).
//!
//! A request's way: the server accepts and logs it, the link lets its body pass, `s3s` checks its
//! signature and parses it, the operations answer from memory, the link holds the answer back. Faults that are asked for
//! come in between.

mod alone;
mod arguments;
mod checksums;
mod classify;
mod conditions;
mod control;
mod credentials;
mod details;
mod faults;
mod hosts;
mod keys;
mod link;
mod log;
mod multipart;
mod objects;
mod operations;
mod paced;
mod pages;
mod parts;
mod receive;
mod server;
mod store;
mod timer;
mod tls;

pub use alone::{AloneArgs, serve_alone};
pub use classify::Operation;
pub use control::{ServeArgs, serve_child};
pub use credentials::Credentials;
pub use faults::{Fault, FaultKind};
pub use keys::{Grant, Right};
pub use link::LinkSettings;
pub use log::{Delays, Record};
pub use server::{Server, ServerOptions, Stats};
pub use tls::Certificate;
