//! The verdict on a state: what held it back, by rules that each name their evidence, and what would help.

use crate::bench::analysis::verdict::backend;
use crate::bench::analysis::verdict::machine;
use crate::bench::analysis::verdict::remote;
use crate::bench::analysis::verdict::waits;
use serde::Serialize;

use crate::bench::analysis::study::summary::typical;
use crate::bench::analysis::verdict::evidence::{Parts, SHORTEST_NS, Seen};
use crate::bench::plan::run_plan::Plan;
use crate::bench::plan::steps::Setup;
use crate::bench::report::text::units;
use crate::bench::results::round::Round;

/// One rule: what it finds in a round, if anything.
pub type Rule = fn(&Seen<'_>) -> Option<Finding>;

/// All rules by their names, as findings and scenarios have them.
pub const RULES: [(&str, Rule); 20] = [
    ("latency", remote::latency),
    ("bandwidth", remote::bandwidth),
    ("round-trips", remote::round_trips),
    ("connections", remote::connections),
    ("upload-in-put", remote::upload_in_put),
    ("remote-errors", remote::remote_errors),
    ("back-off", remote::back_off),
    ("close", remote::close),
    ("compression", remote::compression),
    ("handshake", backend::handshake),
    ("reader", backend::reader),
    ("lock", backend::lock),
    ("local-disk", backend::local_disk),
    ("unpacking", backend::unpacking),
    ("backend-cpu", backend::backend_cpu),
    ("host-cpu", machine::host_cpu),
    ("other-waits", waits::other_waits),
    ("memory", machine::memory),
    ("open-files", machine::open_files),
    ("errors", machine::errors),
];

/// Less than this share of the wall clock is not worth a line.
const WORTH_A_LINE: f64 = 0.02;
/// A build shorter than this says nothing, nanoseconds.
const TOO_SHORT_NS: u64 = 50_000_000;

/// What the rules found in the rounds of one state, under one case where it has cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StateVerdict {
    /// As tables name it: the state, or the case.
    pub name: String,
    /// The round that was looked at: of those that count the one nearest to the median, below the folder of the run.
    pub folder: String,
    pub wall_ns: u64,
    /// What gets waited for at the remote, in parts of the wall clock that each cost; None where nothing can be said.
    pub gets: Option<Parts>,
    /// By the time that could be saved, the most first.
    pub ranked: Vec<Finding>,
    /// What has no time: memory that grows, errors, open files.
    pub beside: Vec<Finding>,
    /// Why nothing can be said, where that is so.
    pub too_little: Option<String>,
    /// Records that are not there, and what cannot be judged without them.
    pub missing: Vec<String>,
}

/// What one rule found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// Name of the rule.
    pub rule: &'static str,
    /// What holds the build back, in one line.
    pub title: String,
    /// The numbers that it was seen in.
    pub seen: Vec<Evidence>,
    pub why: String,
    /// A command, or a change, to try next.
    pub next: String,
    /// What it would bring at most, nanoseconds of the wall clock; None for what has no time.
    pub saves_ns: Option<u64>,
    /// What to doubt about it.
    pub caveats: Vec<String>,
}

/// A number, and where it is from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Evidence {
    /// In words, with its unit.
    pub what: String,
    /// The number as the file has it: nanoseconds, bytes, a count, a share.
    pub value: f64,
    /// Below the folder of the run.
    pub file: String,
    /// The `jq` filter that gives the number there.
    pub query: String,
}

impl StateVerdict {
    /// Of each state with a backend, under each case where there are cases.
    pub fn all(rounds: &[Round], plan: &Plan) -> Vec<StateVerdict> {
        let setups = plan.measured_setups().into_iter().filter(|setup| setup.state.uses_backend());
        setups.filter_map(|setup| Self::of(rounds, plan, setup)).collect()
    }

    /// Of the round that stands for all of a setup; None where none does.
    pub fn of(rounds: &[Round], plan: &Plan, setup: Setup) -> Option<StateVerdict> {
        let name = setup.case.map_or_else(|| setup.state.to_string(), |case| plan.cases[case].name.clone());
        typical(rounds, setup).map(|round| Self::of_round(round, name))
    }

    /// Of one round.
    pub fn of_round(round: &Round, name: String) -> StateVerdict {
        let (folder, wall_ns) = (round.folder.clone(), round.wall_ns);
        let mut verdict = StateVerdict {
            name,
            folder,
            wall_ns,
            gets: None,
            ranked: Vec::new(),
            beside: Vec::new(),
            too_little: None,
            missing: missing(round),
        };
        verdict.too_little = too_little(round);
        let Some(seen) = Seen::of(round).filter(|_| verdict.too_little.is_none()) else { return verdict };
        let found = RULES.iter().filter_map(|(_, rule)| rule(&seen));
        let (mut ranked, beside): (Vec<Finding>, Vec<Finding>) = found.partition(|finding| finding.saves_ns.is_some());
        for finding in &mut ranked {
            finding.saves_ns = finding.saves_ns.map(|ns| ns.min(wall_ns));
        }
        ranked.retain(|finding| finding.saves_ns.unwrap_or(0) as f64 >= WORTH_A_LINE * wall_ns as f64);
        ranked.sort_by_key(|finding| std::cmp::Reverse(finding.saves_ns));
        (verdict.gets, verdict.ranked, verdict.beside) = (Some(seen.gets), ranked, beside);
        verdict
    }
}

/// Why nothing can be said of a round.
fn too_little(round: &Round) -> Option<String> {
    if round.wall_ns < TOO_SHORT_NS {
        return Some(format!("{} are too short to tell", ms(round.wall_ns as f64)));
    }
    match &round.time_breakdown {
        _ if round.session.is_none() => Some("no session.json".to_owned()),
        None => Some("no request.txt".to_owned()),
        // What waits cost was not in the account then.
        Some(account) if account.cores == 0 => Some("the run was saved by an earlier version of bench".to_owned()),
        Some(_) => None,
    }
}

/// What is not there, and what cannot be judged without it.
fn missing(round: &Round) -> Vec<String> {
    let resources = round.session.as_ref().and_then(|session| session.resources.as_ref());
    let is_brief = resources.is_some_and(|resources| resources.interval_ns < SHORTEST_NS);
    let all = [
        (is_brief, "samples over half a second: whether others took the cores"),
        (round.time_breakdown.is_none(), "request.txt: where the time went"),
        (round.spans.is_empty(), "pprof/fg.prof: what requests waited for"),
        (resources.is_none(), "samples: cores, disk, memory"),
    ];
    all.into_iter().filter(|(is_missing, _)| *is_missing).map(|(_, what)| what.to_owned()).collect()
}

pub(crate) fn ms(ns: f64) -> String {
    units::duration(ns)
}

pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

pub(crate) fn share(part: f64, whole: f64) -> String {
    if whole > 0.0 { units::percent(part / whole) } else { units::MISSING.to_owned() }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
