//! The log of the server: one record a request, and totals. The bench checks its runs by it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use http::header::{HOST, HeaderName, RANGE};
use http::{Method, Request};
use serde::{Deserialize, Serialize};

use crate::platform::clock::now_unix_ns;
use crate::s3_server::access::hosts::bucket_in;
use crate::s3_server::link::classify::{Operation, Target, classify};
use crate::s3_server::link::shaping::Direction;
use crate::s3_server::record::{Connection, Handshakes, Record};

/// Longer ones count as this.
const LONGEST_DELAY_US: u64 = 3_600_000_000;

/// The delays really injected since the link was last set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delays {
    pub count: u64,
    /// Milliseconds; `None` when no request was delayed.
    pub median: Option<f64>,
    pub p99: Option<f64>,
}

/// Totals of all finished requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    pub requests: BTreeMap<Operation, u64>,
    /// Bytes of bodies, as they went over the link.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Requests that failed on purpose.
    pub faults: u64,
}

pub(super) struct Log {
    /// By order of arrival, `None` while under way. Not kept at all by a server that runs on
    /// without anybody who reads it.
    records: Option<Mutex<Vec<Option<Record>>>>,
    received: AtomicU64,
    finished: AtomicU64,
    pub(super) connections_opened: AtomicU64,
    delays_us: Mutex<Histogram<u64>>,
    totals: Mutex<Totals>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn as_ns(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}

fn as_us(duration: Duration) -> u64 {
    duration.as_micros() as u64
}

impl Log {
    pub(super) fn new(keep_records: bool) -> Self {
        let delays = Histogram::new_with_bounds(1, LONGEST_DELAY_US, 3);
        let delays = delays.expect("the bounds are in order and 3 digits are valid");
        Log {
            records: keep_records.then(Mutex::default),
            received: AtomicU64::new(0),
            finished: AtomicU64::new(0),
            connections_opened: AtomicU64::new(0),
            delays_us: Mutex::new(delays),
            totals: Mutex::default(),
        }
    }

    /// Called with a request's head; the exchange ends when its last holder lets go of it.
    pub(super) fn begin<B>(self: &Arc<Self>, request: &Request<B>, connection: &Arc<Connection>) -> Arc<Exchange> {
        let number = match &self.records {
            None => self.received.fetch_add(1, Relaxed),
            Some(records) => {
                let mut records = lock(records);
                records.push(None);
                self.received.fetch_add(1, Relaxed)
            }
        };
        let header = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
        let target = classify(request.method(), request.uri(), header(HOST).and_then(bucket_in));
        let range = header(RANGE).filter(|_| target.operation == Operation::Get);
        Arc::new(Exchange {
            log: Arc::clone(self),
            number,
            t_unix_ns: now_unix_ns(),
            start: Instant::now(),
            method: request.method().clone(),
            range: range.map(str::to_owned),
            target,
            connection: Arc::clone(connection),
            is_first: connection.count_request() == 0,
            status: AtomicU16::new(0),
            first_byte_ns: AtomicU64::new(0),
            bytes: Default::default(),
            last_ns: Default::default(),
            asked_us: AtomicU64::new(0),
            injected_us: AtomicU64::new(0),
        })
    }

    /// Notes when the last bytes so far of the answer to a request were written to its connection. False while the request is
    /// not finished: there is more to come.
    pub(super) fn sent(&self, number: u64, written_unix_ns: u64) -> bool {
        let (Some(records), Ok(number)) = (&self.records, usize::try_from(number)) else {
            return true;
        };
        let mut records = lock(records);
        let Some(Some(record)) = records.get_mut(number) else {
            return false;
        };
        record.last_byte_unix_ns = record.last_byte_unix_ns.map(|before| before.max(written_unix_ns));
        record.duration_us = record.duration_us.max(written_unix_ns.saturating_sub(record.t_unix_ns) / 1000);
        true
    }

    /// How many requests have come so far: a mark for [`Log::since`].
    pub(super) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    pub(super) fn in_flight(&self) -> u64 {
        let finished = self.finished.load(Relaxed);
        self.received().saturating_sub(finished)
    }

    /// The finished ones of the requests that came after the first `mark`, in order of arrival.
    pub(super) fn since(&self, mark: u64) -> Vec<Record> {
        let Some(records) = &self.records else {
            return Vec::new();
        };
        let mark = usize::try_from(mark).unwrap_or(usize::MAX);
        let records = lock(records);
        records.iter().skip(mark).flatten().cloned().collect()
    }

