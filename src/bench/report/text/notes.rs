//! Notes below the tables: problems of the run, noise, outliers, and the agreement of the records.

use crate::bench::analysis::results::Results;
use crate::bench::analysis::statistics::noise::NoiseFloor;
use crate::bench::analysis::statistics::outliers::{Cause, HostCause, Outlier};
use crate::bench::analysis::study::conditions::TOO_MUCH;
use crate::bench::analysis::study::summary::{BackendSummary, Records, Summary};
use crate::bench::report::text::units;
use crate::bench::results::run::Ended;

/// Outliers that get a line of their own.
const OUTLIERS_NAMED: usize = 3;

/// The notes of a run, its problems first. `sessions` are the named states or cases with a backend; `has_single`: some state has
/// no spread.
pub fn of_run(summary: &Summary, sessions: &[(String, &BackendSummary)], has_single: bool) -> Vec<String> {
    let mut notes = problems(summary, sessions);
    for missing in &summary.without_go_view {
        notes.push(format!("go's own view is not in the trace of {missing}."));
    }
    for missing in &summary.without_path {
        notes.push(format!("No critical path is known of {missing}."));
    }
    notes.extend(summary.noise_floor.as_ref().map(noise_floor));
    notes.extend(outliers(&summary.outliers));
    if !summary.not_sampled.is_empty() {
        notes.push(format!("This system does not tell the sampler about {}.", summary.not_sampled.join(", ")));
    }
    if summary.records.disagreements.is_empty() {
        notes.extend(records(&summary.records));
    }
    if has_single {
        notes.push("\"–\" as a spread: needs 3 rounds.".to_owned());
    }
    notes
}

/// The problems of a run: rounds that do not count, states that were not measured, a remote that failed, records that disagree.
fn problems(summary: &Summary, sessions: &[(String, &BackendSummary)]) -> Vec<String> {
    let mut notes = Vec::new();
    for wrong in &summary.out_of_state {
        notes.push(format!(
            "Not in the state that the name claims, and not counted: {}: {}.",
            wrong.folders.join(", "),
            wrong.why.join("; ")
        ));
    }
    if !summary.not_measured.is_empty() {
        notes.push(format!("Planned, and not measured: {}.", summary.not_measured.join(", ")));
    }
    for (name, backend) in sessions {
        if backend.uploads_left > 0 {
            notes.push(format!(
                "{name}: {} still pending at exit.",
                units::counted(backend.uploads_left as usize, "upload")
            ));
        }
        if backend.remote_errors > 0 {
            notes.push(format!(
                "{name}: {} to the remote failed.",
                units::counted(backend.remote_errors as usize, "request")
            ));
        }
        if let Some(reason) = &backend.remote_off {
            notes.push(format!("{name}: the remote was given up: {reason}."));
        }
    }
    if !summary.records.disagreements.is_empty() {
        notes.extend(records(&summary.records));
    }
    notes
}

/// Why a saved run is not all that was planned; None where it is.
pub fn incomplete(results: &Results) -> Option<String> {
    if let Some(what) = &results.run.cut_off {
        return Some(what.clone());
    }
    let how = match results.run.ended {
        Ended::Complete => return None,
        Ended::Running => "has not ended, or was killed".to_owned(),
        Ended::Interrupted => "was interrupted".to_owned(),
        Ended::Failed => format!("failed ({})", results.run.error.as_deref().unwrap_or("no reason is known")),
    };
    Some(format!("the run {} {how}", results.run.name))
}

/// The precision that `--until` asked for, reached or not; `widest` is the half of the widest interval.
pub fn until(share: f64, widest: Option<f64>) -> String {
    let wanted = units::percent(share);
    match widest {
        Some(widest) if widest <= share => {
            format!("Each short state is known to ±{}, as --until asked.", units::percent(widest))
        }
        Some(widest) => {
            format!(
                "NOT KNOWN TO ±{wanted} as --until asked, but to ±{}: the time for it was over.",
                units::percent(widest)
            )
        }
        None => format!("NOT KNOWN TO ±{wanted} as --until asked: there were too few rounds."),
    }
}

fn noise_floor(floor: &NoiseFloor) -> String {
    let words = format!(
        "Noise: go with its own full cache against itself, twice a round, differs by up to {} ({} rounds).",
        units::percent(floor.share),
        floor.pairs
    );
    match floor.share > TOO_MUCH {
        true => format!("{words} THIS MACHINE IS TOO NOISY NOW: run it again when it is quiet, or with more rounds."),
        false => format!("{words} Smaller differences are within the noise."),
    }
}

