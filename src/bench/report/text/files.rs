//! The files of a run to look at first, and the commands that go on from it. The other files are in `metrics/README.md`.

use std::path::Path;

use crate::bench::analysis::study::summary::RoundAccount;
use crate::bench::analysis::verdict::rules::StateVerdict;
use crate::bench::plan::go_command::quoted;
use crate::bench::plan::what_if::WhatIf;
use crate::bench::results::run::Results;
use crate::bench::scenario::args::{DEFAULT_SCENARIO, RemoteKind};
use crate::bench::scenario::cache_state::CacheState;
use crate::bench::scenario::file::Scenario;

/// A file of the run, as a person would type it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub path: String,
    pub says: String,
}

/// Pictures of the whole run, the best first.
const PICTURES: [(&str, &str); 2] =
    [("report.html", "everything, to look at"), ("results.md", "everything, for a pull request")];
/// States by what their trace tells: in remote-hit go waits the most for the cache.
const TELLING: [CacheState; 3] = [CacheState::RemoteHit, CacheState::Cold, CacheState::LocalHit];
/// The rules whose cause a change of `what-if` takes away.
const EXPERIMENTS: [(&str, WhatIf); 4] = [
    ("latency", WhatIf::NoLatency),
    ("bandwidth", WhatIf::BandwidthUnlimited),
    ("connections", WhatIf::ConnectionsDouble),
    ("close", WhatIf::NoUpload),
];

/// A picture and the trace of the most telling state, of those that are below `run`. `shown` is the name under which the run is
/// listed.
pub fn to_look_at(results: &Results, run: &Path, shown: &Path) -> Vec<File> {
    let picture = PICTURES.iter().find(|(name, _)| run.join(name).is_file());
    let picture = picture.map(|(name, says)| ((*name).to_owned(), (*says).to_owned()));
    let there = picture.into_iter().chain(trace(results)).filter(|(path, _)| run.join(path).is_file());
    there.map(|(path, says)| File { path: shown.join(path).display().to_string(), says }).collect()
}

/// The most telling state that has a breakdown of its time.
pub fn telling(results: &Results) -> Option<(CacheState, &RoundAccount)> {
    let states = || results.summary.states.iter().chain(results.cases.iter().map(|case| &case.figures));
    TELLING.into_iter().find_map(|state| {
        let breakdown = states().find(|found| found.state == state)?.account.as_ref()?;
        Some((state, breakdown))
    })
}

/// The trace of the round nearest to the median.
fn trace(results: &Results) -> Option<(String, String)> {
    let (_, breakdown) = telling(results)?;
    Some((format!("{}/trace.json", breakdown.folder), "open in https://ui.perfetto.dev".to_owned()))
}

/// The command that prints all tables of the run in this folder.
pub fn details_command(folder: &Path) -> String {
    format!("{} report --details {}", program(), quoted(&folder.display().to_string()))
}

/// The line with the command that measures the largest bottleneck of a state that can be measured; None where no change takes one
/// away.
pub fn experiment(results: &Results, verdict: &StateVerdict) -> Option<String> {
    let plan = &results.plan;
    let state = results.summary.states.iter().map(|state| state.state).find(|state| state.name() == verdict.name)?;
    let change = |rule: &str| {
        let (_, change) = EXPERIMENTS.into_iter().find(|(name, _)| *name == rule)?;
        Some(change).filter(|change| change.concerns(state, plan.strategy))
    };
    let change = verdict.ranked.iter().find_map(|finding| change(finding.rule))?.name();
    // The name of a file elsewhere is not known.
    let (_, scenario) = Scenario::load(&plan.scenario).ok().filter(|_| plan.cases.is_empty())?;
    let mut command = format!("{} what-if --state {state} --change {change}", program());
    if plan.scenario != DEFAULT_SCENARIO {
        command += &format!(" --scenario {}", quoted(&plan.scenario));
    }
    if plan.strategy != scenario.strategy {
        command += &format!(" --strategy {}", plan.strategy.name());
    }
    if let Some(link) = plan.link.filter(|link| link.latency_ms != scenario.link.latency_ms) {
        command += &format!(" --rtt {}", link.latency_ms);
    }
    if plan.remote == RemoteKind::Env {
        command += " --remote env";
    }
    if let Some(module) = &plan.module {
        command += &format!(" --workload {}", quoted(&module.display().to_string()));
    }
    match &plan.command {
        Some(timed) => command += &format!(" -- {timed}"),
        None if plan.module.is_none() && plan.packages != scenario.workload.packages => {
            command += &format!(" {}", quoted(&plan.packages));
        }
        None => {}
    }
    Some(format!(" confirm: {command}"))
}

