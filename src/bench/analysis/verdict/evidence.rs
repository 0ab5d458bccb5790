//! One round as the rules look at it, and the evidence that they take from it.

use crate::analysis::statistics::outliers::SHORTEST_NS;
use crate::analysis::verdict::finding::{Evidence, Quantity};
use crate::analysis::verdict::parts::{Parts, ends_with};
use crate::results::round::{Round, SpanSum};
use crate::results::run::RESULTS_FILE;
use crate::results::time_breakdown::{Stage, TimeBreakdown, Wait, WaitKind};
use gocacheprog::telemetry::{SESSION_FILE, SessionSummary};

/// Fewer downloads than this say nothing of how they follow upon each other.
pub const SEVERAL: u64 = 3;
/// From here on cores are as good as all in use.
pub const SATURATED: f64 = 0.85;
/// Spans of a request to the remote up to the first byte of its answer: a HEAD has no more than that.
pub const QUESTIONS: &str = "first_byte|remote.stat_meta";

/// One round of a state with a backend.
pub struct Seen<'a> {
    pub round: &'a Round,
    pub session: &'a SessionSummary,
    pub time_breakdown: &'a TimeBreakdown,
    pub gets: Parts,
    /// The part of that in which gets waited for the first bytes of manifests.
    pub manifests_ns: f64,
}

impl<'a> Seen<'a> {
    /// None where the round has no session, or no account of its time.
    pub fn of(round: &'a Round) -> Option<Seen<'a>> {
        let (session, account) = (round.session.as_ref()?, round.time_breakdown.as_ref()?);
        // What others waited in the pipe is the reader's.
        let kept_ns = account.stdin_stalls.kept_by_remote_ns as f64 * others(account);
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
        Some(Seen { round, session, time_breakdown: account, gets, manifests_ns: manifests_ns * scale })
    }

    /// The cost of waiting in one stage, nanoseconds of the wall clock.
    pub fn lost_ns(&self, kind: WaitKind, stage: Stage) -> f64 {
        lost(self.time_breakdown, kind, stage)
    }

    /// Requests one after the other that a get waited for, on average; None where no get waited for one of its own.
    pub fn trips(&self) -> Option<f64> {
        let asked = own_questions(&self.round.spans);
        (asked > 0 && self.session.counts.gets > 0).then(|| asked as f64 / self.session.counts.gets as f64)
    }

    /// True if gets asked for several objects of their own, and never was more than one download under way, though go has
    /// several workers.
    pub fn is_one_at_a_time(&self) -> bool {
        is_one_at_a_time(self.round, self.session, self.time_breakdown)
    }

    /// Objects that were fetched, or asked for in vain.
    pub fn downloads(&self) -> u64 {
        self.spans("first_byte").count
    }

    /// The cost of all waiting, nanoseconds of the wall clock.
    pub fn all_lost_ns(&self) -> f64 {
        self.time_breakdown.waits.iter().map(|wait| wait.lost_ns).sum()
    }

    /// Cores of the machine.
    pub fn cores(&self) -> f64 {
        self.time_breakdown.cores.max(1) as f64
    }

    /// The cost of `ns` in which stdin was not read: all workers of go wait but the one whose request is worked on.
    pub fn kept_ns(&self, ns: u64) -> f64 {
        ns as f64 * others(self.time_breakdown)
    }

    /// How long requests of a kind were open in one stage.
    pub fn open_ns(&self, kind: WaitKind, stage: Stage) -> f64 {
        sum_of(self.time_breakdown, kind, stage, |wait| wait.overlapped_ns + wait.blocked_ns)
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

fn is_one_at_a_time(round: &Round, session: &SessionSummary, account: &TimeBreakdown) -> bool {
    account.workers > 1 && session.most_downloads == Some(1) && own_questions(&round.spans) >= SEVERAL
}

fn lost(account: &TimeBreakdown, kind: WaitKind, stage: Stage) -> f64 {
    sum_of(account, kind, stage, |wait| wait.lost_ns)
}

/// Something of the waits of one kind in one stage, added up.
fn sum_of(account: &TimeBreakdown, kind: WaitKind, stage: Stage, of: fn(&Wait) -> f64) -> f64 {
    account.waits.iter().filter(|wait| (wait.kind, wait.stage) == (kind, stage)).map(of).sum()
}

/// The mean time of the spans of a sum, nanoseconds; None without a span.
pub fn mean_ns(sum: &SpanSum) -> Option<f64> {
    (sum.count > 0).then(|| sum.wall_ns as f64 / sum.count as f64)
}

/// The share of go's workers that are not served while one is.
fn others(account: &TimeBreakdown) -> f64 {
    let workers = account.workers.max(1) as f64;
    (workers - 1.0) / workers
}

/// Questions that gets asked for themselves.
fn own_questions(spans: &[SpanSum]) -> u64 {
    let own = spans.iter().filter(|span| span.path.starts_with("request;get;") && ends_with(&span.path, QUESTIONS));
    own.map(|span| span.count).sum()
}