/// The farthest ones by name.
fn outliers(outliers: &[Outlier]) -> Vec<String> {
    let mut farthest: Vec<&Outlier> = outliers.iter().collect();
    let distance = |outlier: &Outlier| outlier.ratio.max(1.0 / outlier.ratio);
    farthest.sort_by(|one, two| distance(two).total_cmp(&distance(one)));
    let name = |outlier: &&Outlier| {
        let took = units::duration(outlier.wall_ns as f64);
        let causes: Vec<String> = outlier.causes.iter().map(cause).collect();
        let why = if causes.is_empty() { "the samples show no cause".to_owned() } else { causes.join(", ") };
        format!("Outlier (kept): {} took {took}, {:.2} times its median; {why}.", outlier.folder, outlier.ratio)
    };
    let mut lines: Vec<String> = farthest.iter().take(OUTLIERS_NAMED).map(name).collect();
    if let Some(more) = outliers.len().checked_sub(OUTLIERS_NAMED).filter(|more| *more > 0) {
        lines.push(format!("{more} more such samples are in results.json."));
    }
    lines
}

fn cause(cause: &Cause) -> String {
    let Cause { what, share, usual } = *cause;
    match what {
        HostCause::OtherProcesses => format!("other processes took {share:.2} cores (usually {usual:.2})"),
        HostCause::Steal => format!("other machines on this host took {share:.2} cores (usually {usual:.2})"),
        HostCause::DiskPressure => {
            format!(
                "processes waited for the disk {} of the time (usually {})",
                units::percent(share),
                units::percent(usual)
            )
        }
        HostCause::MemoryPressure => {
            format!(
                "processes waited for memory {} of the time (usually {})",
                units::percent(share),
                units::percent(usual)
            )
        }
    }
}

/// One line when the records agree, and one for each number that differs.
fn records(records: &Records) -> Vec<String> {
    // One file alone agrees with anything.
    if records.files.len() < 2 && records.disagreements.is_empty() {
        return Vec::new();
    }
    let server = (records.with_server > 0).then_some(("the S3 server's log", records.with_server));
    let named = |(name, sessions): (&str, usize)| match sessions {
        _ if sessions == records.sessions => name.to_owned(),
        _ => format!("{name} ({sessions} of {})", records.sessions),
    };
    let files: Vec<String> =
        records.files.iter().map(|(name, sessions)| (name.as_str(), *sessions)).chain(server).map(named).collect();
    let files = files.join(", ");
    let (sessions, requests) = (records.sessions, records.requests);
    if records.disagreements.is_empty() {
        return vec![format!("The records agree: {sessions} sessions with {requests} requests, in {files}.")];
    }
    let mut lines = vec!["THE RECORDS DISAGREE, so do not trust the numbers above:".to_owned()];
    lines.extend(records.disagreements.iter().map(|what| format!("  {what}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::analysis::statistics::stats::Interval;

    #[test]
    fn a_path_that_is_not_known_is_named() {
        let summary = Summary { without_path: vec!["remote-hit/profile: cut off".to_owned()], ..Summary::default() };
        assert_eq!(of_run(&summary, &[], false), ["No critical path is known of remote-hit/profile: cut off."]);
    }

    #[test]
    fn records_that_differ_are_told_loudly() {
        let files = vec![("session.json".to_owned(), 2), ("request.txt".to_owned(), 1)];
        let mut found = Records { sessions: 2, requests: 40, files, with_server: 2, ..Records::default() };
        let line = "The records agree: 2 sessions with 40 requests, in session.json, request.txt (1 of 2), the S3 server's log.";
        assert_eq!(records(&found), [line]);
        found.disagreements.push("local-hit/1: gets: 7 in session.json, 8 in request.txt".to_owned());
        let lines = records(&found);
        assert!(lines[0].contains("DISAGREE") && lines[1].contains("local-hit/1: gets: 7"), "{lines:?}");
    }

    #[test]
    fn a_machine_that_is_too_noisy_is_called_so() {
        let floor = |share| {
            let interval = Interval { low: 1.0 - share, high: 1.0, coverage: 0.99 };
            noise_floor(&NoiseFloor { pairs: 9, ratio: 1.0, interval, share })
        };
        assert!(floor(0.25).contains("TOO NOISY") && floor(0.25).contains("25 % (9 rounds)"));
        assert!(floor(0.04).ends_with("Smaller differences are within the noise."));
    }

    #[test]
    fn the_farthest_outliers_are_named_and_the_rest_counted() {
        let cause = Cause { what: HostCause::Steal, share: 0.8, usual: 0.01 };
        let outlier =
            |ratio: f64, causes| Outlier { folder: "remote-hit/3".to_owned(), wall_ns: 2_000_000_000, ratio, causes };
        let mut all = vec![outlier(1.2, vec![]), outlier(0.5, vec![cause]), outlier(1.3, vec![]), outlier(1.1, vec![])];
        let lines = outliers(&all);
        assert_eq!(lines.len(), 4);
        assert!(
            lines[0].contains(
                "remote-hit/3 took 2.0 s, 0.50 times its median; other machines on this host took 0.80 cores"
            ),
            "{lines:?}"
        );
        assert!(lines[1].ends_with("1.30 times its median; the samples show no cause."));
        assert!(lines[3].starts_with("1 more"));
        all.truncate(1);
        assert_eq!(outliers(&all).len(), 1);
    }
}
