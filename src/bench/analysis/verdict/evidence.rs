//! The numbers of one round as the rules look at them: what gets waited for, in parts of the wall clock that it cost.

use serde::Serialize;

use crate::bench::analysis::time::time_breakdown::{Account, Stage, Wait, WaitKind};
use crate::bench::analysis::verdict::finding::{Evidence, Quantity};
use crate::bench::results::run::{RESULTS_FILE, Round, SpanSum};
use crate::telemetry::{SESSION_FILE, SessionSummary};

/// Over less the kernel's ticks are too coarse to tell how busy the cores were, nanoseconds.
pub const SHORTEST_NS: u64 = 500_000_000;
/// Fewer downloads than this say nothing of how they follow upon each other.
pub const SEVERAL: u64 = 3;
/// From here on cores are as good as all in use.
pub const SATURATED: f64 = 0.85;
/// What a question to the remote is until its answer begins: a HEAD has no more than that.
pub const QUESTIONS: &str = "first_byte|remote.stat_meta";

/// One round of a state with a backend.
pub struct Seen<'a> {
    pub round: &'a Round,
    pub session: &'a SessionSummary,
    pub account: &'a Account,
    pub gets: Parts,
    /// The part of that in which gets waited for the first bytes of manifests.
    pub manifests_ns: f64,
}

/// What go's gets waited for at the remote, nanoseconds of the wall clock that each part cost.
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
}

