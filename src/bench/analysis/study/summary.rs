//! The summary of a run: medians, spreads and comparisons of its states, and doubts about its rounds.

use serde::Serialize;

use crate::analysis::statistics::compare::{Comparison, compare};
use crate::analysis::statistics::noise::{NoiseFloor, noise_floor};
use crate::analysis::statistics::outliers::{Outlier, outliers};
use crate::analysis::statistics::rounds::{counted, typical, walls};
use crate::analysis::statistics::stats::{median, relative_spread};
use crate::plan::run_plan::Plan;
use crate::plan::steps::{Kind, Setup, Step};
use crate::results::round::Round;
use crate::results::time_breakdown::TimeBreakdown;
use crate::scenario::cache_state::CacheState;
use gocacheprog::telemetry::SessionSummary;

/// The figures of all states of a run, and everything to doubt about its rounds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Summary {
    /// In the order of Step 2.4; only states with a round that counts.
    pub states: Vec<StateSummary>,
    /// local-hit against go-warm, cold against go-cold and the like, with an interval.
    pub pairs: Vec<Comparison>,
    /// None where it was not measured, or in too few rounds.
    pub noise_floor: Option<NoiseFloor>,
    /// Samples far from the others of their state; they count.
    pub outliers: Vec<Outlier>,
    /// Rounds that were not in the state that they claim; they count nowhere.
    pub out_of_state: Vec<OutOfState>,
    /// Rounds of backends that are not ours whose checks failed; they count, because that is how the backend is.
    pub not_in_state: Vec<OutOfState>,
    /// Processes that backends left running, by the folder of the round.
    pub left_running: Vec<String>,
    /// States, and cases of them, that were planned and have no round: the run ended before.
    pub not_measured: Vec<String>,
    /// Comparison of the files of the sessions.
    pub records: Records,
    /// Profile rounds whose trace lacks go's own view, and why.
    pub without_go_view: Vec<String>,
    /// Profile rounds of which no critical path is known, and why.
    pub without_path: Vec<String>,
    /// Values that the system did not give the sampler.
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
    /// Breakdown of the round that is nearest to the median; None for a baseline.
    pub time_breakdown: Option<RoundBreakdown>,
    /// Against go-cold and go-warm; None where that was not run, or is this state itself.
    pub against_empty: Option<Comparison>,
    pub against_full: Option<Comparison>,
}

/// The wall-time breakdown of a round.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RoundBreakdown {
    /// Folder of the round, below that of the run.
    pub folder: String,
    #[serde(flatten)]
    pub parts: TimeBreakdown,
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
    /// Uploads still pending at exit, of all rounds.
    pub uploads_left: u64,
    pub remote_errors: u64,
    /// Reason why a session went on without the remote; only local-hit may do so and still count.
    pub remote_off: Option<String>,
}

/// Comparison of all records of all sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Records {
    pub sessions: usize,
    pub requests: u64,
    /// Files that were compared, with the number of sessions that had one.
    pub files: Vec<(String, usize)>,
    /// Sessions that were compared with the S3 server's own log too.
    pub with_server: usize,
    /// Disagreements, each with the folder of the round.
    pub disagreements: Vec<String>,
}

/// Rounds that do not count for the same reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OutOfState {
    pub folders: Vec<String>,
    /// Reasons, like `expected X, saw Y`.
    pub why: Vec<String>,
}

impl Summary {
    /// Computes it from the raw rounds of a plan.
    pub fn of(rounds: &[Round], plan: &Plan) -> Summary {
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
            pairs: match plan.paired_ratios {
                true => pairs.into_iter().filter_map(|(state, base)| compare(state, base)).collect(),
                false => Vec::new(),
            },
            noise_floor: noise_floor(rounds),
            outliers: outliers(rounds),
            out_of_state: out_of_state(rounds, |round| !round.state_ok),
            not_in_state: out_of_state(rounds, |round| {
                round.state_ok && round.state_checks.iter().any(|check| !check.ok)
            }),
            left_running: left_running(rounds),
            not_measured: not_measured(rounds, plan),
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
    /// The figures of a setup, compared with nothing yet; None where no round counts.
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
            time_breakdown: time_breakdown(rounds, setup),
            against_empty: None,
            against_full: None,
        })
    }
}

fn time_breakdown(rounds: &[Round], setup: Setup) -> Option<RoundBreakdown> {
    let round = typical(rounds, setup)?;
    Some(RoundBreakdown { folder: round.folder.clone(), parts: round.time_breakdown.clone()? })
}

fn backend_summary(rounds: &[Round], setup: Setup) -> Option<BackendSummary> {
    let mut sessions: Vec<_> = counted(rounds, setup).filter_map(|round| round.session.as_ref()).collect();
    if sessions.is_empty() {
        sessions.extend(typical(rounds, setup).and_then(|round| round.session.as_ref()));
    }
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
    longest.map(gocacheprog::telemetry::Resources::missing).unwrap_or_default()
}

/// Setups of the plan that have no measured round.
fn not_measured(rounds: &[Round], plan: &Plan) -> Vec<String> {
    let is_measured = |step: &Step, setup: &Setup| (step.setup(), step.kind) == (*setup, Kind::Measured);
    let has_round = |setup: &Setup| rounds.iter().any(|round| is_measured(&round.step, setup));
    let lacking = plan.measured_setups().into_iter().filter(|setup| !has_round(setup));
    lacking.map(|setup| setup.folder(&plan.cases)).collect()
}

/// The folders of rounds in which something is missing, each with the reason.
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

fn left_running(rounds: &[Round]) -> Vec<String> {
    let left = rounds.iter().filter(|round| !round.left_running.is_empty());
    left.map(|round| format!("{}: {}", round.folder, round.left_running.join(", "))).collect()
}

fn out_of_state(rounds: &[Round], is_wanted: impl Fn(&Round) -> bool) -> Vec<OutOfState> {
    let mut groups: Vec<OutOfState> = Vec::new();
    for round in rounds.iter().filter(|round| is_wanted(round)) {
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
#[path = "summary_tests.rs"]
pub mod tests;
