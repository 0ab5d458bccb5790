//! From raw rounds to what the tables say: medians, spreads, comparisons. Prints nothing.

use serde::Serialize;

use crate::bench::analysis::statistics::compare::{Comparison, compare, counted, walls};
use crate::bench::analysis::statistics::noise::{NoiseFloor, noise_floor};
use crate::bench::analysis::statistics::outliers::{Outlier, outliers};
use crate::bench::analysis::statistics::stats::{median, relative_spread};
use crate::bench::analysis::time::time_breakdown::Account;
use crate::bench::plan::steps::Setup;
use crate::bench::results::run::Round;
use crate::bench::scenario::cache_state::CacheState;
use crate::telemetry::SessionSummary;

/// All that is printed of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Summary {
    /// In the order of Step 2.4; only states with a round that counts.
    pub states: Vec<StateSummary>,
    /// go-warm : a, go-cold : c and the like, with an interval.
    pub pairs: Vec<Comparison>,
    /// None where it was not measured, or in too few rounds.
    pub noise_floor: Option<NoiseFloor>,
    /// Samples far from the others of their state; they count.
    pub outliers: Vec<Outlier>,
    /// Rounds that were not in the state that they claim; they count nowhere.
    pub out_of_state: Vec<OutOfState>,
    /// States, and cases of them, that were planned and have no round: the run ended before.
    pub not_measured: Vec<String>,
    /// Whether the files of the sessions say the same.
    pub records: Records,
    /// Profile rounds whose trace lacks go's own view, and why.
    pub without_go_view: Vec<String>,
    /// Profile rounds of which no critical path is known, and why.
    pub without_path: Vec<String>,
    /// What the system did not tell the sampler.
    pub not_sampled: Vec<&'static str>,
}

/// The measured rounds of one state.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StateSummary {
    pub state: CacheState,
    pub walls_ns: Vec<u64>,
    pub wall_median_ns: f64,
    /// Half the distance of the quartiles as a share of the median; None for fewer than three rounds.
    pub wall_spread: Option<f64>,
    pub go_cpu_median_ns: f64,
    /// None for a baseline.
    pub backend: Option<BackendSummary>,
    /// Where the wall clock of one round went: of the round that is nearest to the median. None for a baseline.
    pub account: Option<RoundAccount>,
    /// Against go-cold and go-warm; None where that was not run, or is this state itself.
    pub against_empty: Option<Comparison>,
    pub against_full: Option<Comparison>,
}

/// Where the wall clock of a round went.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RoundAccount {
    /// Of the round, below that of the run.
    pub folder: String,
    #[serde(flatten)]
    pub account: Account,
}

/// Medians of what the sessions of one state counted.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BackendSummary {
    pub gets: f64,
    pub hits_local: f64,
    pub hits_remote: f64,
    pub misses: f64,
    pub puts: f64,
    pub get_p50_ns: Option<f64>,
    pub get_p99_ns: Option<f64>,
    pub bytes_down: f64,
    pub bytes_up: f64,
    pub remote_requests: f64,
    pub cpu_ns: Option<f64>,
    pub peak_rss_bytes: Option<f64>,
    /// Uploads that did not get out, of all rounds.
    pub uploads_left: u64,
    pub remote_errors: u64,
    /// Why a session went on without the remote; only a may do so and still count.
    pub remote_off: Option<String>,
}

/// What a comparison of all records of all sessions found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Records {
    pub sessions: usize,
    pub requests: u64,
    /// Files that were compared, with the number of sessions that had one.
    pub files: Vec<(String, usize)>,
    /// Sessions that were compared with the S3 server's own log too.
    pub with_server: usize,
    /// With the folder of the round.
    pub disagreements: Vec<String>,
}

/// Rounds that do not count for the same reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OutOfState {
    pub folders: Vec<String>,
    /// As `expected X, saw Y`.
    pub why: Vec<String>,
}

impl Summary {
    /// Computes all from the raw rounds. `paired`: report the ratios of neighbouring rounds too.
    pub fn of(rounds: &[Round], paired: bool) -> Summary {
        let compare = |state, base| compare(rounds, state, base);
        let states = CacheState::ALL.into_iter().filter_map(|state| {
            let mut summary = StateSummary::of(rounds, state)?;
            summary.against_empty = compare(state, CacheState::GoCold);
            summary.against_full = compare(state, CacheState::GoWarm);
            Some(summary)
        });
        let pairs = [
            (CacheState::LocalHit, CacheState::GoWarm),
            (CacheState::RemoteHit, CacheState::GoWarm),
            (CacheState::Cold, CacheState::GoCold),
        ];
        Summary {
            states: states.collect(),
            pairs: match paired {
                true => pairs.into_iter().filter_map(|(state, base)| compare(state, base)).collect(),
                false => Vec::new(),
            },
            noise_floor: noise_floor(rounds),
            outliers: outliers(rounds),
            out_of_state: out_of_state(rounds),
            not_measured: Vec::new(),
            records: records(rounds),
            not_sampled: not_sampled(rounds),
            without_go_view: named(rounds, |round| round.go_view_missing.as_deref()),
            without_path: named(rounds, |round| round.actions_missing.as_deref()),
        }
    }

