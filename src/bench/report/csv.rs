//! `results.csv`: every sample in long form, one number in each line, for a spreadsheet or a plotting library.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::analysis::results::Results;
use crate::analysis::time::critical_path::CriticalPath;
use crate::analysis::time::savings::{Part, Savings};
use crate::results::round::Round;
use crate::results::run::write_whole;
use gocacheprog::telemetry::SessionSummary;

/// Its name in the folder of a run.
pub const CSV_FILE: &str = "results.csv";

/// One number of one round.
#[derive(Debug, PartialEq, Serialize)]
struct Line<'a> {
    run: &'a str,
    state: &'static str,
    /// Empty for a run without cases.
    case: &'a str,
    /// `measured`, `again`, `warm-up` …
    kind: String,
    round: u32,
    /// The folder of the round below that of the run, where the number comes from.
    folder: &'a str,
    /// True if the round was in its state, and so counts.
    counts: bool,
    metric: &'static str,
    /// Empty if it is not known.
    value: Option<f64>,
    unit: &'static str,
}

/// Writes the file into `folder`, by rename.
///
/// # Errors
/// When it cannot be written.
pub fn write(results: &Results, folder: &Path) -> Result<()> {
    write_whole(&folder.join(CSV_FILE), |file| {
        let mut writer = csv::Writer::from_writer(file);
        results
            .run
            .rounds
            .iter()
            .flat_map(|round| lines(results, round))
            .try_for_each(|line| writer.serialize(line))?;
        Ok(writer.flush()?)
    })
}

