//! The waits of gets for the remote, in parts of the wall clock that each cost.

use serde::Serialize;

use crate::results::round::SpanSum;

/// Waits of go's gets for the remote, as nanoseconds of the wall clock that each part cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Parts {
    /// Answers that had not begun.
    pub first_byte_ns: f64,
    /// Answers on their way.
    pub transfer_ns: f64,
    /// Attempts after one that failed.
    pub retry_ns: f64,
    /// Waits before such attempts.
    pub back_off_ns: f64,
    /// Downloads that had to wait for another one to end.
    pub turn_ns: f64,
    /// Nothing that the backend names, while downloads went one at a time: a lock.
    pub unnamed_ns: f64,
    /// Taking packs apart, checking and storing.
    pub unpack_ns: f64,
    /// New connections to S3; only seen from outside.
    pub connect_ns: f64,
}

impl Parts {
    /// The waits in the spans of all gets. A wait for manifests is split as the time of reading them was.
    pub fn of(spans: &[SpanSum]) -> Parts {
        let mut parts = Parts::default();
        for span in spans.iter().filter(|span| span.path.starts_with("request;get;")) {
            parts.take(span);
        }
        parts.add(Parts::of_waiting_for_manifests(spans));
        parts
    }

    /// The waits of gets for manifests, split as the time of reading them was.
    pub fn of_waiting_for_manifests(spans: &[SpanSum]) -> Parts {
        let waits = spans.iter().filter(|span| ends_with(&span.path, "wait.manifests"));
        let waited_ns: u64 = waits.map(|span| span.wall_ns).sum();
        Parts::of_manifests(spans).scaled(waited_ns as f64)
    }

    /// The time of reading the manifests, which is under no request.
    fn of_manifests(spans: &[SpanSum]) -> Parts {
        let mut parts = Parts::default();
        for span in spans {
            match span.path.as_str() {
                "remote.list" | "remote.get_manifest;first_byte" => parts.first_byte_ns += span.wall_ns as f64,
                "remote.get_manifest" => parts.transfer_ns += span.wall_ns as f64,
                "back_off" => parts.back_off_ns += span.wall_ns as f64,
                _ => {}
            }
        }
        parts
    }

    fn take(&mut self, span: &SpanSum) {
        let (wall_ns, busy_ns) = (span.wall_ns as f64, span.busy_ns as f64);
        let part = match span.path.rsplit(';').next().unwrap_or_default() {
            "first_byte" | "wait.first_byte" | "remote.stat_meta" => &mut self.first_byte_ns,
            "remote.get_meta" | "remote.get_data" => {
                // What came is checked and stored in the same span: that is not the link's.
                self.unpack_ns += busy_ns;
                self.transfer_ns += (wall_ns - busy_ns).max(0.0);
                return;
            }
            "wait.transfer" => &mut self.transfer_ns,
            "wait.retry" => &mut self.retry_ns,
            "wait.back_off" | "back_off" => &mut self.back_off_ns,
            "wait.turn" => &mut self.turn_ns,
            "wait.unpack" | "verify" => &mut self.unpack_ns,
            "connect" => &mut self.connect_ns,
            _ => return,
        };
        *part += wall_ns;
    }

    fn all(&mut self) -> [&mut f64; 8] {
        let Parts { first_byte_ns, transfer_ns, retry_ns, back_off_ns, turn_ns, unnamed_ns, unpack_ns, connect_ns } =
            self;
        [first_byte_ns, transfer_ns, retry_ns, back_off_ns, turn_ns, unnamed_ns, unpack_ns, connect_ns]
    }

    fn add(&mut self, mut other: Parts) {
        self.all().into_iter().zip(other.all()).for_each(|(part, more)| *part += *more);
    }

    /// All parts together.
    pub fn sum(mut self) -> f64 {
        self.all().into_iter().map(|part| *part).sum()
    }

    /// In the same proportions, with this sum.
    pub fn scaled(mut self, sum: f64) -> Parts {
        let all = self.sum();
        if all > 0.0 {
            self.all().into_iter().for_each(|part| *part *= sum / all);
        }
        self
    }
}

/// True if the path ends with a name, or with one of several with `|` between.
pub fn ends_with(path: &str, ends: &str) -> bool {
    let ends_so = |end| path.strip_suffix(end).is_some_and(|rest: &str| rest.is_empty() || rest.ends_with(';'));
    ends.split('|').any(ends_so)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(path: &str, wall_ns: u64) -> SpanSum {
        SpanSum { path: path.to_owned(), count: 1, wall_ns, busy_ns: 0 }
    }

    #[test]
    fn what_gets_waited_for_is_told_apart() {
        let parts = Parts::of(&[
            span("request;get", 1000),
            span("request;get;remote.get_meta", 10),
            span("request;get;remote.get_meta;first_byte", 200),
            span("request;get;wait.pack;wait.transfer", 30),
            span("request;put;remote.get_meta", 7),
            span("prefetch;remote.get_pack;first_byte", 9),
        ]);
        assert_eq!(parts, Parts { first_byte_ns: 200.0, transfer_ns: 40.0, ..Parts::default() });
        assert_eq!(parts.scaled(24.0).first_byte_ns, 20.0);
    }

    #[test]
    fn checking_and_storing_what_came_is_not_the_links() {
        let data = SpanSum { busy_ns: 30, ..span("request;get;remote.get_data", 100) };
        let parts = Parts::of(&[data]);
        assert_eq!((parts.transfer_ns, parts.unpack_ns), (70.0, 30.0));
    }

    #[test]
    fn waiting_for_manifests_is_what_reading_them_was() {
        let parts = Parts::of(&[
            span("request;get;wait.manifests", 100),
            span("remote.list", 30),
            span("remote.get_manifest;first_byte", 30),
            span("remote.get_manifest", 20),
            span("back_off", 20),
        ]);
        assert_eq!((parts.first_byte_ns, parts.transfer_ns, parts.back_off_ns), (60.0, 20.0, 20.0));
    }
}