/// The rule whose cause this change of `what-if` takes away.
pub fn rule_of(change: &str) -> Option<&'static str> {
    EXPERIMENTS.into_iter().find(|(_, experiment)| experiment.name() == change).map(|(rule, _)| rule)
}

/// This program as the user called it.
fn program() -> String {
    let name = std::env::args().next().filter(|name| !name.is_empty());
    quoted(&name.unwrap_or_else(|| "bench".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::analysis::compute;
    use crate::bench::analysis::study::summary::tests::measured;
    use crate::bench::analysis::time::time_breakdown::{Account, Frame};
    use crate::bench::analysis::verdict::rules::Finding;
    use crate::bench::results::run::tests::results;
    use crate::telemetry::LoggedSession;

    fn run() -> Results {
        let mut rounds = measured(CacheState::LocalHit, &[100]);
        rounds.extend(measured(CacheState::RemoteHit, &[100, 120, 190]));
        let frame =
            Frame { backend_ns: 0, handshake_ns: 0, released_ns: 1, wall_ns: 1, workers: 1, cores: 1, go_cpu_ns: 0 };
        let log = LoggedSession { start_unix_ns: 0, pid: 1, go: None, lines: Vec::new() };
        rounds.iter_mut().for_each(|round| round.account = Some(Account::of(frame, &log)));
        let mut run = results(rounds);
        compute(&mut run);
        run
    }

    fn paths(folder: &Path, there: &[&str]) -> Vec<String> {
        for file in there {
            std::fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
            std::fs::write(folder.join(file), "").unwrap();
        }
        to_look_at(&run(), folder, Path::new("m/latest")).into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn a_picture_and_a_trace_of_those_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        assert!(paths(folder.path(), &["results.json"]).is_empty());
        let all = ["results.md", "local-hit/1/trace.json", "remote-hit/1/trace.json", "remote-hit/2/trace.json"];
        let expected = ["m/latest/results.md", "m/latest/remote-hit/2/trace.json"];
        assert_eq!(paths(folder.path(), &all), expected);
        assert_eq!(paths(folder.path(), &["report.html"])[0], "m/latest/report.html");
    }

    #[test]
    fn commands_are_complete_and_quoted() {
        let command = details_command(Path::new("m y/latest"));
        assert!(command.ends_with(" report --details 'm y/latest'"), "{command}");
    }

    #[test]
    fn an_experiment_is_printed_only_where_it_changes_something() {
        let run = run();
        let finding = |rule| Finding {
            rule,
            title: String::new(),
            seen: Vec::new(),
            why: String::new(),
            next: String::new(),
            saves_ns: Some(1),
            caveats: Vec::new(),
        };
        let command = |state: &str, rules: &[&'static str]| {
            let mut verdict = StateVerdict::of_round(&run.rounds[0], state.to_owned());
            verdict.ranked = rules.iter().copied().map(finding).collect();
            experiment(&run, &verdict)
        };
        let latency = command("remote-hit", &["host-cpu", "latency"]).unwrap();
        assert!(latency.contains(" what-if --state remote-hit --change latency-0"), "{latency}");
        assert_eq!(command("remote-hit", &["host-cpu"]), None);
        assert_eq!(command("local-hit", &["latency"]), None, "what-if refuses it");
        assert_eq!(command("local-hit", &["close"]), None);
    }
}
