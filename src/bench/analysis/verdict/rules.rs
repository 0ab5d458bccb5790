//! The verdict on a state: every rule over its typical round.

use crate::analysis::statistics::outliers::SHORTEST_NS;
use crate::analysis::statistics::rounds::typical;
use crate::analysis::verdict::backend;
use crate::analysis::verdict::evidence::Seen;
use crate::analysis::verdict::finding::{Action, Bottleneck, Evidence, Finding, Missing, StateVerdict, TooLittle};
use crate::analysis::verdict::machine;
use crate::analysis::verdict::outside;
use crate::analysis::verdict::remote;
use crate::analysis::verdict::waits;
use crate::plan::run_plan::Plan;
use crate::plan::steps::Setup;
use crate::plan::study::Study;
use crate::plan::what_if::WhatIf;
use crate::results::round::Round;
use crate::scenario::rule::Rule;

/// A finding below this share of the wall clock is not worth a line.
const WORTH_A_LINE: f64 = 0.02;
/// A finding below this is within what starting and scheduling two processes varies by, nanoseconds.
const WORTH_A_LINE_NS: u64 = 2_000_000;
/// A build shorter than this cannot be judged, nanoseconds.
const TOO_SHORT_NS: u64 = 50_000_000;

/// Looks for one bottleneck in a round.
fn look(rule: Rule, seen: &Seen<'_>) -> Option<Finding> {
    match rule {
        // Where S3 need not be asked at all, nothing about how it is asked is the cause.
        Rule::Latency | Rule::Bandwidth | Rule::RoundTrips | Rule::Connections | Rule::NewConnections
            if outside::asks_needlessly(seen) =>
        {
            None
        }
        Rule::Latency => remote::latency(seen),
        Rule::Bandwidth => remote::bandwidth(seen),
        Rule::RoundTrips => remote::round_trips(seen),
        Rule::Connections => remote::connections(seen),
        Rule::UploadInPut => remote::upload_in_put(seen),
        Rule::RemoteErrors => remote::remote_errors(seen),
        Rule::BackOff => remote::back_off(seen),
        Rule::Close => remote::close(seen),
        Rule::Compression => remote::compression(seen),
        Rule::Handshake => backend::handshake(seen),
        Rule::Reader => backend::reader(seen),
        Rule::Lock => backend::lock(seen),
        Rule::LocalDisk => backend::local_disk(seen),
        Rule::Unpacking => backend::unpacking(seen),
        Rule::BackendCpu => backend::backend_cpu(seen),
        Rule::HostCpu => machine::host_cpu(seen),
        Rule::NeedlessRequests => outside::needless_requests(seen),
        Rule::NewConnections => outside::new_connections(seen),
        Rule::OtherWaits => waits::other_waits(seen),
        Rule::Memory => machine::memory(seen),
        Rule::OpenFiles => machine::open_files(seen),
        Rule::Errors => machine::errors(seen),
    }
}

/// With the change of `bench what-if` that takes the bottleneck away, if there is one for the state.
fn with_experiment(finding: Finding, seen: &Seen<'_>) -> Finding {
    let (state, strategy) = (seen.round.step.state, seen.session.strategy);
    match WhatIf::against(finding.rule).zip(strategy) {
        Some((change, strategy)) if change.affects(state, strategy) => finding.with(Action::WhatIf { change, state }),
        _ => finding,
    }
}

impl Finding {
    /// A finding whose saving is the sum of the parts of its evidence; without parts it costs no time.
    pub fn new(rule: Rule, bottleneck: Bottleneck, evidence: Vec<Evidence>) -> Finding {
        let parts: Vec<f64> = evidence.iter().filter_map(|found| found.part_ns).collect();
        let saves_ns = if parts.is_empty() { None } else { Some(parts.iter().sum::<f64>().max(0.0) as u64) };
        Finding { rule, bottleneck, evidence, action: None, saves_ns }
    }

    /// Reduces its saving to the wall clock of the build, and the parts of its evidence with it.
    fn cap(&mut self, wall_ns: u64) {
        let Some(saves_ns) = self.saves_ns.filter(|saves_ns| *saves_ns > wall_ns) else { return };
        let scale = wall_ns as f64 / saves_ns as f64;
        for found in &mut self.evidence {
            found.part_ns = found.part_ns.map(|part_ns| part_ns * scale);
        }
        self.saves_ns = Some(wall_ns);
    }

