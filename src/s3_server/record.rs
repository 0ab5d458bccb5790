//! What the server notes about a request and about the connection that it came over.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::s3_server::link::classify::Operation;

/// One finished request. Times are Unix nanoseconds of this machine's clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When its head had come.
    pub t_unix_ns: u64,
    /// When the last byte of its body had come, or that of its head where it has no body.
    pub received_unix_ns: u64,
    /// When the first byte of the answer went out; `None` when the client left before there was one.
    pub first_byte_unix_ns: Option<u64>,
    /// When the last byte of the answer went out. For a client that reads slowly the kernel may hold some of them still.
    pub last_byte_unix_ns: Option<u64>,
    pub method: String,
    pub op: Operation,
    /// Empty when the request names none.
    pub bucket: String,
    /// Without the bucket, decoded; empty when the request names no key.
    pub key: String,
    /// The range that a GET asks for, as its header names it, such as `bytes=0-99`.
    pub range: Option<String>,
    /// `None` when the client left before there was an answer.
    pub status: Option<u16>,
    /// Bytes of the bodies, as they went over the link.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// From the request's head to the last byte of the answer.
    pub duration_us: u64,
    /// The latency of the link for this answer, without that of a new connection.
    pub asked_delay_us: u64,
    pub injected_delay_us: u64,
    /// Number of the connection, from 1.
    pub connection: u64,
    /// True if the connection is encrypted.
    pub tls: bool,
    /// True if no request came over the connection before this one.
    pub first_on_connection: bool,
    /// When the connection was accepted.
    pub accepted_unix_ns: u64,
    /// Round trips that the handshakes of TCP and TLS took: 1 for http, 2 for TLS 1.3. 0 where this is not the first request
    /// of its connection, and so below.
    pub connect_round_trips: u32,
    /// What the link added for them.
    pub connect_delay_us: u64,
}

/// The handshakes of TCP and TLS of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Handshakes {
    pub round_trips: u32,
    /// What the link added for these.
    pub delay: Duration,
}

/// A connection of the server.
pub struct Connection {
    pub number: u64,
    pub is_tls: bool,
    pub accepted_unix_ns: u64,
    pub handshakes: Handshakes,
    /// Requests that came over it.
    requests: AtomicU64,
    /// Number in the log of the request that is answered, plus 1; 0 for none.
    answered: AtomicU64,
}

impl Connection {
    /// A connection over which no request has come.
    pub fn new(number: u64, accepted_unix_ns: u64, is_tls: bool, handshakes: Handshakes) -> Self {
        let (requests, answered) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { number, is_tls, accepted_unix_ns, handshakes, requests, answered }
    }

    /// Counts a request; returns how many came before it.
    pub fn count_request(&self) -> u64 {
        self.requests.fetch_add(1, Relaxed)
    }

    /// From now on what is written to it belongs to the answer to this request of the log.
    pub fn begin_answer(&self, number: u64) {
        self.answered.store(number + 1, Relaxed);
    }

    /// What is written from now on belongs to no answer.
    pub fn end_answer(&self) {
        self.answered.store(0, Relaxed);
    }

    /// The request of the log that the bytes written last belong to.
    pub fn answered(&self) -> Option<u64> {
        self.answered.load(Relaxed).checked_sub(1)
    }
}