    /// The summary of a state, if any of its rounds counts.
    pub fn state(&self, state: CacheState) -> Option<&StateSummary> {
        self.states.iter().find(|summary| summary.state == state)
    }
}

impl StateSummary {
    /// Of a state, under one case where it has cases; None where no round counts. It is compared with nothing yet.
    pub fn of(rounds: &[Round], setup: impl Into<Setup>) -> Option<StateSummary> {
        let setup = setup.into();
        let walls = walls(rounds, setup);
        let go_cpu = counted(rounds, setup).map(|round| round.go_cpu_user_ns as f64 + round.go_cpu_system_ns as f64);
        Some(StateSummary {
            state: setup.state,
            walls_ns: counted(rounds, setup).map(|round| round.wall_ns).collect(),
            wall_median_ns: median(&walls)?,
            wall_spread: relative_spread(&walls),
            go_cpu_median_ns: median(&go_cpu.collect::<Vec<f64>>())?,
            backend: backend_summary(rounds, setup),
            account: account(rounds, setup),
            against_empty: None,
            against_full: None,
        })
    }
}

/// The round that stands for all of a setup: of those that count the nearest to the median, of those with an account where there
/// are any.
pub fn typical(rounds: &[Round], setup: Setup) -> Option<&Round> {
    let middle = median(&walls(rounds, setup))?;
    let distance = |round: &Round| (round.wall_ns as f64 - middle).abs();
    let nearest = |with_account: bool| {
        let wanted = counted(rounds, setup).filter(|round| !with_account || round.account.is_some());
        wanted.min_by(|one, other| distance(one).total_cmp(&distance(other)))
    };
    nearest(true).or_else(|| nearest(false))
}

fn account(rounds: &[Round], setup: Setup) -> Option<RoundAccount> {
    let round = typical(rounds, setup)?;
    Some(RoundAccount { folder: round.folder.clone(), account: round.account.clone()? })
}

fn backend_summary(rounds: &[Round], setup: Setup) -> Option<BackendSummary> {
    let sessions: Vec<_> = counted(rounds, setup).filter_map(|round| round.session.as_ref()).collect();
    let some = |pick: &dyn Fn(&SessionSummary) -> Option<u64>| {
        let values = sessions.iter().filter_map(|session| pick(session));
        median(&values.map(|value| value as f64).collect::<Vec<f64>>())
    };
    let middle = |pick: &dyn Fn(&SessionSummary) -> u64| some(&|session| Some(pick(session)));
    Some(BackendSummary {
        gets: middle(&|session| session.counts.gets)?,
        hits_local: middle(&|session| session.counts.hits_local)?,
        hits_remote: middle(&|session| session.counts.hits_remote)?,
        misses: middle(&|session| session.counts.misses)?,
        puts: middle(&|session| session.counts.puts)?,
        get_p50_ns: some(&|session| session.get_ns.map(|latency| latency.p50)),
        get_p99_ns: some(&|session| session.get_ns.map(|latency| latency.p99)),
        bytes_down: middle(&|session| session.bytes_down)?,
        bytes_up: middle(&|session| session.bytes_up)?,
        remote_requests: middle(&|session| session.remote_requests)?,
        cpu_ns: some(&|session| Some(session.cpu_user_ns? + session.cpu_system_ns?)),
        peak_rss_bytes: some(&|session| session.peak_rss_bytes),
        uploads_left: sessions.iter().map(|session| session.uploads_left).sum(),
        remote_errors: sessions.iter().map(|session| session.remote_errors).sum(),
        remote_off: sessions.iter().find_map(|session| session.remote_off.clone()),
    })
}

fn not_sampled(rounds: &[Round]) -> Vec<&'static str> {
    let sampled = rounds.iter().filter_map(|round| round.session.as_ref()?.resources.as_ref());
    // A process that was over before the second sample is missing there only.
    let longest = sampled.max_by_key(|resources| resources.samples);
    longest.map(crate::telemetry::Resources::missing).unwrap_or_default()
}

/// What is missing in rounds, with their names.
fn named<'a>(rounds: &'a [Round], why: impl Fn(&'a Round) -> Option<&'a str>) -> Vec<String> {
    rounds.iter().filter_map(|round| Some(format!("{}: {}", round.folder, why(round)?))).collect()
}

