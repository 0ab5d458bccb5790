//! `latency.hlog`: how long requests, their stages and other spans took, an HdrHistogram for each tag.
//!
//! Format: the interval log of HdrHistogram, version 1.3, one interval, values in nanoseconds.
//! <https://github.com/HdrHistogram/HdrHistogram/blob/master/src/main/java/org/HdrHistogram/HistogramLogWriter.java>

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};

use serde::{Deserialize, Serialize};

use crate::telemetry::model::answer::{Answer, Outcome};
use crate::telemetry::model::kind::RequestKind;

/// Significant digits that are kept of each value.
const DIGITS: u8 = 3;
/// So that the log's own column of maxima, which is for the eye, is in milliseconds.
const NS_PER_MS: f64 = 1e6;
/// Size classes of bodies: the most bytes of each, and its name. The last takes the rest.
pub const SIZE_CLASSES: [(u64, &str); 4] =
    [(4 << 10, "to-4KiB"), (64 << 10, "to-64KiB"), (1 << 20, "to-1MiB"), (u64::MAX, "over-1MiB")];

/// A latency distribution, nanoseconds, from an HdrHistogram of three significant digits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Latency {
    /// Number of values.
    pub count: u64,
    /// Median.
    pub p50: u64,
    /// 99th percentile.
    pub p99: u64,
    /// Largest value.
    pub max: u64,
}

impl Latency {
    /// `None` for an empty histogram.
    pub fn of(histogram: &Histogram<u64>) -> Option<Self> {
        (!histogram.is_empty()).then(|| Self {
            count: histogram.len(),
            p50: histogram.value_at_quantile(0.5),
            p99: histogram.value_at_quantile(0.99),
            max: histogram.max(),
        })
    }
}

/// Histograms by tag.
///
/// Tags: `get`, `put` and `close` are whole requests, from arrival to answer; `get/local`, `get/remote`, `get/miss` the
/// same by source (`get/hit` where it is unknown); `get/remote/to-4KiB` and so on by size of the body as well. Any other tag is the name of a span.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    by_tag: BTreeMap<String, Histogram<u64>>,
}

impl Latencies {
    /// Adds one value.
    pub fn record(&mut self, tag: &str, ns: u64) {
        if !self.by_tag.contains_key(tag) {
            self.by_tag.insert(tag.to_owned(), Histogram::new(DIGITS).expect("three digits are supported"));
        }
        if let Some(histogram) = self.by_tag.get_mut(tag) {
            // Not `saturating_record`: that stops at what the histogram holds so far instead of growing.
            histogram.record(ns).expect("histograms grow as they must");
        }
    }

    /// Adds a request and its stages.
    pub fn add(&mut self, answer: &Answer) {
        let took_ns = answer.times.took_ns();
        self.record(answer.kind.name(), took_ns);
        if let Some(source) = source(answer) {
            self.record(source, took_ns);
            if let Some(bytes) = answer.bytes {
                self.record(&format!("{source}/{}", size_class(bytes)), took_ns);
            }
        }
        for (stage, from_ns, to_ns) in answer.stages() {
            self.record(stage, to_ns.saturating_sub(from_ns));
        }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (tag, histogram) in &other.by_tag {
            match self.by_tag.get_mut(tag) {
                Some(own) => own.add(histogram).expect("histograms grow as they must"),
                None => {
                    self.by_tag.insert(tag.clone(), histogram.clone());
                }
            }
        }
    }

    /// The distribution of one tag; `None` without a value.
    pub fn of(&self, tag: &str) -> Option<Latency> {
        Latency::of(self.by_tag.get(tag)?)
    }