    /// With a command that measures or makes the change.
    pub fn with(self, action: Action) -> Finding {
        Finding { action: Some(action), ..self }
    }
}

impl Evidence {
    /// With the part of the saving that it accounts for, nanoseconds.
    pub fn part(self, part_ns: f64) -> Evidence {
        Evidence { part_ns: Some(part_ns.max(0.0)), ..self }
    }
}

impl StateVerdict {
    /// The verdicts on all states with a backend, under each case where there are cases.
    pub fn all(rounds: &[Round], plan: &Plan) -> Vec<StateVerdict> {
        let setups = plan.measured_setups().into_iter().filter(|setup| setup.state.uses_backend());
        setups.filter_map(|setup| Self::of(rounds, plan, setup)).collect()
    }

    /// The verdict on the typical round of a setup; None where no round counts.
    pub fn of(rounds: &[Round], plan: &Plan, setup: Setup) -> Option<StateVerdict> {
        let name = match setup.case {
            None => setup.state.to_string(),
            Some(case) if plan.study == Study::Backends => format!("{} · {}", setup.state, plan.cases[case].name),
            Some(case) => plan.cases[case].name.clone(),
        };
        let mut verdict = Self::of_round(typical(rounds, setup)?, name);
        // What is left of it after an experiment cannot be saved by the same change again.
        let removed = match (&plan.study, setup.case) {
            (Study::WhatIf, Some(case)) => WhatIf::rule_of(&plan.cases[case].name),
            _ => None,
        };
        verdict.ranked.retain(|finding| Some(finding.rule) != removed);
        Some(verdict)
    }

    /// The verdict on one round.
    pub fn of_round(round: &Round, name: String) -> StateVerdict {
        let (folder, wall_ns) = (round.folder.clone(), round.wall_ns);
        let mut verdict = StateVerdict {
            name,
            setup: round.step.setup(),
            folder,
            wall_ns,
            gets: None,
            manifests_ns: None,
            ranked: Vec::new(),
            beside: Vec::new(),
            too_little: None,
            missing: missing(round),
        };
        verdict.too_little = too_little(round);
        let Some(seen) = Seen::of(round).filter(|_| verdict.too_little.is_none()) else { return verdict };
        let found = Rule::ALL.into_iter().filter_map(|rule| Some(with_experiment(look(rule, &seen)?, &seen)));
        let (mut ranked, beside): (Vec<Finding>, Vec<Finding>) = found.partition(|finding| finding.saves_ns.is_some());
        for finding in &mut ranked {
            finding.cap(wall_ns);
        }
        let least_ns = ((WORTH_A_LINE * wall_ns as f64) as u64).max(WORTH_A_LINE_NS);
        ranked.retain(|finding| finding.saves_ns.unwrap_or(0) >= least_ns);
        ranked.sort_by_key(|finding| std::cmp::Reverse(finding.saves_ns));
        (verdict.gets, verdict.manifests_ns) = (Some(seen.gets), Some(seen.manifests_ns));
        (verdict.ranked, verdict.beside) = (ranked, beside);
        verdict
    }
}

/// The reason why a round cannot be judged.
fn too_little(round: &Round) -> Option<TooLittle> {
    if round.wall_ns < TOO_SHORT_NS {
        return Some(TooLittle::TooShort(round.wall_ns));
    }
    if round.session.is_none() {
        return Some(TooLittle::NoSession);
    }
    match round.time_breakdown {
        Some(_) => None,
        None => Some(TooLittle::NoRequestLog),
    }
}

/// The records that a rule would have needed.
fn missing(round: &Round) -> Vec<Missing> {
    let resources = round.session.as_ref().and_then(|session| session.resources.as_ref());
    let all = [
        (resources.is_some_and(|resources| resources.interval_ns < SHORTEST_NS), Missing::LongSamples),
        (round.time_breakdown.is_none(), Missing::RequestLog),
        (round.spans.is_empty(), Missing::WallProfile),
        (resources.is_none(), Missing::Samples),
    ];
    all.into_iter().filter(|(is_missing, _)| *is_missing).map(|(_, record)| record).collect()
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
