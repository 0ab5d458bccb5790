//! Joins the S3 server's log to the requests of go that were open then: each S3 request belongs to a get or a put, or to none.

use std::collections::BTreeMap;

use crate::execute::foreign::keys::Names;
use crate::execute::remote::remote_store;
use crate::results::round::SpanSum;
use gocacheprog::s3_server::{Operation, Record};
use gocacheprog::telemetry::{Answer, Counts, Line, LoggedSession, Outcome, RequestKind, SessionSummary};

/// The span of a question without a body: its first byte is its end.
const HEAD: &str = "remote.stat_meta";

/// An S3 request on the session's axis, nanoseconds since its start.
struct Exchange<'a> {
    record: &'a Record,
    /// Its position in the server's log.
    position: usize,
    from_ns: u64,
    first_byte_ns: u64,
    to_ns: u64,
}

impl<'a> Exchange<'a> {
    /// None for one that was cut off.
    fn of((position, record): (usize, &'a Record), start_unix_ns: u64) -> Option<Exchange<'a>> {
        let since = |unix_ns: u64| unix_ns.saturating_sub(start_unix_ns);
        // A new connection is made for the request that comes over it first.
        let from_ns = since(record.t_unix_ns).saturating_sub(record.connect_delay_us * 1000);
        let (first, last) = (record.first_byte_unix_ns?, record.last_byte_unix_ns?);
        Some(Exchange { record, position, from_ns, first_byte_ns: since(first), to_ns: since(last) })
    }

    fn is_upload(&self) -> bool {
        matches!(self.record.op, Operation::Put | Operation::Part | Operation::Multipart)
    }

    /// The name of its span, as our own backend has it.
    fn span(&self) -> &'static str {
        match self.record.op {
            Operation::Head => HEAD,
            Operation::Put | Operation::Part | Operation::Multipart => "remote.put_data",
            Operation::List => "remote.list",
            _ => "remote.get_data",
        }
    }
}

/// The S3 requests of a session by the requests of go that they were for.
pub struct Joined {
    /// Sums of spans as the wall-clock profile of our own backend has them.
    pub spans: Vec<SpanSum>,
    /// For each record the number of the request of go that it belongs to; None: to none.
    pub requests: Vec<Option<i64>>,
}

/// Puts the S3 requests of a session into its requests: the time from the first one on is that of the remote. Fills the numbers
/// of the session that are in the server's log alone.
pub fn join(log: &mut LoggedSession, session: &mut SessionSummary, records: &[Record]) -> Joined {
    let start_unix_ns = log.start_unix_ns;
    let mut exchanges: Vec<Exchange<'_>> =
        records.iter().enumerate().filter_map(|record| Exchange::of(record, start_unix_ns)).collect();
    exchanges.sort_by_key(|exchange| exchange.from_ns);
    count(session, records, &exchanges);
    let mut answers: Vec<&mut Answer> = log.lines.iter_mut().filter_map(|(_, line)| answer_of(line)).collect();
    answers.sort_by_key(|answer| answer.times.arrived_ns);
    let owners = owners(&answers, &exchanges);
    let is_serial = session.most_downloads == Some(1);
    // Another download under way while a get has not begun its own.
    let is_busy = |from_ns: u64, to_ns: u64| {
        is_serial && exchanges.iter().any(|other| !other.is_upload() && other.from_ns < to_ns && from_ns < other.to_ns)
    };
    let mut sums = Sums::default();
    let mut requests = vec![None; records.len()];
    let mut own: Vec<Vec<&Exchange<'_>>> = vec![Vec::new(); answers.len()];
    for (exchange, owner) in exchanges.iter().zip(owners) {
        match owner {
            Some(at) => {
                requests[exchange.position] = Some(answers[at].id);
                own[at].push(exchange);
            }
            None => sums.add_exchange(if exchange.is_upload() { "upload" } else { "prefetch" }, exchange),
        }
    }
    for (answer, own) in answers.into_iter().zip(&own) {
        split(answer, own, &is_busy, &mut session.counts, &mut sums);
    }
    Joined { spans: sums.finish(), requests }
}

fn answer_of(line: &mut Line) -> Option<&mut Answer> {
    let Line::Answer(answer) = line else { return None };
    if matches!(answer.kind, RequestKind::Get | RequestKind::Put) { Some(answer) } else { None }
}

/// For each S3 request the position of the request of go that it belongs to: the open one whose action or output its key names,
/// else by time the open one of its kind that has had the fewest. An upload by time lies wholly within its put.
fn owners(answers: &[&mut Answer], exchanges: &[Exchange<'_>]) -> Vec<Option<usize>> {
    let names = Names::of(answers);
    let mut had = vec![0_u32; answers.len()];
    let mut first_open = 0;
    let mut owners = Vec::with_capacity(exchanges.len());
    for exchange in exchanges {
        while answers.get(first_open).is_some_and(|answer| answer.times.answered_ns < exchange.from_ns) {
            first_open += 1;
        }
        let open: Vec<usize> = (first_open..answers.len())
            .take_while(|at| answers[*at].times.arrived_ns <= exchange.from_ns)
            .filter(|at| answers[*at].times.answered_ns >= exchange.from_ns)
            .collect();
        let named = names.named_by(&exchange.record.key);
        let kind = if exchange.is_upload() { RequestKind::Put } else { RequestKind::Get };
        let fits = |at: &usize| {
            let answer = &answers[*at];
            // An upload that outlasts its put goes on beside it.
            let is_within = !exchange.is_upload() || answer.times.answered_ns >= exchange.to_ns;
            // A key that names another request is not for one that happens to be open.
            is_within && if named.is_empty() { answer.kind == kind } else { named.contains(at) }
        };
        let owner = open.into_iter().filter(fits).min_by_key(|at| had[*at]);
        if let Some(at) = owner {
            had[at] += 1;
        }
        owners.push(owner);
    }
    owners
}

/// Splits the time in which the program works: before its first S3 request, and from there on. Where never two downloads are under
/// way, a get may also wait before its first one for that of another.
fn split(
    answer: &mut Answer,
    own: &[&Exchange<'_>],
    is_busy: &dyn Fn(u64, u64) -> bool,
    counts: &mut Counts,
    sums: &mut Sums,
) {
    let kind = if answer.kind == RequestKind::Get { "request;get" } else { "request;put" };
    if is_hit(answer) && counts.hits_unknown > 0 {
        counts.hits_unknown -= 1;
        let known = if own.is_empty() { &mut counts.hits_local } else { &mut counts.hits_remote };
        *known += 1;
    }
    let Some(first) = own.first() else { return };
    let end_ns = answer.times.decided_ns;
    let mut busy_until_ns = first.from_ns.clamp(answer.times.body_ns, end_ns);
    let waits_for_turn = answer.kind == RequestKind::Get && is_busy(answer.times.body_ns, busy_until_ns);
    answer.times.local_ns = if waits_for_turn { answer.times.body_ns } else { busy_until_ns };
    for exchange in own {
        sums.add_exchange(kind, exchange);
        busy_until_ns = busy_until_ns.max(exchange.to_ns.min(end_ns));
    }
    // Checking and storing what came.
    sums.add(format!("{kind};verify"), end_ns - busy_until_ns);
}

fn is_hit(answer: &Answer) -> bool {
    matches!(answer.outcome, Outcome::Hit { .. })
}

/// The numbers that the server knows.
fn count(session: &mut SessionSummary, records: &[Record], exchanges: &[Exchange<'_>]) {
    let server = remote_store::count(records);
    session.remote_requests = server.requests;
    (session.bytes_down, session.bytes_up) = (server.bytes_out, server.bytes_in);
    session.remote_errors = records.iter().filter(|record| is_error(record)).count() as u64;
    session.uploads_done = records.iter().filter(|record| is_upload_done(record)).count() as u64;
    let downloads = exchanges.iter().filter(|exchange| exchange.record.op == Operation::Get);
    session.most_downloads = Some(most_at_a_time(downloads.map(|exchange| (exchange.from_ns, exchange.to_ns))));
    let Some(seen) = &session.seen else { return };
    if let (Some(close_ns), Some(end_ns)) = (seen.close_ns.or(seen.stdin_end_ns), seen.stdout_end_ns) {
        let uploads = exchanges.iter().filter(|exchange| exchange.is_upload());
        let uploads = uploads.map(|exchange| (exchange.from_ns.max(close_ns), exchange.to_ns.min(end_ns)));
        session.close_sending_ns = Some(covered(uploads.filter(|(from, to)| from < to).collect()));
        session.close_compressing_ns = Some(0);
    }
}

fn is_upload_done(record: &Record) -> bool {
    matches!(record.op, Operation::Put | Operation::Part) && matches!(record.status, Some(200 | 206))
}

/// A missing object is no error; an answer that was cut off is.
fn is_error(record: &Record) -> bool {
    record.status.is_none_or(|status| status >= 400 && status != 404)
}

/// The most intervals that overlap at any moment.
fn most_at_a_time(intervals: impl Iterator<Item = (u64, u64)>) -> u64 {
    let mut edges: Vec<(u64, i64)> = intervals.flat_map(|(from, to)| [(from, 1), (to, -1)]).collect();
    edges.sort_unstable();
    let mut open = 0;
    let most = edges.into_iter().map(|(_, change)| {
        open += change;
        open
    });
    u64::try_from(most.max().unwrap_or(0)).unwrap_or(0)
}

/// The time that the intervals cover together.
fn covered(mut intervals: Vec<(u64, u64)>) -> u64 {
    intervals.sort_unstable();
    let (mut sum, mut until) = (0, 0);
    for (from, to) in intervals {
        let from = from.max(until);
        sum += to.saturating_sub(from);
        until = until.max(to);
    }
    sum
}

/// Sums of spans by their path.
#[derive(Default)]
struct Sums {
    of: BTreeMap<String, (u64, u64)>,
}

impl Sums {
    fn add(&mut self, path: String, wall_ns: u64) {
        let (count, sum_ns) = self.of.entry(path).or_default();
        *count += 1;
        *sum_ns += wall_ns;
    }

    fn add_exchange(&mut self, parent: &str, exchange: &Exchange<'_>) {
        let path = format!("{parent};{}", exchange.span());
        let connect_ns = exchange.record.connect_delay_us * 1000;
        if exchange.record.first_on_connection {
            self.add(format!("{path};connect"), connect_ns);
        }
        let first_byte_ns = exchange.first_byte_ns.saturating_sub(exchange.from_ns + connect_ns);
        let rest_ns = exchange.to_ns.saturating_sub(exchange.first_byte_ns);
        if exchange.span() == HEAD {
            self.add(path, first_byte_ns + rest_ns);
            return;
        }
        self.add(format!("{path};first_byte"), first_byte_ns);
        self.add(path, rest_ns);
    }

    fn finish(self) -> Vec<SpanSum> {
        let sum = |(path, (count, wall_ns))| SpanSum { path, count, wall_ns, busy_ns: 0 };
        self.of.into_iter().map(sum).collect()
    }
}

#[cfg(test)]
#[path = "join_tests.rs"]
mod tests;
