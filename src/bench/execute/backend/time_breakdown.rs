//! Reduces the request log of a build to its wall-time breakdown.

use crate::results::time_breakdown::{BuildTimes, Stage, StdinStalls, TimeBreakdown, Wait, WaitKind};
use gocacheprog::telemetry::{Answer, LoggedSession, RequestKind};

const KINDS: [WaitKind; 2] = [WaitKind::Get, WaitKind::Put];
const STAGES: [Stage; 5] = [Stage::Queue, Stage::Body, Stage::Local, Stage::Remote, Stage::Respond];

impl TimeBreakdown {
    /// The breakdown of a build by the requests that its backend logged.
    pub fn of(frame: BuildTimes, log: &LoggedSession) -> TimeBreakdown {
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
        let Swept { go_only_ns, overlapped_ns, blocked_ns, waits } = sweep.run(frame.go_cpu_ns);
        TimeBreakdown {
            wall_ns: frame.wall_ns,
            startup_ns: backend,
            handshake_ns: handshake - backend,
            go_only_ns,
            overlapped_ns,
            blocked_ns,
            close_ns: released - closed,
            exit_ns: frame.wall_ns - released,
            workers: frame.workers,
            cores: frame.cores,
            waits,
            stdin_stalls: StdinStalls::of(log),
        }
    }
}

/// Begin or end of a stage of a request.
struct Edge {
    at_ns: u64,
    kind: usize,
    stage: usize,
    is_begin: bool,
}

/// The time between handshake and close, with the stages of all requests in it.
struct Sweep {
    workers: usize,
    cores: usize,
    /// Time before and after it, in which go works too.
    beside_ns: u64,
    from_ns: u64,
    to_ns: u64,
    edges: Vec<Edge>,
}

struct Swept {
    go_only_ns: u64,
    overlapped_ns: u64,
    blocked_ns: u64,
    waits: Vec<Wait>,
}

impl Sweep {
    fn new(frame: &BuildTimes, from_ns: u64, to_ns: u64, beside_ns: u64) -> Self {
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
        let mut swept = Swept { go_only_ns: 0, overlapped_ns: 0, blocked_ns: 0, waits: Vec::new() };
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
                0 => swept.go_only_ns += ns,
                _ if is_full => swept.blocked_ns += ns,
                _ => swept.overlapped_ns += ns,
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
        let worked_ns = go_cpu_ns.saturating_sub(swept.go_only_ns + self.beside_ns).min(swept.overlapped_ns);
        let worked = worked_ns as f64 / swept.overlapped_ns.max(1) as f64;
        swept.waits = waits(&shares, &by_others, worked);
        // While go loads packages it has one request open and waits for it, although it has more workers.
        let idle_ns = swept.overlapped_ns - worked_ns;
        swept.overlapped_ns = worked_ns;
        swept.blocked_ns += idle_ns;
        swept
    }
}

/// The waits of all kinds and stages that had requests. `worked`: the share of the overlapped time in which go worked.
fn waits(shares: &Shares, by_others: &Shares, worked: f64) -> Vec<Wait> {
    let mut waits = Vec::new();
    for (at, kind) in KINDS.into_iter().enumerate() {
        let of_kind = STAGES.into_iter().zip(shares[at]).zip(by_others[at]);
        waits.extend(of_kind.filter(|((_, share), _)| *share != Share::default()).map(
            |((stage, share), by_others)| Wait {
                kind,
                stage,
                overlapped_ns: worked * share.overlapped_ns,
                blocked_ns: share.blocked_ns + (1.0 - worked) * share.overlapped_ns,
                lost_ns: share.lost_ns(worked),
                lost_by_others_ns: by_others.lost_ns(worked),
            },
        ));
    }
    waits
}

/// Shares by kind and stage.
type Shares = [[Share; STAGES.len()]; KINDS.len()];

/// Time of the requests of one kind and stage.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Share {
    overlapped_ns: f64,
    blocked_ns: f64,
    /// `overlapped_ns` times the share of the cores that were idle, if go worked.
    idle_ns: f64,
}

impl Share {
    fn add(&mut self, ns: f64, is_full: bool, idle: f64) {
        if is_full {
            self.blocked_ns += ns;
        } else {
            self.overlapped_ns += ns;
            self.idle_ns += ns * idle;
        }
    }

    /// `worked`: the share of `overlapped_ns` in which go worked.
    fn lost_ns(self, worked: f64) -> f64 {
        self.blocked_ns + (1.0 - worked) * self.overlapped_ns + worked * self.idle_ns
    }
}