fn records(rounds: &[Round]) -> Records {
    let mut records = Records::default();
    for (round, found) in rounds.iter().filter_map(|round| Some((round, round.records.as_ref()?))) {
        records.sessions += 1;
        records.requests += found.requests;
        records.with_server += usize::from(found.with_server);
        for file in &found.files {
            match records.files.iter_mut().find(|(name, _)| name == file) {
                Some((_, sessions)) => *sessions += 1,
                None => records.files.push((file.clone(), 1)),
            }
        }
        let named = found.disagreements.iter().map(|what| format!("{}: {what}", round.folder));
        records.disagreements.extend(named);
    }
    records
}

fn out_of_state(rounds: &[Round]) -> Vec<OutOfState> {
    let mut groups: Vec<OutOfState> = Vec::new();
    for round in rounds.iter().filter(|round| !round.state_ok) {
        let wrong = round.state_checks.iter().filter(|finding| !finding.ok);
        let why: Vec<String> = wrong.map(|found| format!("expected {}, saw {}", found.expected, found.seen)).collect();
        match groups.iter_mut().find(|group| group.why == why) {
            Some(group) => group.folders.push(round.folder.clone()),
            None => groups.push(OutOfState { folders: vec![round.folder.clone()], why }),
        }
    }
    groups
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::bench::analysis::statistics::compare::Verdict;
    use crate::bench::analysis::time::time_breakdown::Frame;
    use crate::bench::analysis::time::time_breakdown::tests::log;
    use crate::bench::execute::state_check::StateCheck;
    use crate::bench::plan::steps::{Kind, Step};
    use crate::bench::results::run::tests::round;

    /// Measured rounds of a state, in milliseconds.
    pub fn measured(state: CacheState, walls_ms: &[u64]) -> Vec<Round> {
        let rounds = walls_ms.iter().zip(1..);
        rounds
            .map(|(wall, number)| {
                let step = Step { state, case: None, kind: Kind::Measured, round: number };
                round(step, wall * 1_000_000)
            })
            .collect()
    }

    fn verdict(rounds: &[Round], state: CacheState) -> Verdict {
        Summary::of(rounds, false).state(state).unwrap().against_full.unwrap().verdict
    }

    #[test]
    fn neighbours_are_compared_with_each_other() {
        // The machine gets slower from round to round; a takes a tenth more each time.
        let mut rounds = measured(CacheState::GoWarm, &[100, 120, 140, 160, 180]);
        rounds.extend(measured(CacheState::LocalHit, &[110, 132, 154, 176, 198]));
        let summary = Summary::of(&rounds, true);
        let pair = summary.pairs[0];
        assert!((pair.ratio - 1.1).abs() < 1e-9);
        assert_eq!((pair.pairs, pair.verdict), (5, Verdict::Slower));
    }

    #[test]
    fn a_difference_below_the_noise_is_none() {
        let mut rounds = measured(CacheState::GoWarm, &[100, 120, 90, 110, 105]);
        rounds.extend(measured(CacheState::LocalHit, &[105, 110, 100, 100, 107]));
        assert_eq!(verdict(&rounds, CacheState::LocalHit), Verdict::NoClearDifference);
    }

    #[test]
    fn rounds_out_of_state_count_nowhere_but_are_told() {
        let mut rounds = measured(CacheState::LocalHit, &[10, 1000]);
        rounds[1].state_ok = false;
        rounds[1].state_checks =
            vec![StateCheck { expected: "0 requests to the remote".to_owned(), seen: "4".to_owned(), ok: false }];
        let summary = Summary::of(&rounds, false);
        assert_eq!(summary.state(CacheState::LocalHit).unwrap().walls_ns, [10_000_000]);
        assert_eq!(summary.out_of_state[0].folders, ["local-hit/2"]);
        assert_eq!(summary.out_of_state[0].why, ["expected 0 requests to the remote, saw 4"]);
    }

    #[test]
    fn the_round_nearest_to_the_median_stands_for_all_of_those_with_an_account() {
        let mut rounds = measured(CacheState::LocalHit, &[100, 110, 121, 130, 200]);
        assert_eq!(typical(&rounds, CacheState::LocalHit.into()).unwrap().step.round, 3);
        let frame =
            Frame { backend_ns: 0, handshake_ns: 0, released_ns: 0, wall_ns: 1, workers: 1, cores: 1, go_cpu_ns: 0 };
        rounds[1].account = Some(Account::of(frame, &log(Vec::new())));
        assert_eq!(typical(&rounds, CacheState::LocalHit.into()).unwrap().step.round, 2);
        assert_eq!(typical(&rounds, CacheState::RemoteHit.into()), None);
    }

    #[test]
    fn preparation_and_profile_rounds_do_not_count() {
        let mut rounds = measured(CacheState::Cold, &[10, 20]);
        rounds[0].step.kind = Kind::Preparation;
        rounds[1].step.kind = Kind::Profile;
        assert!(Summary::of(&rounds, false).states.is_empty());
    }
}
