//! The rows of a trace: two spans that overlap in time get two rows, and each row is used again when it is free.

use std::collections::BTreeMap;

/// The kind of spans in a row; rows of one kind lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// Requests: as many rows as were in flight at once.
    Request,
    /// Uploads beside the answers.
    Upload,
    /// Prefetch, listing, the flush at the end.
    Maintenance,
}

/// All rows.
#[derive(Default)]
pub struct Rows {
    by_kind: [Vec<Row>; 3],
}

/// The end of each span in a row by its start, nanoseconds. Spans come in any order.
type Row = BTreeMap<u64, u64>;

impl RowKind {
    fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Upload => "upload",
            Self::Maintenance => "prefetch, maintenance",
        }
    }

    /// Number of its first row.
    pub fn first(self) -> usize {
        match self {
            Self::Request | Self::Upload => 1,
            Self::Maintenance => 1000,
        }
    }
}

impl Rows {
    /// Takes the first row that is free all the time between two moments, microseconds. Gives its number, and the name of
    /// one that is used for the first time.
    pub fn take(&mut self, kind: RowKind, start_us: f64, end_us: f64) -> (usize, Option<String>) {
        let (start, end) = ((start_us * 1000.0) as u64, (end_us * 1000.0) as u64);
        let rows = &mut self.by_kind[kind as usize];
        if let Some(at) = rows.iter().position(|row| is_free(row, start, end)) {
            rows[at].insert(start, end);
            return (kind.first() + at, None);
        }
        rows.push(BTreeMap::from([(start, end)]));
        (kind.first() + rows.len() - 1, Some(format!("{} {}", kind.name(), rows.len())))
    }
}

/// A span may begin where another ends, but two may not begin together.
fn is_free(row: &Row, start: u64, end: u64) -> bool {
    let before = row.range(..=start).next_back();
    let after = row.range(start..).next();
    before.is_none_or(|(other_start, other_end)| *other_end <= start && *other_start < start)
        && after.is_none_or(|(other_start, _)| end <= *other_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overlaps_gets_a_row_of_its_own_in_whatever_order_it_comes() {
        let mut rows = Rows::default();
        let mut take = |start, end| rows.take(RowKind::Request, start, end);
        assert_eq!(take(10.0, 20.0), (1, Some("request 1".to_owned())));
        assert_eq!(take(15.0, 16.0), (2, Some("request 2".to_owned())));
        assert_eq!(take(20.0, 30.0), (1, None));
        assert_eq!(take(0.0, 10.0), (1, None), "what is known late still finds its place");
        assert_eq!(take(5.0, 35.0), (3, Some("request 3".to_owned())));
        assert_eq!(take(16.0, 16.0), (2, None));
        assert_eq!(rows.take(RowKind::Upload, 0.0, 50.0), (1, Some("upload 1".to_owned())));
    }
}
