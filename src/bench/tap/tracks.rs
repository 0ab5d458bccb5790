//! Counter tracks of a session that is seen from outside: points at each change, drawn in the order of their times.

use std::collections::BTreeMap;

use gocacheprog::telemetry::Drawing;
use serde_json::Map;

/// A number that is drawn over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Track {
    /// Requests that go waits for.
    Open,
    /// Bytes that wait because the program's stdin is full.
    Blocked,
    /// Bytes in the program's stdin that it had not read when the next request came.
    Unread,
    /// Answers so far that came before that of an older request.
    OutOfOrder,
}

impl Track {
    /// Its name, and that of its one series.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Open => ("requests open", "requests"),
            Self::Blocked => ("waiting for room in the program's stdin (bytes)", "bytes"),
            Self::Unread => ("unread in the program's stdin (bytes)", "bytes"),
            Self::OutOfOrder => ("answers out of order (so far)", "answers"),
        }
    }
}

/// How a number changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    By(i64),
    To(u64),
}

/// Changes that have not been drawn, and the numbers so far.
#[derive(Debug, Default)]
pub struct Tracks {
    changes: Vec<(u64, Track, Change)>,
    values: BTreeMap<Track, u64>,
    pub most_open: u64,
}

impl Tracks {
    /// Notes a change at a moment; they come in any order.
    pub fn note(&mut self, at_ns: u64, track: Track, change: Change) {
        self.changes.push((at_ns, track, change));
    }

    /// Draws all changes before `until_ns`: none before them may come later.
    pub fn draw(&mut self, until_ns: u64, drawing: Option<&Drawing>) {
        self.changes.sort_unstable();
        let later = self.changes.split_off(self.changes.partition_point(|(at_ns, ..)| *at_ns < until_ns));
        let mut file = drawing.map(|drawing| drawing.lock().expect("no trace writer panics"));
        for (at_ns, track, change) in std::mem::replace(&mut self.changes, later) {
            let value = self.values.entry(track).or_default();
            *value = match change {
                Change::By(by) => value.saturating_add_signed(by),
                Change::To(value) => value,
            };
            if track == Track::Open {
                self.most_open = self.most_open.max(*value);
            }
            if let Some(file) = &mut file {
                let (name, series) = track.names();
                file.counter(at_ns as f64 / 1000.0, name, Map::from_iter([(series.to_owned(), (*value).into())]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_count_in_the_order_of_their_times() {
        let mut tracks = Tracks::default();
        for (at_ns, by) in [(30, -1), (10, 1), (20, 1), (40, -1), (90, 1)] {
            tracks.note(at_ns, Track::Open, Change::By(by));
        }
        tracks.draw(50, None);
        assert_eq!((tracks.most_open, tracks.values[&Track::Open], tracks.changes.len()), (2, 0, 1));
        tracks.draw(u64::MAX, None);
        assert_eq!((tracks.values[&Track::Open], tracks.changes.len()), (1, 0));
    }
}
