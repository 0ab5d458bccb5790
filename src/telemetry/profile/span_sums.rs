//! A `tracing` layer that adds up the spans that wait (remote requests, uploads, the flush), for wall profile and latencies.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::telemetry::model::answer::REQUEST;
use crate::telemetry::profile::latencies::Latencies;
use crate::telemetry::profile::wall::{Spent, WallProfile};

/// Name of the part of a download until the head of its answer.
pub const FIRST_BYTE_PART: &str = "first_byte";
/// Field of a span that holds the time to the first byte, nanoseconds.
const FIRST_BYTE: &str = "first_byte_ns";

/// The layer. Its clones share the sums.
#[derive(Clone, Default)]
pub struct SpanSums(Arc<Mutex<Sums>>);

/// Spans that have ended.
#[derive(Clone, Default)]
pub struct Sums {
    /// By path.
    pub wall: WallProfile,
    /// By name.
    pub latencies: Latencies,
}

/// A span that has not ended.
struct Open {
    path: Vec<&'static str>,
    began: Instant,
    entered: Option<Instant>,
    busy: Duration,
    /// Until the head of the answer, of a download.
    first_byte_ns: Option<u64>,
}

impl SpanSums {
    /// The sums of the spans that have ended so far.
    pub fn sums(&self) -> Sums {
        self.0.lock().expect("no span panics").clone()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanSums {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        let Some(span) = context.span(id) else { return };
        let parent = span.parent().and_then(|parent| Some(parent.extensions().get::<Open>()?.path.clone()));
        let mut path = parent.unwrap_or_default();
        path.push(metadata.name());
        let mut kind = Kind(None);
        attributes.record(&mut kind);
        match metadata.name() {
            REQUEST => path.extend(kind.0),
            // A close does nothing else.
            "flush" if kind.0.is_some() => path = vec![REQUEST, "close", "flush"],
            _ => {}
        }
        span.extensions_mut().insert(Open {
            path,
            began: Instant::now(),
            entered: None,
            busy: Duration::ZERO,
            first_byte_ns: None,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut first_byte = FirstByte(None);
        values.record(&mut first_byte);
        if let (Some(ns), Some(open)) = (first_byte.0, span.extensions_mut().get_mut::<Open>()) {
            open.first_byte_ns = Some(ns);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            open.entered = Some(Instant::now());
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            open.busy += open.entered.take().map_or(Duration::ZERO, |entered| entered.elapsed());
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(open) = context.span(&id).and_then(|span| span.extensions_mut().remove::<Open>()) else { return };
        // The recorder counts requests, from their arrival to their answer.
        if open.path.first() == Some(&REQUEST) && open.path.len() <= 2 {
            return;
        }
        let wall_ns = open.began.elapsed().as_nanos() as u64;
        let spent = Spent { count: 1, wall_ns, busy_ns: open.busy.as_nanos() as u64 };
        let mut sums = self.0.lock().expect("no span panics");
        sums.wall.add(&open.path, spent);
        sums.latencies.record(open.path.last().unwrap_or(&""), wall_ns);
        if let Some(first_byte_ns) = open.first_byte_ns {
            let path = [open.path.as_slice(), &[FIRST_BYTE_PART]].concat();
            sums.wall.add(&path, Spent { count: 1, wall_ns: first_byte_ns, busy_ns: 0 });
        }
    }
}

/// Reads the field that a download tells its first byte by.
struct FirstByte(Option<u64>);

impl Visit for FirstByte {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == FIRST_BYTE {
            self.0 = Some(value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

/// Reads the field `kind` of a request's span, or of what a request waits for.
struct Kind(Option<&'static str>);

impl Visit for Kind {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "kind" {
            let text = format!("{value:?}");
            self.0 = ["get", "put", "close"].into_iter().find(|kind| *kind == text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::info_span;
    use tracing_subscriber::prelude::*;

    #[test]
    fn spans_are_summed_by_path_and_requests_are_left_to_the_recorder() {
        let sums = SpanSums::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(sums.clone()), || {
            for _ in 0..2 {
                let request = info_span!("request", kind = %"get", id = 1);
                let _request = request.entered();
                drop(info_span!("remote.get_meta").entered());
            }
            drop(info_span!("upload"));
        });
        let sums = sums.sums().wall;
        let count = |path: &[&'static str]| sums.spent(path).map(|spent| spent.count);
        assert_eq!(count(&["request", "get", "remote.get_meta"]), Some(2));
        assert_eq!(count(&["upload"]), Some(1));
        assert_eq!(count(&["request", "get"]), None);
    }

    #[test]
    fn busy_is_the_time_entered() {
        let sums = SpanSums::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(sums.clone()), || {
            let upload = info_span!("upload");
            std::thread::sleep(Duration::from_millis(20));
            upload.in_scope(|| std::thread::sleep(Duration::from_millis(5)));
        });
        let spent = sums.sums().wall.spent(&["upload"]).unwrap();
        assert!(spent.wall_ns >= 25_000_000 && spent.busy_ns >= 5_000_000, "{spent:?}");
        assert!(spent.wall_ns - spent.busy_ns >= 20_000_000, "{spent:?}");
    }
}
