//! Notes below the tables: noise, outliers, and the agreement of the records.

use crate::analysis::results::Results;
use crate::analysis::statistics::noise::NoiseFloor;
use crate::analysis::statistics::outliers::{Cause, HostCause, Outlier};
use crate::analysis::study::conditions::TOO_MUCH;
use crate::analysis::study::summary::Records;
use crate::report::text::units;

/// Outliers that get a line of their own.
const OUTLIERS_NAMED: usize = 3;

/// The notes of a run; `has_single`: some state has no spread.
pub fn of_run(results: &Results, has_single: bool) -> Vec<String> {
    let summary = &results.analysis.summary;
    let mut notes = Vec::new();
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
    notes.extend(agreement(&summary.records));
    notes.extend(precision(results));
    if has_single {
        notes.push("\"–\" as a spread: needs 3 rounds.".to_owned());
    }
    notes
}

/// The precision of the short states, where `--until` asked for one that was reached.
fn precision(results: &Results) -> Option<String> {
    let (wanted, widest) = (results.run.plan.precision?, results.analysis.widest_interval?);
    (widest <= wanted.share)
        .then(|| format!("Each short state is known to ±{}, as --until asked.", units::percent(widest)))
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

/// The records that agree, if there are several.
fn agreement(records: &Records) -> Option<String> {
    // One file alone agrees with anything.
    if records.files.len() < 2 || !records.disagreements.is_empty() {
        return None;
    }
    let server = (records.with_server > 0).then_some(("the S3 server's log", records.with_server));
    let named = |(name, sessions): (&str, usize)| match sessions {
        _ if sessions == records.sessions => name.to_owned(),
        _ => format!("{name} ({sessions} of {})", records.sessions),
    };
    let files = records.files.iter().map(|(name, sessions)| (name.as_str(), *sessions)).chain(server).map(named);
    let files = files.collect::<Vec<String>>().join(", ");
    Some(format!("The records agree: {} sessions with {} requests, in {files}.", records.sessions, records.requests))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::results::tests::results;
    use crate::analysis::statistics::stats::Interval;

    #[test]
    fn a_path_that_is_not_known_is_named() {
        let mut results = results(Vec::new());
        results.analysis.summary.without_path.push("remote-hit/profile: cut off".to_owned());
        assert_eq!(of_run(&results, false), ["No critical path is known of remote-hit/profile: cut off."]);
    }

    #[test]
    fn records_that_agree_are_named() {
        let files = vec![("session.json".to_owned(), 2), ("request.txt".to_owned(), 1)];
        let mut found = Records { sessions: 2, requests: 40, files, with_server: 2, ..Records::default() };
        let line = "The records agree: 2 sessions with 40 requests, in session.json, request.txt (1 of 2), the S3 server's log.";
        assert_eq!(agreement(&found).unwrap(), line);
        found.disagreements.push("local-hit/1: gets: 7 in session.json, 8 in request.txt".to_owned());
        assert_eq!(agreement(&found), None);
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
