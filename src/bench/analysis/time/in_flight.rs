//! The number of open requests over the time of a build, in even parts, for a picture.

use crate::results::time_breakdown::BuildTimes;
use gocacheprog::telemetry::{Answer, LoggedSession, RequestKind};

/// The requests that were open over one build.
#[derive(Debug, Clone, PartialEq)]
pub struct InFlight {
    /// Duration of the build, nanoseconds: the parts lie one after the other between 0 and this.
    pub wall_ns: u64,
    /// Workers of go: with as many requests open it waits for the cache.
    pub workers: usize,
    pub parts: Vec<Part>,
}

/// One of the even parts of the wall clock.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Part {
    /// Gets that were open, on average.
    pub gets: f64,
    /// Puts that were open, on average.
    pub puts: f64,
    /// The most requests at once.
    pub most: u32,
}

impl InFlight {
    /// The requests in the log of a backend, in this many parts.
    pub fn of(times: BuildTimes, log: &LoggedSession, parts: usize) -> InFlight {
        let mut found =
            InFlight { wall_ns: times.wall_ns, workers: times.workers, parts: vec![Part::default(); parts.max(1)] };
        let of_go = |at_ns: u64| times.backend_ns.saturating_add(at_ns);
        let answers = log.lines.iter().filter_map(|(_, line)| line.answer());
        let open: Vec<(&Answer, u64, u64)> = answers
            .filter(|answer| matches!(answer.kind, RequestKind::Get | RequestKind::Put))
            .map(|answer| (answer, of_go(answer.times.arrived_ns), of_go(answer.times.answered_ns)))
            .collect();
        for (answer, from_ns, to_ns) in &open {
            found.average(answer.kind.name(), *from_ns, *to_ns);
        }
        found.count(open.into_iter().map(|(_, from_ns, to_ns)| (from_ns, to_ns)));
        found
    }

    /// The most requests at once over the whole build.
    pub fn most(&self) -> u32 {
        self.parts.iter().map(|part| part.most).max().unwrap_or(0)
    }

    fn part_ns(&self) -> f64 {
        (self.wall_ns as f64 / self.parts.len() as f64).max(1.0)
    }

    fn place(&self, at_ns: u64) -> usize {
        ((at_ns as f64 / self.part_ns()) as usize).min(self.parts.len() - 1)
    }

    /// Adds one request to the averages of the parts that it was open in.
    fn average(&mut self, kind: &str, from_ns: u64, to_ns: u64) {
        let part_ns = self.part_ns();
        let (from, to) = (from_ns.min(self.wall_ns), to_ns.min(self.wall_ns));
        for place in self.place(from)..=self.place(to) {
            let begin = place as f64 * part_ns;
            let open_ns = (to as f64).min(begin + part_ns) - (from as f64).max(begin);
            let part = &mut self.parts[place];
            let average = if kind == "get" { &mut part.gets } else { &mut part.puts };
            *average += (open_ns / part_ns).max(0.0);
        }
    }

    /// Counts the most requests at once in each part.
    fn count(&mut self, open: impl Iterator<Item = (u64, u64)>) {
        // The end of one request is not at once with the begin of another at the same moment: -1 sorts first.
        let mut edges: Vec<(u64, i32)> = open.flat_map(|(from_ns, to_ns)| [(from_ns, 1), (to_ns, -1)]).collect();
        edges.sort_unstable();
        let (mut now, mut last) = (0_u32, 0);
        for (at_ns, change) in edges {
            let place = self.place(at_ns);
            // What was open until now was open at the begin of each part since the last edge, but for one that begins now.
            for later in last + 1..=place {
                let begins_before = later as f64 * self.part_ns() < at_ns as f64;
                self.parts[later].most = if begins_before { now } else { 0 };
            }
            last = place;
            now = now.saturating_add_signed(change);
            self.parts[place].most = self.parts[place].most.max(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::time_breakdown::tests::{answer, log};
    use proptest::prelude::*;

    const FRAME: BuildTimes = BuildTimes {
        backend_ns: 10,
        handshake_ns: 15,
        released_ns: 90,
        wall_ns: 100,
        workers: 2,
        cores: 2,
        go_cpu_ns: 0,
    };

    /// A request that is open between these times of the backend.
    fn open(kind: &str, from_ns: u64, to_ns: u64) -> (u64, gocacheprog::telemetry::Line) {
        answer(kind, from_ns, [from_ns, from_ns, from_ns, to_ns, to_ns])
    }

    #[test]
    fn averages_and_peaks_are_of_each_part() {
        // On go's axis: 10 to 30, 25 to 35; and a put 50 to 100.
        let lines = vec![open("get", 0, 20), open("get", 15, 25), open("put", 40, 90), open("close", 0, 90)];
        let found = InFlight::of(FRAME, &log(lines), 10);
        let gets: Vec<f64> = found.parts.iter().map(|part| part.gets).collect();
        assert_eq!(gets, [0.0, 1.0, 1.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let puts: Vec<f64> = found.parts.iter().map(|part| part.puts).collect();
        assert_eq!(puts, [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        let most: Vec<u32> = found.parts.iter().map(|part| part.most).collect();
        assert_eq!(most, [0, 1, 2, 1, 0, 1, 1, 1, 1, 1]);
        assert_eq!(found.most(), 2);
    }

    #[test]
    fn one_after_the_other_is_not_at_once() {
        let found = InFlight::of(FRAME, &log(vec![open("get", 0, 20), open("get", 20, 40)]), 1);
        assert_eq!(found.parts[0].most, 1);
        assert!((found.parts[0].gets - 0.4).abs() < 1e-9);
    }

    #[test]
    fn times_that_are_none_are_no_panic() {
        let found = InFlight::of(FRAME, &log(vec![open("get", 0, u64::MAX)]), 10);
        assert_eq!(found.most(), 1);
    }

    #[test]
    fn a_build_of_no_length_and_no_requests_has_parts_of_nothing() {
        let frame = BuildTimes { wall_ns: 0, ..FRAME };
        assert_eq!(InFlight::of(frame, &log(Vec::new()), 3).parts, [Part::default(); 3]);
        assert_eq!(InFlight::of(frame, &log(vec![open("get", 5, 9)]), 0).parts.len(), 1);
    }

    proptest! {
        #[test]
        fn the_averages_hold_all_the_time_that_requests_were_open(
            requests in prop::collection::vec((0_u64..60, 0_u64..30), 0..40),
            parts in 1_usize..20,
        ) {
            let lines = requests.iter().map(|(from, took)| open("get", *from, from + took));
            let found = InFlight::of(FRAME, &log(lines.collect()), parts);
            let averaged: f64 = found.parts.iter().map(|part| part.gets).sum::<f64>() * 100.0 / parts as f64;
            let open: u64 = requests.iter().map(|(_, took)| took).sum();
            prop_assert!((averaged - open as f64).abs() < 1e-6, "{averaged} {open}");
            prop_assert!(found.parts.iter().all(|part| f64::from(part.most) + 1e-9 >= part.gets));
        }
    }
}
