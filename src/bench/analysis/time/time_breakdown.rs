//! The account of a build's wall clock: parts that follow upon each other and add up, from the start of go to its end.

use serde::{Deserialize, Serialize};

use crate::bench::analysis::time::stdin_stalls::Reader;
use crate::bench::results::run::Round;
use crate::telemetry::{Answer, LoggedSession, RequestKind, SessionSummary};

/// Where the wall clock of one build went, nanoseconds. The seven parts of time add up to `wall_ns`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Account {
    pub wall_ns: u64,
    /// go, until the backend ran.
    pub start_ns: u64,
    /// The backend, until its handshake was out: go waits.
    pub handshake_ns: u64,
    /// go with no request open.
    pub go_ns: u64,
    /// Some requests open, but fewer than go has workers: the others may work, or wait for their turn.
    pub both_ns: u64,
    /// As many requests open as go has workers, or more: it waits for the cache.
    pub waiting_ns: u64,
    /// From go's `close` until it could go on.
    pub close_ns: u64,
    /// go alone again.
    pub end_ns: u64,
    /// Workers of go: its GOMAXPROCS, or what `-p` says.
    pub workers: usize,
    #[serde(default)]
    pub cores: usize,
    /// What `both_ns` and `waiting_ns` were spent on. Where several requests were open, each has an equal share.
    pub waits: Vec<Wait>,
    /// How stdin was read.
    #[serde(default)]
    pub reader: Reader,
}

/// Time in which requests of one kind were in one stage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Wait {
    pub kind: WaitKind,
    pub stage: Stage,
    /// Its share of `both_ns`.
    pub both_ns: f64,
    /// Its share of `waiting_ns`.
    pub waiting_ns: f64,
    /// The part of the wall clock that it cost: all of the time in which go did nothing else, and where it did, the share of
    /// the cores for which the workers that did not wait were too few. With all cores at work instead the build would be done
    /// so much sooner.
    #[serde(default)]
    pub lost_ns: f64,
    /// The part of that which would be left to win if all requests of that kind and stage but one at a time had not been there:
    /// what it cost where they are served one after the other.
    #[serde(default)]
    pub lost_by_others_ns: f64,
}

/// What go waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum WaitKind {
    Get,
    Put,
}

/// Where a request is while go waits for it: the stages of `request.txt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Waiting to be worked on.
    Queue,
    /// Its body is read.
    Body,
    /// The local store.
    Local,
    /// The remote: of a get a download, of a put an upload.
    Remote,
    /// Its answer is written.
    Respond,
}

const KINDS: [WaitKind; 2] = [WaitKind::Get, WaitKind::Put];
const STAGES: [Stage; 5] = [Stage::Queue, Stage::Body, Stage::Local, Stage::Remote, Stage::Respond];

/// The times of one build on go's own axis, nanoseconds since its start.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// The backend's `main` began.
    pub backend_ns: u64,
    /// Its handshake was out.
    pub handshake_ns: u64,
    /// Its stdout was closed.
    pub released_ns: u64,
    /// go ended.
    pub wall_ns: u64,
    pub workers: usize,
    pub cores: usize,
    /// CPU time of go and what it ran: it tells how much of `both_ns` go worked in.
    pub go_cpu_ns: u64,
}

impl Frame {
    /// Of a round with its session; `workers` are those of go, on so many cores.
    pub fn of(round: &Round, session: &SessionSummary, workers: usize, cores: usize) -> Frame {
        let backend_ns = session.start_unix_ns.saturating_sub(round.started_unix_ns);
        Frame {
            backend_ns,
            handshake_ns: backend_ns.saturating_add(session.handshake_ns),
            released_ns: backend_ns.saturating_add(session.wall_ns),
            wall_ns: round.wall_ns,
            workers,
            cores,
            go_cpu_ns: round.go_cpu_user_ns.saturating_add(round.go_cpu_system_ns),
        }
    }
}