impl<'a> Seen<'a> {
    /// None where the round has no session, or no account of its time.
    pub fn of(round: &'a Round) -> Option<Seen<'a>> {
        let (session, account) = (round.session.as_ref()?, round.account.as_ref()?);
        // What others waited in the pipe is the reader's.
        let kept_ns = account.reader.kept_by_remote_ns as f64 * others(account);
        let lost_ns = (lost(account, WaitKind::Get, Stage::Remote) - kept_ns).max(0.0);
        let named = Parts::of(&round.spans);
        // Where one is served at a time, the others wait for that.
        let unnamed_ns = match is_one_at_a_time(round, session, account) {
            true => sum_of(account, WaitKind::Get, Stage::Remote, |wait| wait.lost_by_others_ns).min(lost_ns),
            false => 0.0,
        };
        let manifests_ns = Parts::of_waiting_for_manifests(&round.spans).first_byte_ns;
        let scale = if named.sum() > 0.0 { (lost_ns - unnamed_ns) / named.sum() } else { 0.0 };
        let gets = Parts { unnamed_ns, ..named.scaled(lost_ns - unnamed_ns) };
        Some(Seen { round, session, account, gets, manifests_ns: manifests_ns * scale })
    }

    /// What waiting in one stage cost.
    pub fn lost_ns(&self, kind: WaitKind, stage: Stage) -> f64 {
        lost(self.account, kind, stage)
    }

    /// Requests one after the other that a get waited for, on average; None where no get waited for one of its own.
    pub fn trips(&self) -> Option<f64> {
        let asked = own_questions(&self.round.spans);
        (asked > 0 && self.session.counts.gets > 0).then(|| asked as f64 / self.session.counts.gets as f64)
    }

    /// Whether gets asked for several objects of their own, and never was more than one download under way, though go has
    /// several workers.
    pub fn is_one_at_a_time(&self) -> bool {
        is_one_at_a_time(self.round, self.session, self.account)
    }

    /// Objects that were fetched, or asked for in vain.
    pub fn downloads(&self) -> u64 {
        self.spans("first_byte").count
    }

    /// What waiting cost in all, nanoseconds.
    pub fn all_lost_ns(&self) -> f64 {
        self.account.waits.iter().map(|wait| wait.lost_ns).sum()
    }

    /// Cores of the machine.
    pub fn cores(&self) -> f64 {
        self.account.cores.max(1) as f64
    }

    /// What it cost that so much of the time others waited in the pipe: all workers of go but the one that was served.
    pub fn kept_ns(&self, ns: u64) -> f64 {
        ns as f64 * others(self.account)
    }

    /// How long requests of a kind were open in one stage.
    pub fn open_ns(&self, kind: WaitKind, stage: Stage) -> f64 {
        sum_of(self.account, kind, stage, |wait| wait.both_ns + wait.waiting_ns)
    }

    /// Sum of all spans whose path ends so.
    pub fn spans(&self, end: &str) -> SpanSum {
        let mut sum = SpanSum { path: end.to_owned(), count: 0, wall_ns: 0, busy_ns: 0 };
        for span in self.round.spans.iter().filter(|span| ends_with(&span.path, end)) {
            sum.count += span.count;
            sum.wall_ns += span.wall_ns;
            sum.busy_ns += span.busy_ns;
        }
        sum
    }

    /// How busy the cores were, 0 to 1; None without samples, and where the kernel's ticks are too coarse for the time.
    pub fn busy(&self) -> Option<f64> {
        let resources = self.session.resources.as_ref().filter(|resources| resources.interval_ns >= SHORTEST_NS)?;
        let all_ns = resources.interval_ns as f64 * self.host_cores();
        (all_ns > 0.0).then_some(resources.host.cpu_ns? as f64 / all_ns)
    }

    /// How busy the cores were, as evidence.
    pub fn in_busy(&self, busy: f64) -> Evidence {
        let query = format!(".resources | .host.cpu_ns / (.interval_ns * {})", self.host_cores());
        self.in_session(Quantity::CoresBusy, busy, &query)
    }

    /// Cores whose time the samples add up: in a container more than it may use.
    pub fn host_cores(&self) -> f64 {
        let told = self.session.resources.as_ref().and_then(|resources| resources.host.cores);
        told.map_or(self.cores(), |cores| cores.max(1) as f64)
    }

    /// A number in `results.json` of this round.
    pub fn in_results(&self, quantity: Quantity, value: f64, filter: &str) -> Evidence {
        let query = format!(".rounds[] | select(.folder == \"{}\") | {filter}", self.round.folder);
        Evidence { quantity, value, part_ns: None, file: RESULTS_FILE.to_owned(), query }
    }

    /// A number in `session.json` of this round.
    pub fn in_session(&self, quantity: Quantity, value: f64, filter: &str) -> Evidence {
        let file = format!("{}/{SESSION_FILE}", self.round.folder);
        Evidence { quantity, value, part_ns: None, file, query: filter.to_owned() }
    }

    /// The number of spans whose path ends so.
    pub fn in_span_counts(&self, quantity: Quantity, end: &str) -> Evidence {
        let filter = format!("[.spans[] | select(.path | test(\"(^|;)({end})$\"))] | (map(.count) | add)");
        self.in_results(quantity, self.spans(end).count as f64, &filter)
    }

    /// The mean time of spans whose path ends so, nanoseconds.
    pub fn in_span_means(&self, quantity: Quantity, end: &str) -> Evidence {
        let sums = "(map(.wall_ns) | add) / (map(.count) | add)";
        let filter = format!("[.spans[] | select(.path | test(\"(^|;)({end})$\"))] | {sums}");
        self.in_results(quantity, mean_ns(&self.spans(end)).unwrap_or(0.0), &filter)
    }

    /// A number in the verdict on this round.
    pub fn in_verdict(&self, quantity: Quantity, value: f64, filter: &str) -> Evidence {
        let query = format!(".verdicts[] | select(.folder == \"{}\") | {filter}", self.round.folder);
        Evidence { quantity, value, part_ns: None, file: RESULTS_FILE.to_owned(), query }
    }
}

fn is_one_at_a_time(round: &Round, session: &SessionSummary, account: &Account) -> bool {
    account.workers > 1 && session.most_downloads == Some(1) && own_questions(&round.spans) >= SEVERAL
}

fn lost(account: &Account, kind: WaitKind, stage: Stage) -> f64 {
    sum_of(account, kind, stage, |wait| wait.lost_ns)
}

/// Something of the waits of one kind in one stage, added up.
fn sum_of(account: &Account, kind: WaitKind, stage: Stage, of: fn(&Wait) -> f64) -> f64 {
    account.waits.iter().filter(|wait| (wait.kind, wait.stage) == (kind, stage)).map(of).sum()
}

/// What each span of a sum took; None without one.
pub fn mean_ns(sum: &SpanSum) -> Option<f64> {
    (sum.count > 0).then(|| sum.wall_ns as f64 / sum.count as f64)
}

/// The share of go's workers that are not served while one is.
fn others(account: &Account) -> f64 {
    let workers = account.workers.max(1) as f64;
    (workers - 1.0) / workers
}

/// Whether the path ends with a name, or with one of several with `|` between.
fn ends_with(path: &str, ends: &str) -> bool {
    let ends_so = |end| path.strip_suffix(end).is_some_and(|rest: &str| rest.is_empty() || rest.ends_with(';'));
    ends.split('|').any(ends_so)
}

/// Questions that gets asked for themselves.
fn own_questions(spans: &[SpanSum]) -> u64 {
    let own = spans.iter().filter(|span| span.path.starts_with("request;get;") && ends_with(&span.path, QUESTIONS));
    own.map(|span| span.count).sum()
}

impl Parts {
    /// Of the sums of all gets; what gets waited for manifests is shared out as reading them was.
    fn of(spans: &[SpanSum]) -> Parts {
        let mut parts = Parts::default();
        for span in spans.iter().filter(|span| span.path.starts_with("request;get;")) {
            parts.take(span);
        }
        parts.add(Parts::of_waiting_for_manifests(spans));
        parts
    }

    /// What gets waited for manifests, shared out as reading them was.
    fn of_waiting_for_manifests(spans: &[SpanSum]) -> Parts {
        let waits = spans.iter().filter(|span| ends_with(&span.path, "wait.manifests"));
        let waited_ns: u64 = waits.map(|span| span.wall_ns).sum();
        Parts::of_manifests(spans).scaled(waited_ns as f64)
    }

    /// Of reading the manifests, which is under no request.
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
            _ => return,
        };
        *part += wall_ns;
    }

    fn all(&mut self) -> [&mut f64; 7] {
        let Parts { first_byte_ns, transfer_ns, retry_ns, back_off_ns, turn_ns, unnamed_ns, unpack_ns } = self;
        [first_byte_ns, transfer_ns, retry_ns, back_off_ns, turn_ns, unnamed_ns, unpack_ns]
    }

    fn add(&mut self, mut other: Parts) {
        self.all().into_iter().zip(other.all()).for_each(|(part, more)| *part += *more);
    }

    /// All parts together.
    pub fn sum(mut self) -> f64 {
        self.all().into_iter().map(|part| *part).sum()
    }

    /// In the same proportions, with this sum.
    fn scaled(mut self, sum: f64) -> Parts {
        let all = self.sum();
        if all > 0.0 {
            self.all().into_iter().for_each(|part| *part *= sum / all);
        }
        self
    }
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