/// Share of the cores that this many working workers leave idle.
fn idle(cores: usize, at_work: usize) -> f64 {
    cores.saturating_sub(at_work) as f64 / cores as f64
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::results::time_breakdown::tests::{answer, log};
    use proptest::prelude::*;

    const FRAME: BuildTimes = BuildTimes {
        backend_ns: 10,
        handshake_ns: 15,
        released_ns: 220,
        wall_ns: 230,
        workers: 2,
        cores: 2,
        go_cpu_ns: 1000,
    };

    fn sum(time_breakdown: &TimeBreakdown) -> u64 {
        let TimeBreakdown {
            startup_ns, handshake_ns, go_only_ns, overlapped_ns, blocked_ns, close_ns, exit_ns, ..
        } = time_breakdown;
        startup_ns + handshake_ns + go_only_ns + overlapped_ns + blocked_ns + close_ns + exit_ns
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
        let time_breakdown = TimeBreakdown::of(FRAME, &log(lines));
        assert_eq!(
            (time_breakdown.startup_ns, time_breakdown.handshake_ns, time_breakdown.close_ns, time_breakdown.exit_ns),
            (10, 5, 20, 10)
        );
        assert_eq!(
            (time_breakdown.go_only_ns, time_breakdown.overlapped_ns, time_breakdown.blocked_ns),
            (185 - 50, 30, 20)
        );
        assert_eq!(sum(&time_breakdown), 230);
        let of =
            |kind, stage| time_breakdown.waits.iter().find(|wait| (wait.kind, wait.stage) == (kind, stage)).copied();
        let local = of(WaitKind::Get, Stage::Local).unwrap();
        assert_eq!((local.overlapped_ns, local.blocked_ns), (10.0, 0.0));
        let remote = of(WaitKind::Get, Stage::Remote).unwrap();
        assert_eq!((remote.overlapped_ns, remote.blocked_ns, remote.lost_ns), (10.0, 20.0, 25.0));
        assert_eq!(remote.lost_by_others_ns, 10.0, "of 40 to 60 the half");
        assert_eq!(of(WaitKind::Put, Stage::Body).unwrap().overlapped_ns, 5.0);
        assert_eq!(of(WaitKind::Put, Stage::Remote), None);
    }

    #[test]
    fn what_go_waits_for_while_it_does_nothing_is_lost_as_a_whole() {
        let lines = vec![answer("get", 20, [20, 20, 20, 120, 120])];
        let lost_ns =
            |go_cpu_ns| TimeBreakdown::of(BuildTimes { go_cpu_ns, ..FRAME }, &log(lines.clone())).waits[0].lost_ns;
        assert_eq!((lost_ns(0), lost_ns(1000)), (100.0, 50.0));
        // 105 without a request, 20 before and after all of them, and 40 beside it.
        assert_eq!(lost_ns(105 + 20 + 40), 60.0 + 20.0);
    }

    #[test]
    fn time_in_which_go_used_no_cpu_is_blocked() {
        let lines = vec![answer("get", 20, [20, 20, 20, 120, 120])];
        let parts = |go_cpu_ns| {
            let found = TimeBreakdown::of(BuildTimes { go_cpu_ns, ..FRAME }, &log(lines.clone()));
            (found.overlapped_ns, found.blocked_ns)
        };
        assert_eq!((parts(1000), parts(105 + 20 + 40), parts(0)), ((100, 0), (40, 60), (0, 100)));
    }

    #[test]
    fn as_many_workers_as_cores_are_enough_to_lose_nothing() {
        let lines = vec![answer("get", 20, [20, 20, 20, 120, 120]), answer("get", 20, [20, 20, 20, 120, 120])];
        let lost_ns = |workers| {
            let time_breakdown = TimeBreakdown::of(BuildTimes { workers, ..FRAME }, &log(lines.clone()));
            time_breakdown.waits[0].lost_ns
        };
        assert_eq!((lost_ns(2), lost_ns(3), lost_ns(4)), (100.0, 50.0, 0.0));
    }

    #[test]
    fn without_a_close_the_end_of_the_input_ends_the_breakdown() {
        let time_breakdown = TimeBreakdown::of(FRAME, &log(vec![answer("get", 20, [20, 20, 30, 50, 50])]));
        assert_eq!((time_breakdown.close_ns, time_breakdown.go_only_ns, time_breakdown.overlapped_ns), (0, 175, 30));
        assert_eq!(sum(&time_breakdown), 230);
    }

    proptest! {
        #[test]
        fn all_parts_add_up(
            requests in prop::collection::vec((0_u64..400, prop::collection::vec(0_u64..90, 5), any::<bool>()), 0..40),
            times in prop::collection::vec(0_u64..300, 4),
            go_cpu_ns in 0_u64..600,
            workers in 0_usize..5,
        ) {
            let frame = BuildTimes { backend_ns: times[0], handshake_ns: times[1], released_ns: times[2], wall_ns: times[3], workers, cores: 2, go_cpu_ns };
            let lines = requests.into_iter().map(|(arrived, took, is_get)| {
                let mut at = arrived;
                let ends: Vec<u64> = took.into_iter().map(|ns| { at += ns; at }).collect();
                answer(if is_get { "get" } else { "put" }, arrived, ends.try_into().unwrap())
            });
            let time_breakdown = TimeBreakdown::of(frame, &log(lines.collect()));
            prop_assert_eq!(sum(&time_breakdown), frame.wall_ns);
            let both: f64 = time_breakdown.waits.iter().map(|wait| wait.overlapped_ns).sum();
            let waiting: f64 = time_breakdown.waits.iter().map(|wait| wait.blocked_ns).sum();
            prop_assert!((both - time_breakdown.overlapped_ns as f64).abs() < 1e-6 && (waiting - time_breakdown.blocked_ns as f64).abs() < 1e-6);
        }
    }
}
