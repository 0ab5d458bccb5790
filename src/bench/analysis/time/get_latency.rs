//! Latency of the gets of one build, by the source of the answer and by the size of the output.

use crate::analysis::statistics::stats::quantile;
use gocacheprog::telemetry::{Answer, LoggedSession, Outcome, RequestKind, SIZE_CLASSES, size_class};

/// Gets of one source and size.
#[derive(Debug, Clone, PartialEq)]
pub struct GetClass {
    pub source: Source,
    /// Size class, named as in `latency.hlog`; None for misses.
    pub size: Option<&'static str>,
    pub count: usize,
    /// From arrival to answer, nanoseconds: the fastest, a tenth, the median, nine tenths, the slowest.
    pub fastest_ns: f64,
    pub p10_ns: f64,
    pub median_ns: f64,
    pub p90_ns: f64,
    pub slowest_ns: f64,
}

/// Source of the answer to a get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Local,
    Remote,
    Miss,
}

impl Source {
    const ALL: [Source; 3] = [Source::Local, Source::Remote, Source::Miss];

    fn of(answer: &Answer) -> Option<Source> {
        match (answer.kind, answer.outcome) {
            (RequestKind::Get, Outcome::HitLocal { .. }) => Some(Source::Local),
            (RequestKind::Get, Outcome::HitRemote) => Some(Source::Remote),
            (RequestKind::Get, Outcome::Miss) => Some(Source::Miss),
            _ => None,
        }
    }
}

/// The classes that have a get, by source and then by size.
pub fn classes(log: &LoggedSession) -> Vec<GetClass> {
    let answers = log.lines.iter().filter_map(|(_, line)| line.answer());
    let gets: Vec<(Source, Option<&'static str>, f64)> = answers
        .filter_map(|answer| {
            let source = Source::of(answer)?;
            Some((source, answer.bytes.map(size_class), answer.times.took_ns() as f64))
        })
        .collect();
    let sizes = || SIZE_CLASSES.iter().map(|(_, name)| Some(*name)).chain([None]);
    let all = Source::ALL.into_iter().flat_map(|source| sizes().map(move |size| (source, size)));
    all.filter_map(|(source, size)| {
        let took = gets.iter().filter(|get| (get.0, get.1) == (source, size)).map(|get| get.2);
        class(source, size, &took.collect::<Vec<f64>>())
    })
    .collect()
}

fn class(source: Source, size: Option<&'static str>, took_ns: &[f64]) -> Option<GetClass> {
    let of = |p: f64| quantile(took_ns, p);
    Some(GetClass {
        source,
        size,
        count: took_ns.len(),
        fastest_ns: of(0.0)?,
        p10_ns: of(0.1)?,
        median_ns: of(0.5)?,
        p90_ns: of(0.9)?,
        slowest_ns: of(1.0)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::time_breakdown::tests::log;
    use gocacheprog::telemetry::{Line, Times};

    fn get(outcome: Outcome, bytes: Option<u64>, took_ns: u64) -> (u64, Line) {
        let times = Times { arrived_ns: 100, answered_ns: 100 + took_ns, ..Times::default() };
        let answer =
            Answer { id: 1, kind: RequestKind::Get, action: None, output: None, bytes, outcome, error: None, times };
        (times.answered_ns, Line::Answer(answer))
    }

    #[test]
    fn gets_are_classed_by_source_and_size() {
        let local = Outcome::HitLocal { is_foreign: true };
        let mut lines: Vec<_> = (0..=10).map(|at| get(local, Some(100), 1000 + at * 10)).collect();
        lines.push(get(Outcome::Miss, None, 7));
        lines.push(get(Outcome::HitRemote, Some(2 << 20), 9_000));
        lines.push(get(Outcome::HitRemote, Some(5_000), 8_000));
        lines.push(get(Outcome::Error, None, 1));
        let found = classes(&log(lines));
        let names: Vec<_> = found.iter().map(|class| (class.source, class.size, class.count)).collect();
        let expected = [
            (Source::Local, Some("to-4KiB"), 11),
            (Source::Remote, Some("to-64KiB"), 1),
            (Source::Remote, Some("over-1MiB"), 1),
            (Source::Miss, None, 1),
        ];
        assert_eq!(names, expected);
        let GetClass { fastest_ns, p10_ns, median_ns, p90_ns, slowest_ns, .. } = found[0];
        assert_eq!([fastest_ns, p10_ns, median_ns, p90_ns, slowest_ns], [1000.0, 1010.0, 1050.0, 1090.0, 1100.0]);
    }

    #[test]
    fn without_gets_there_is_no_class() {
        assert!(classes(&log(Vec::new())).is_empty());
    }
}