    /// All histograms, by tag.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Histogram<u64>)> {
        self.by_tag.iter().map(|(tag, histogram)| (tag.as_str(), histogram))
    }

    /// Reads a log back.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(log: &[u8]) -> anyhow::Result<Self> {
        let mut latencies = Self::default();
        for entry in IntervalLogIterator::new(log) {
            let LogEntry::Interval(interval) = entry.map_err(|error| anyhow::anyhow!("{error:?}"))? else { continue };
            let tag = interval.tag().map(|tag| tag.as_str().to_owned()).unwrap_or_default();
            let bytes = base64_simd::STANDARD.decode_to_vec(interval.encoded_histogram())?;
            let read = Deserializer::new().deserialize(&mut bytes.as_slice());
            let histogram = read.map_err(|error| anyhow::anyhow!("{error:?}"))?;
            latencies.by_tag.insert(tag, histogram);
        }
        Ok(latencies)
    }

    /// Writes the log of a session that started at `start_unix_ns` and took `wall_ns`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, mut out: impl Write, start_unix_ns: u64, wall_ns: u64) -> anyhow::Result<()> {
        let start = UNIX_EPOCH + Duration::from_nanos(start_unix_ns);
        let mut serializer = V2DeflateSerializer::new();
        let mut builder = IntervalLogWriterBuilder::new();
        builder.add_comment("values are nanoseconds, the column Interval_Max milliseconds");
        builder.with_start_time(start).with_base_time(start).with_max_value_divisor(NS_PER_MS);
        let mut log = builder.begin_log_with(&mut out, &mut serializer)?;
        for (tag, histogram) in &self.by_tag {
            let tag = Tag::new(tag);
            let written = log.write_histogram(histogram, Duration::ZERO, Duration::from_nanos(wall_ns), tag);
            written.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        }
        Ok(out.flush()?)
    }
}

/// Kind of request and where its answer came from.
fn source(answer: &Answer) -> Option<&'static str> {
    match (answer.kind, answer.outcome) {
        (RequestKind::Get, Outcome::HitLocal { .. }) => Some("get/local"),
        (RequestKind::Get, Outcome::HitRemote) => Some("get/remote"),
        (RequestKind::Get, Outcome::Hit { .. }) => Some("get/hit"),
        (RequestKind::Get, Outcome::Miss) => Some("get/miss"),
        (RequestKind::Put, Outcome::Stored) => Some("put/stored"),
        _ => None,
    }
}

/// The name of the class that a body of so many bytes is in.
pub fn size_class(bytes: u64) -> &'static str {
    SIZE_CLASSES.iter().find(|(most, _)| bytes <= *most).map_or("", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::model::answer::Times;

    fn answer(kind: RequestKind, outcome: Outcome, bytes: Option<u64>, took_ns: u64) -> Answer {
        let times = Times { decided_ns: took_ns - 1, answered_ns: took_ns, ..Times::begun(0, 10) };
        Answer { id: 1, kind, action: None, output: None, bytes, outcome, error: None, times }
    }

    #[test]
    fn the_log_is_read_back() {
        let mut latencies = Latencies::default();
        latencies.add(&answer(RequestKind::Get, Outcome::HitRemote, Some(5000), 2_000_000));
        latencies.add(&answer(RequestKind::Get, Outcome::Miss, None, 4_000_000));
        latencies.record("remote.get_meta", 1_000_000);
        let mut log = Vec::new();
        latencies.write(&mut log, 1_700_000_000_000_000_000, 3_000_000_000).unwrap();
        assert!(log.starts_with(b"#") && log.windows(12).any(|part| part == b"Tag=get,0.00"), "{}", log.escape_ascii());
        let read = Latencies::read(&log).unwrap();
        let counts: Vec<_> = read.iter().map(|(tag, histogram)| (tag, histogram.len())).collect();
        assert_eq!(
            counts,
            [
                ("get", 2),
                ("get/miss", 1),
                ("get/remote", 1),
                ("get/remote/to-64KiB", 1),
                ("local.lookup", 2),
                ("queue", 2),
                ("remote.get_meta", 1),
                ("respond", 2),
            ]
        );
        assert!(read.of("get").unwrap().max.abs_diff(4_000_000) <= 4000, "{read:?}");
        assert!(Latencies::read(b"nonsense").is_err());
    }

    #[test]
    fn merging_adds_and_an_unknown_tag_has_nothing() {
        let (mut one, mut two) = (Latencies::default(), Latencies::default());
        one.record("get", 10);
        two.record("get", 30);
        two.record("put", 5);
        one.merge(&two);
        let get = one.of("get").unwrap();
        assert_eq!((get.count, get.max, one.of("put").unwrap().count), (2, 30, 1));
        assert_eq!(one.of("close"), None);
    }

    #[test]
    fn each_size_has_its_class() {
        assert_eq!(
            [0, 4096, 4097, 1 << 20, u64::MAX].map(size_class),
            ["to-4KiB", "to-4KiB", "to-64KiB", "to-1MiB", "over-1MiB"]
        );
    }
}