    pub(super) fn delays(&self) -> Delays {
        let delays = lock(&self.delays_us);
        let quantile = |q| (!delays.is_empty()).then(|| delays.value_at_quantile(q) as f64 / 1e3);
        Delays { count: delays.len(), median: quantile(0.5), p99: quantile(0.99) }
    }

    pub(super) fn totals(&self) -> Totals {
        lock(&self.totals).clone()
    }

    /// Counts a request that fails on purpose.
    pub(super) fn fault_injected(&self) {
        lock(&self.totals).faults += 1;
    }

    /// Forgets the delays of a link that has just been set anew.
    pub(super) fn reset_delays(&self) {
        lock(&self.delays_us).reset();
    }
}

/// One request and its answer, under way. Times are nanoseconds since its head.
pub(super) struct Exchange {
    log: Arc<Log>,
    number: u64,
    t_unix_ns: u64,
    start: Instant,
    method: Method,
    target: Target,
    range: Option<String>,
    connection: Arc<Connection>,
    is_first: bool,
    status: AtomicU16,
    first_byte_ns: AtomicU64,
    /// Bytes of the bodies, by direction.
    bytes: [AtomicU64; 2],
    /// When the last of them passed.
    last_ns: [AtomicU64; 2],
    asked_us: AtomicU64,
    injected_us: AtomicU64,
}

impl Exchange {
    /// The operation that was requested.
    pub(super) fn operation(&self) -> Operation {
        self.target.operation
    }

    pub(super) fn passed(&self, direction: Direction, bytes: usize) {
        self.bytes[direction as usize].fetch_add(bytes as u64, Relaxed);
        self.last_ns[direction as usize].store(as_ns(self.start.elapsed()), Relaxed);
    }

    pub(super) fn answered(&self, status: u16, asked: Duration, injected: Duration) {
        self.first_byte_ns.store(as_ns(self.start.elapsed()), Relaxed);
        self.connection.begin_answer(self.number);
        self.status.store(status, Relaxed);
        self.asked_us.store(as_us(asked), Relaxed);
        self.injected_us.store(as_us(injected), Relaxed);
        if !asked.is_zero() {
            lock(&self.log.delays_us).saturating_record(as_us(injected));
        }
    }

    fn bytes(&self, direction: Direction) -> u64 {
        self.bytes[direction as usize].load(Relaxed)
    }

    fn record(&self) -> Record {
        let status = self.status.load(Relaxed);
        let at = |ns: &AtomicU64| self.t_unix_ns + ns.load(Relaxed);
        let [received_ns, last_byte_ns] = &self.last_ns;
        let is_answered = status != 0;
        let handshakes = if self.is_first { self.connection.handshakes } else { Handshakes::default() };
        let first_byte_unix_ns = is_answered.then(|| at(&self.first_byte_ns));
        Record {
            t_unix_ns: self.t_unix_ns,
            received_unix_ns: at(received_ns),
            first_byte_unix_ns,
            last_byte_unix_ns: first_byte_unix_ns.map(|first| first.max(at(last_byte_ns))),
            method: self.method.to_string(),
            op: self.target.operation,
            bucket: self.target.bucket.clone(),
            key: self.target.key.clone(),
            range: self.range.clone(),
            status: is_answered.then_some(status),
            bytes_in: self.bytes(Direction::Up),
            bytes_out: self.bytes(Direction::Down),
            duration_us: as_us(self.start.elapsed()),
            asked_delay_us: self.asked_us.load(Relaxed),
            injected_delay_us: self.injected_us.load(Relaxed),
            connection: self.connection.number,
            tls: self.connection.is_tls,
            first_on_connection: self.is_first,
            accepted_unix_ns: self.connection.accepted_unix_ns,
            connect_round_trips: handshakes.round_trips,
            connect_delay_us: as_us(handshakes.delay),
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(records) = &self.log.records
            && let Ok(number) = usize::try_from(self.number)
            && let Some(slot) = lock(records).get_mut(number)
        {
            *slot = Some(self.record());
        }
        let mut totals = lock(&self.log.totals);
        *totals.requests.entry(self.operation()).or_default() += 1;
        totals.bytes_in += self.bytes(Direction::Up);
        totals.bytes_out += self.bytes(Direction::Down);
        drop(totals);
        self.log.finished.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