impl Account {
    /// Of a build and what its backend logged.
    pub fn of(frame: Frame, log: &LoggedSession) -> Account {
        let answers: Vec<&Answer> = log.lines.iter().filter_map(|(_, line)| line.answer()).collect();
        let close = answers.iter().find(|answer| answer.kind == RequestKind::Close);
        let closed_ns = close.map_or(frame.released_ns, |close| frame.backend_ns + close.times.arrived_ns);
        // Each point is not before the last: clocks of two processes are read.
        let backend = frame.backend_ns.min(frame.wall_ns);
        let handshake = frame.handshake_ns.clamp(backend, frame.wall_ns);
        let closed = closed_ns.clamp(handshake, frame.wall_ns);
        let released = frame.released_ns.clamp(closed, frame.wall_ns);
        let mut sweep = Sweep::new(&frame, handshake, closed, backend + (frame.wall_ns - released));
        for answer in &answers {
            sweep.add(frame.backend_ns, answer);
        }
        let reader = Reader::of(log);
        let Swept { go_ns, both_ns, waiting_ns, waits } = sweep.run(frame.go_cpu_ns);
        Account {
            wall_ns: frame.wall_ns,
            start_ns: backend,
            handshake_ns: handshake - backend,
            go_ns,
            both_ns,
            waiting_ns,
            close_ns: released - closed,
            end_ns: frame.wall_ns - released,
            workers: frame.workers,
            cores: frame.cores,
            waits,
            reader,
        }
    }
}

/// The begin or the end of a stage.
struct Edge {
    at_ns: u64,
    kind: usize,
    stage: usize,
    is_begin: bool,
}

/// Goes over the time between handshake and close.
struct Sweep {
    workers: usize,
    cores: usize,
    /// Before and after that time: go works there too.
    beside_ns: u64,
    from_ns: u64,
    to_ns: u64,
    edges: Vec<Edge>,
}

struct Swept {
    go_ns: u64,
    both_ns: u64,
    waiting_ns: u64,
    waits: Vec<Wait>,
}

impl Sweep {
    fn new(frame: &Frame, from_ns: u64, to_ns: u64, beside_ns: u64) -> Self {
        let (workers, cores) = (frame.workers.max(1), frame.cores.max(1));
        Self { workers, cores, beside_ns, from_ns, to_ns, edges: Vec::new() }
    }

    fn add(&mut self, zero_ns: u64, answer: &Answer) {
        let Some(kind) = [RequestKind::Get, RequestKind::Put].iter().position(|kind| *kind == answer.kind) else {
            return;
        };
        let mut begin_ns = answer.times.arrived_ns;
        for (stage, ns) in answer.times.stages_ns().into_iter().enumerate() {
            let clipped = |at_ns: u64| (zero_ns + at_ns).clamp(self.from_ns, self.to_ns);
            let (from_ns, to_ns) = (clipped(begin_ns), clipped(begin_ns + ns));
            if from_ns < to_ns {
                self.edges.push(Edge { at_ns: from_ns, kind, stage, is_begin: true });
                self.edges.push(Edge { at_ns: to_ns, kind, stage, is_begin: false });
            }
            begin_ns += ns;
        }
    }

