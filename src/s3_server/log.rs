//! The log of the server: one record a request, and totals. The bench checks its runs by it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use http::{Method, Uri};
use serde::{Deserialize, Serialize};

use crate::platform::clock::now_unix_ns;
use crate::s3_server::link::classify::{Operation, classify};
use crate::s3_server::link::shaping::Direction;

/// Longer ones count as this.
const LONGEST_DELAY_US: u64 = 3_600_000_000;

/// One finished request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub t_unix_ns: u64,
    pub method: String,
    pub op: Operation,
    /// Without the bucket, decoded; empty when the request names no key.
    pub key: String,
    /// `None` when the client left before there was an answer.
    pub status: Option<u16>,
    /// Bytes of the bodies, as they went over the link.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// From the request's head to the last byte of the answer.
    pub duration_us: u64,
    pub asked_delay_us: u64,
    pub injected_delay_us: u64,
}

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

    /// Called with a request's head, and whether the host names the bucket; the exchange ends when its last holder lets go of it.
    pub(super) fn begin(self: &Arc<Self>, method: &Method, uri: &Uri, is_virtual: bool) -> Arc<Exchange> {
        let number = match &self.records {
            None => self.received.fetch_add(1, Relaxed),
            Some(records) => {
                let mut records = lock(records);
                records.push(None);
                self.received.fetch_add(1, Relaxed)
            }
        };
        let (op, key) = classify(method, uri, is_virtual);
        Arc::new(Exchange {
            log: Arc::clone(self),
            number,
            t_unix_ns: now_unix_ns(),
            start: Instant::now(),
            method: method.clone(),
            op,
            key,
            status: AtomicU16::new(0),
            bytes: [AtomicU64::new(0), AtomicU64::new(0)],
            asked_us: AtomicU64::new(0),
            injected_us: AtomicU64::new(0),
        })
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

/// One request and its answer, under way.
pub(super) struct Exchange {
    log: Arc<Log>,
    number: u64,
    t_unix_ns: u64,
    start: Instant,
    method: Method,
    op: Operation,
    key: String,
    status: AtomicU16,
    bytes: [AtomicU64; 2],
    asked_us: AtomicU64,
    injected_us: AtomicU64,
}

impl Exchange {
    /// The operation that was requested.
    pub(super) fn operation(&self) -> Operation {
        self.op
    }

    pub(super) fn passed(&self, direction: Direction, bytes: usize) {
        self.bytes[direction as usize].fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn answered(&self, status: u16, asked: Duration, injected: Duration) {
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
        Record {
            t_unix_ns: self.t_unix_ns,
            method: self.method.to_string(),
            op: self.op,
            key: self.key.clone(),
            status: (status != 0).then_some(status),
            bytes_in: self.bytes(Direction::Up),
            bytes_out: self.bytes(Direction::Down),
            duration_us: as_us(self.start.elapsed()),
            asked_delay_us: self.asked_us.load(Relaxed),
            injected_delay_us: self.injected_us.load(Relaxed),
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
        *totals.requests.entry(self.op).or_default() += 1;
        totals.bytes_in += self.bytes(Direction::Up);
        totals.bytes_out += self.bytes(Direction::Down);
        drop(totals);
        self.log.finished.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_appears_when_the_last_holder_lets_go() {
        let log = Arc::new(Log::new(true));
        let first = log.begin(&Method::GET, &"/c/one".parse().unwrap(), false);
        let second = log.begin(&Method::GET, &"/c/two".parse().unwrap(), false);
        let body = Arc::clone(&second);
        second.answered(200, Duration::from_millis(20), Duration::from_micros(20_100));
        drop(second);
        assert_eq!((log.received(), log.in_flight(), log.since(0)), (2, 2, vec![]));
        body.passed(Direction::Down, 7);
        drop(body);
        let records = log.since(1);
        assert_eq!((records[0].key.as_str(), records[0].bytes_out), ("two", 7));
        assert_eq!((records[0].status, records[0].injected_delay_us), (Some(200), 20_100));
        drop(first);
        assert_eq!(log.since(0)[0].status, None);
        assert_eq!((log.in_flight(), log.delays().count), (0, 1));
        let totals = log.totals();
        assert_eq!((totals.requests[&Operation::Get], totals.bytes_in, totals.bytes_out), (2, 0, 7));
        log.reset_delays();
        assert_eq!(log.delays(), Delays { count: 0, median: None, p99: None });
    }
}
