//! The time that requests were open between any two moments of a build.

/// The requests of a build over its time.
pub struct OpenTime {
    /// The times at which their number changes; the first at 0.
    points: Vec<Point>,
    workers: usize,
}

struct Point {
    at_ns: u64,
    /// Requests that are open from here on.
    open: usize,
    /// Up to here, with any request open.
    any_ns: u64,
    /// Up to here, open requests over workers.
    shared_ns: f64,
}

impl OpenTime {
    /// Takes each request as its begin and end in nanoseconds.
    pub fn of(spans: impl Iterator<Item = (u64, u64)>, workers: usize) -> Self {
        let workers = workers.max(1);
        let mut edges: Vec<(u64, bool)> =
            spans.filter(|(from, to)| from < to).flat_map(|(from, to)| [(from, true), (to, false)]).collect();
        edges.sort_unstable();
        let mut time = Self { points: vec![Point { at_ns: 0, open: 0, any_ns: 0, shared_ns: 0.0 }], workers };
        let mut open = 0;
        for (at_ns, is_begin) in edges {
            let (any_ns, shared_ns) = time.until(at_ns);
            // Of two at one time the end comes first: `open` is never below 0.
            open = if is_begin { open + 1 } else { open - 1 };
            time.points.push(Point { at_ns, open, any_ns, shared_ns });
        }
        time
    }

    /// Nanoseconds in which any request was open.
    pub fn any_ns(&self, from_ns: u64, to_ns: u64) -> u64 {
        self.until(to_ns).0.saturating_sub(self.until(from_ns).0)
    }

    /// Nanoseconds that requests were open, over the number of workers: a worker waits for one request at a time.
    pub fn shared_ns(&self, from_ns: u64, to_ns: u64) -> u64 {
        (self.until(to_ns).1 - self.until(from_ns).1).max(0.0) as u64
    }

    /// Both sums from 0 on.
    fn until(&self, at_ns: u64) -> (u64, f64) {
        let after = self.points.partition_point(|point| point.at_ns <= at_ns);
        // The first one is at 0.
        let last = &self.points[after - 1];
        let ns = at_ns - last.at_ns;
        let share = last.open.min(self.workers) as f64 / self.workers as f64;
        (last.any_ns + if last.open > 0 { ns } else { 0 }, last.shared_ns + ns as f64 * share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_at_once_count_once_or_by_workers() {
        let time = OpenTime::of([(10, 30), (20, 40), (25, 28), (40, 50), (60, 60)].into_iter(), 2);
        assert_eq!(time.any_ns(0, 100), 40);
        assert_eq!(time.any_ns(15, 45), 30);
        assert_eq!(time.shared_ns(10, 20), 5, "one of two workers");
        assert_eq!(time.shared_ns(20, 30), 10, "both, and no more than both");
        assert_eq!((time.any_ns(50, 10), time.shared_ns(50, 10)), (0, 0), "not backwards");
        assert_eq!(OpenTime::of(std::iter::empty(), 0).any_ns(0, 9), 0);
    }
}