    fn run(mut self, go_cpu_ns: u64) -> Swept {
        self.edges.sort_by_key(|edge| edge.at_ns);
        let mut swept = Swept { go_ns: 0, both_ns: 0, waiting_ns: 0, waits: Vec::new() };
        let mut open = [[0_u32; STAGES.len()]; KINDS.len()];
        let mut shares = [[Share::default(); STAGES.len()]; KINDS.len()];
        let mut by_others = shares;
        let mut at_ns = self.from_ns;
        let end = Edge { at_ns: self.to_ns, kind: 0, stage: 0, is_begin: true };
        for edge in self.edges.iter().chain([&end]) {
            let ns = edge.at_ns - at_ns;
            at_ns = edge.at_ns;
            let all: u32 = open.iter().flatten().sum();
            let is_full = all as usize >= self.workers;
            match all {
                0 => swept.go_ns += ns,
                _ if is_full => swept.waiting_ns += ns,
                _ => swept.both_ns += ns,
            }
            let idle = if is_full { 1.0 } else { idle(self.cores, self.workers - all as usize) };
            let all_shares = shares.iter_mut().flatten().zip(by_others.iter_mut().flatten());
            for ((share, by_others), count) in all_shares.zip(open.iter().flatten()).filter(|(_, count)| **count > 0) {
                let part = ns as f64 / f64::from(all);
                share.add(part * f64::from(*count), is_full, idle);
                by_others.add(part * f64::from(*count - 1), is_full, idle);
            }
            let count = &mut open[edge.kind][edge.stage];
            if edge.is_begin { *count += 1 } else { *count -= 1 }
        }
        // While no request was open one core at least was at work; what is left of go's CPU time is at most all of the other.
        let worked_ns = go_cpu_ns.saturating_sub(swept.go_ns + self.beside_ns).min(swept.both_ns) as f64;
        let worked = worked_ns / swept.both_ns.max(1) as f64;
        let each = KINDS.iter().enumerate().flat_map(|(kind, _)| (0..STAGES.len()).map(move |stage| (kind, stage)));
        swept.waits = each
            .filter(|(kind, stage)| shares[*kind][*stage] != Share::default())
            .map(|(kind, stage)| {
                let (share, by_others) = (shares[kind][stage], by_others[kind][stage]);
                let Share { both_ns, waiting_ns, .. } = share;
                let (lost_ns, lost_by_others_ns) = (share.lost_ns(worked), by_others.lost_ns(worked));
                Wait { kind: KINDS[kind], stage: STAGES[stage], both_ns, waiting_ns, lost_ns, lost_by_others_ns }
            })
            .collect();
        swept
    }
}

/// What requests of one kind and stage have of the time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Share {
    both_ns: f64,
    waiting_ns: f64,
    /// `both_ns` times the share of the cores that were idle, if go worked.
    idle_ns: f64,
}

impl Share {
    fn add(&mut self, ns: f64, is_full: bool, idle: f64) {
        if is_full {
            self.waiting_ns += ns;
        } else {
            self.both_ns += ns;
            self.idle_ns += ns * idle;
        }
    }

    /// `worked`: the share of `both_ns` in which go worked.
    fn lost_ns(self, worked: f64) -> f64 {
        self.waiting_ns + (1.0 - worked) * self.both_ns + worked * self.idle_ns
    }
}