fn lines<'a>(results: &'a Results, round: &'a Round) -> impl Iterator<Item = Line<'a>> {
    let case = results.run.plan.case_of(&round.step).map_or("", |case| case.name.as_str());
    let kind = serde_json::to_value(round.step.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
    let path = results.analysis.critical_paths.iter().find(|path| path.folder == round.folder);
    let saved = results.analysis.savings.iter().find(|saved| saved.folder == round.folder);
    let of_cache = path.into_iter().flat_map(of_path).chain(saved.into_iter().flat_map(of_savings));
    let numbers = of_round(round).into_iter().chain(round.session.iter().flat_map(of_session)).chain(of_cache);
    numbers.map(move |(metric, value, unit)| Line {
        run: &results.run.name,
        state: round.step.state.name(),
        case,
        kind: kind.clone().unwrap_or_default(),
        round: round.step.round,
        folder: &round.folder,
        counts: round.state_ok && round.step.kind == crate::plan::steps::Kind::Measured,
        metric,
        value,
        unit,
    })
}

/// Name, value, unit.
type Number = (&'static str, Option<f64>, &'static str);

fn of_round(round: &Round) -> Vec<Number> {
    let ns = |name, value: Option<u64>| (name, value.map(|value| value as f64), "ns");
    let mut numbers = vec![
        ns("wall", Some(round.wall_ns)),
        ns("go_cpu_user", Some(round.go_cpu_user_ns)),
        ns("go_cpu_system", Some(round.go_cpu_system_ns)),
    ];
    if round.step.state.uses_backend() {
        numbers.push(ns("backend_after_go", round.backend_after_go_ns));
    }
    if let Some(breakdown) = &round.time_breakdown {
        numbers.extend([
            ns("breakdown_startup", Some(breakdown.startup_ns)),
            ns("breakdown_handshake", Some(breakdown.handshake_ns)),
            ns("breakdown_go_only", Some(breakdown.go_only_ns)),
            ns("breakdown_overlapped", Some(breakdown.overlapped_ns)),
            ns("breakdown_blocked", Some(breakdown.blocked_ns)),
            ns("breakdown_close", Some(breakdown.close_ns)),
            ns("breakdown_exit", Some(breakdown.exit_ns)),
        ]);
    }
    numbers
}

fn of_session(session: &SessionSummary) -> Vec<Number> {
    let count = |name, value: u64| (name, Some(value as f64), "1");
    let bytes = |name, value: Option<u64>| (name, value.map(|value| value as f64), "B");
    let ns = |name, value: Option<u64>| (name, value.map(|value| value as f64), "ns");
    let counts = &session.counts;
    vec![
        count("gets", counts.gets),
        count("hits_local", counts.hits_local),
        count("hits_remote", counts.hits_remote),
        count("misses", counts.misses),
        count("puts", counts.puts),
        ns("get_p50", session.get_ns.map(|latency| latency.p50)),
        ns("get_p99", session.get_ns.map(|latency| latency.p99)),
        ns("put_p50", session.put_ns.map(|latency| latency.p50)),
        ns("put_p99", session.put_ns.map(|latency| latency.p99)),
        count("remote_requests", session.remote_requests),
        count("remote_errors", session.remote_errors),
        bytes("bytes_down", Some(session.bytes_down)),
        bytes("bytes_up", Some(session.bytes_up)),
        count("uploads_left", session.uploads_left),
        ns("backend_cpu_user", session.cpu_user_ns),
        ns("backend_cpu_system", session.cpu_system_ns),
        bytes("backend_peak_memory", session.peak_rss_bytes),
    ]
}

fn of_path(path: &CriticalPath) -> [Number; 3] {
    [
        ("path_actions", Some(path.actions() as f64), "1"),
        ("path_cache", Some(path.cache_ns as f64), "ns"),
        ("path_worker", Some(path.worker_ns as f64), "ns"),
    ]
}

fn of_savings(savings: &Savings) -> Vec<Number> {
    let all = savings.parts.iter().filter(|part| part.part == Part::All);
    let numbers = all.flat_map(|all| {
        [
            ("cache_waited", all.waited_ns.map(|ns| ns as f64), "ns"),
            ("cache_compiled", all.compiled_ns.map(|ns| ns as f64), "ns"),
            ("cache_saved", all.saved_ns.map(|ns| ns as f64), "ns"),
            ("cache_costly_packages", Some(all.costly as f64), "1"),
        ]
    });
    numbers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::results::tests::results;
    use crate::analysis::study::summary::tests::measured;
    use crate::scenario::cache_state::CacheState;

    #[test]
    fn every_sample_is_a_line_that_names_its_round() {
        let folder = tempfile::tempdir().unwrap();
        let mut results = results(measured(CacheState::GoWarm, &[100, 250]));
        results.run.name = "a run, with a comma".to_owned();
        write(&results, folder.path()).unwrap();
        let mut reader = csv::Reader::from_path(folder.path().join(CSV_FILE)).unwrap();
        let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        assert_eq!(header.join(" "), "run state case kind round folder counts metric value unit");
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let walls: Vec<&csv::StringRecord> = records.iter().filter(|record| &record[7] == "wall").collect();
        assert_eq!(walls.len(), 2);
        assert_eq!((&walls[1][0], &walls[1][4], &walls[1][8]), ("a run, with a comma", "2", "250000000.0"));
    }

    #[test]
    fn numbers_of_a_critical_path_are_in_the_lines_of_its_round() {
        let folder = tempfile::tempdir().unwrap();
        let mut results = results(measured(CacheState::RemoteHit, &[100, 250]));
        let (wall_ns, cache_ns, worker_ns) = (250_000_000, 40_000_000, 7);
        let path = CriticalPath { folder: "remote-hit/2".to_owned(), wall_ns, cache_ns, worker_ns, steps: Vec::new() };
        results.analysis.critical_paths = vec![path];
        write(&results, folder.path()).unwrap();
        let text = std::fs::read_to_string(folder.path().join(CSV_FILE)).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(",path_cache,")).collect();
        assert_eq!(lines.len(), 1, "{text}");
        assert!(lines[0].contains(",remote-hit/2,") && lines[0].ends_with(",40000000.0,ns"), "{lines:?}");
    }
}