/// The share of the cores that so many workers leave idle.
fn idle(cores: usize, at_work: usize) -> f64 {
    cores.saturating_sub(at_work) as f64 / cores as f64
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::telemetry::{Line, Outcome, Times};
    use proptest::prelude::*;

    /// A request whose stages end at these times.
    pub fn answer(kind: &str, arrived_ns: u64, ends_ns: [u64; 5]) -> (u64, Line) {
        let [started_ns, body_ns, local_ns, decided_ns, answered_ns] = ends_ns;
        let times = Times { arrived_ns, started_ns, body_ns, local_ns, decided_ns, answered_ns, ..Times::default() };
        let outcome = Outcome::Miss;
        let answer = Answer {
            id: 1,
            kind: kind.parse().unwrap(),
            action: None,
            output: None,
            bytes: None,
            outcome,
            error: None,
            times,
        };
        (answered_ns, Line::Answer(answer))
    }

    /// What a backend logged.
    pub fn log(lines: Vec<(u64, Line)>) -> LoggedSession {
        LoggedSession { start_unix_ns: 0, pid: 1, go: None, lines }
    }

    const FRAME: Frame = Frame {
        backend_ns: 10,
        handshake_ns: 15,
        released_ns: 220,
        wall_ns: 230,
        workers: 2,
        cores: 2,
        go_cpu_ns: 1000,
    };

    fn sum(account: &Account) -> u64 {
        let Account { start_ns, handshake_ns, go_ns, both_ns, waiting_ns, close_ns, end_ns, .. } = account;
        start_ns + handshake_ns + go_ns + both_ns + waiting_ns + close_ns + end_ns
    }

    #[test]
    fn parts_follow_upon_each_other() {
        let lines = vec![
            // 30 to 60 on go's axis: 10 local, 20 remote.
            answer("get", 20, [20, 20, 30, 50, 50]),
            // 40 to 70: all remote; and 100 to 110, of a put.
            answer("get", 30, [30, 30, 30, 60, 60]),
            answer("put", 90, [90, 95, 100, 100, 100]),
            answer("close", 190, [190, 190, 190, 210, 210]),
        ];
        let account = Account::of(FRAME, &log(lines));
        assert_eq!((account.start_ns, account.handshake_ns, account.close_ns, account.end_ns), (10, 5, 20, 10));
        assert_eq!((account.go_ns, account.both_ns, account.waiting_ns), (185 - 50, 30, 20));
        assert_eq!(sum(&account), 230);
        let of = |kind, stage| account.waits.iter().find(|wait| (wait.kind, wait.stage) == (kind, stage)).copied();
        let local = of(WaitKind::Get, Stage::Local).unwrap();
        assert_eq!((local.both_ns, local.waiting_ns), (10.0, 0.0));
        let remote = of(WaitKind::Get, Stage::Remote).unwrap();
        assert_eq!((remote.both_ns, remote.waiting_ns, remote.lost_ns), (10.0, 20.0, 25.0));
        assert_eq!(remote.lost_by_others_ns, 10.0, "of 40 to 60 the half");
        assert_eq!(of(WaitKind::Put, Stage::Body).unwrap().both_ns, 5.0);
        assert_eq!(of(WaitKind::Put, Stage::Remote), None);
    }

    #[test]
    fn what_go_waits_for_while_it_does_nothing_is_lost_as_a_whole() {
        let lines = vec![answer("get", 20, [20, 20, 20, 120, 120])];
        let lost_ns = |go_cpu_ns| Account::of(Frame { go_cpu_ns, ..FRAME }, &log(lines.clone())).waits[0].lost_ns;
        assert_eq!((lost_ns(0), lost_ns(1000)), (100.0, 50.0));
        // 105 without a request, 20 before and after all of them, and 40 beside it.
        assert_eq!(lost_ns(105 + 20 + 40), 60.0 + 20.0);
    }

    #[test]
    fn as_many_workers_as_cores_are_enough_to_lose_nothing() {
        let lines = vec![answer("get", 20, [20, 20, 20, 120, 120]), answer("get", 20, [20, 20, 20, 120, 120])];
        let lost_ns = |workers| {
            let account = Account::of(Frame { workers, ..FRAME }, &log(lines.clone()));
            account.waits[0].lost_ns
        };
        assert_eq!((lost_ns(2), lost_ns(3), lost_ns(4)), (100.0, 50.0, 0.0));
    }

    #[test]
    fn without_a_close_the_end_of_the_input_ends_the_account() {
        let account = Account::of(FRAME, &log(vec![answer("get", 20, [20, 20, 30, 50, 50])]));
        assert_eq!((account.close_ns, account.go_ns, account.both_ns), (0, 175, 30));
        assert_eq!(sum(&account), 230);
    }

    proptest! {
        #[test]
        fn all_parts_add_up(
            requests in prop::collection::vec((0_u64..400, prop::collection::vec(0_u64..90, 5), any::<bool>()), 0..40),
            times in prop::collection::vec(0_u64..300, 4),
            workers in 0_usize..5,
        ) {
            let frame = Frame { backend_ns: times[0], handshake_ns: times[1], released_ns: times[2], wall_ns: times[3], workers, cores: 2, go_cpu_ns: 70 };
            let lines = requests.into_iter().map(|(arrived, took, is_get)| {
                let mut at = arrived;
                let ends: Vec<u64> = took.into_iter().map(|ns| { at += ns; at }).collect();
                answer(if is_get { "get" } else { "put" }, arrived, ends.try_into().unwrap())
            });
            let account = Account::of(frame, &log(lines.collect()));
            prop_assert_eq!(sum(&account), frame.wall_ns);
            let both: f64 = account.waits.iter().map(|wait| wait.both_ns).sum();
            let waiting: f64 = account.waits.iter().map(|wait| wait.waiting_ns).sum();
            prop_assert!((both - account.both_ns as f64).abs() < 1e-6 && (waiting - account.waiting_ns as f64).abs() < 1e-6);
        }
    }
}
