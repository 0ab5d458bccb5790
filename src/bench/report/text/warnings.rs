//! The problems of a run, each in a sentence, and why a saved run is not all that was planned.

use crate::analysis::results::Results;
use crate::analysis::study::summary::{BackendSummary, StateSummary};
use crate::report::text::units;
use crate::results::run::Ended;

/// Linked programs are at most this share of the gets of a build.
const MOST_PROGRAMS: f64 = 0.05;

/// The problems of a run, the worst first; empty where all is well. `sessions` are the named states and cases.
pub fn of_run(results: &Results, sessions: &[(String, &StateSummary)]) -> Vec<String> {
    let summary = &results.analysis.summary;
    let mut warnings = Vec::from_iter(incomplete(results).map(|what| format!("Incomplete: {what}.")));
    if !summary.records.disagreements.is_empty() {
        let disagreements = summary.records.disagreements.join("; ");
        warnings.push(format!("The records disagree, so do not trust these numbers: {disagreements}."));
    }
    for wrong in &summary.out_of_state {
        let (folders, why) = (wrong.folders.join(", "), wrong.why.join("; "));
        warnings.push(format!("Not counted, because not in the state of the name: {folders}: {why}."));
    }
    for wrong in &summary.not_in_state {
        let more = match wrong.folders.len() {
            0 | 1 => String::new(),
            all => format!(" and {} more", all - 1),
        };
        let first = wrong.folders.first().map_or("", String::as_str);
        warnings.push(format!("{first}{more} (counted): {}.", wrong.why.join("; ")));
    }
    for left in &summary.left_running {
        warnings.push(format!("Still running a minute after go, and ended then: {left}."));
    }
    if !summary.not_measured.is_empty() {
        warnings.push(format!("Planned, and not measured: {}.", summary.not_measured.join(", ")));
    }
    let backends = sessions.iter().filter_map(|(name, state)| Some((name.as_str(), state.backend.as_ref()?)));
    warnings.extend(backends.flat_map(|(name, backend)| of_backend(name, backend)));
    if let Some(precision) = results.run.plan.precision {
        warnings.extend(too_imprecise(precision.share, results.analysis.widest_interval));
    }
    warnings
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

/// The precision that `--until` asked for was not reached; `widest` is the half of the widest interval.
fn too_imprecise(share: f64, widest: Option<f64>) -> Option<String> {
    let wanted = units::percent(share);
    match widest {
        Some(widest) if widest <= share => None,
        Some(widest) => Some(format!(
            "Not known to ±{wanted} as --until asked, but to ±{}: the time for it was over.",
            units::percent(widest)
        )),
        None => Some(format!("Not known to ±{wanted} as --until asked: there were too few rounds.")),
    }
}

/// The reason why a state that finds everything in a cache has misses: go asks for the program that it links, never stores it, and
/// stores only the linker's output (`updateBuildID` in cmd/go/internal/work/buildid.go). None where there may be another reason: go
/// stored more than that, requests failed, or the misses are too many for programs.
pub fn misses(name: &str, backend: &BackendSummary) -> Option<String> {
    let has_hits = backend.hits_local + backend.hits_remote > 0.0;
    let are_programs = backend.puts <= backend.misses && backend.misses <= MOST_PROGRAMS * backend.gets;
    if backend.misses < 1.0 || !has_hits || !are_programs || backend.remote_errors > 0 {
        return None;
    }
    let what = if backend.misses == 1.0 { "1 miss".to_owned() } else { format!("{} misses", backend.misses) };
    Some(format!(
        "{name}: {what}, probably because go does not store linked programs through GOCACHEPROG: it links them again."
    ))
}

fn of_backend(name: &str, backend: &BackendSummary) -> Vec<String> {
    let count = |number: u64, thing: &str| units::counted(usize::try_from(number).unwrap_or(usize::MAX), thing);
    let mut warnings = Vec::new();
    if backend.uploads_left > 0 {
        warnings.push(format!("{name}: {} still pending at exit.", count(backend.uploads_left, "upload")));
    }
    if let Some(reason) = &backend.remote_off {
        warnings.push(format!("{name}: S3 was given up: {reason}."));
    } else if backend.remote_errors > 0 {
        warnings.push(format!("{name}: {} to S3 failed.", count(backend.remote_errors, "request")));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::results::tests::results;
    use crate::analysis::study::summary::tests::measured;
    use crate::scenario::cache_state::CacheState;

    #[test]
    fn warnings_are_sentences() {
        let mut run = results(measured(CacheState::LocalHit, &[100]));
        run.update();
        run.run.ended = Ended::Interrupted;
        run.analysis
            .summary
            .records
            .disagreements
            .push("local-hit/1: gets: 7 in session.json, 8 in request.txt".to_owned());
        let said = of_run(&run, &[]);
        assert!(said[0].starts_with("Incomplete: ") && said[0].ends_with("was interrupted."), "{said:?}");
        assert!(said[1].contains("do not trust these numbers: local-hit/1: gets: 7"), "{said:?}");
    }

    #[test]
    fn a_miss_after_which_nothing_is_compiled_is_a_linked_program() {
        let mut backend = crate::report::terminal::counts::tests::backend(1072.0, 1.0, 0.0);
        (backend.misses, backend.puts) = (1.0, 1.0);
        let said = misses("local-hit", &backend).unwrap();
        assert!(said.starts_with("local-hit: 1 miss, probably because go does not store linked programs"), "{said}");
        backend.puts = 3.0;
        assert_eq!(misses("local-hit", &backend), None);
        (backend.misses, backend.puts) = (100.0, 100.0);
        assert_eq!(misses("remote-hit", &backend), None, "more than programs");
        (backend.misses, backend.puts, backend.remote_errors) = (1.0, 1.0, 1);
        assert_eq!(misses("remote-hit", &backend), None, "a request failed");
        backend.puts = 3.0;
        (backend.uploads_left, backend.remote_errors) = (1, 2);
        let said = of_backend("cold", &backend);
        assert_eq!(said, ["cold: 1 upload still pending at exit.", "cold: 2 requests to S3 failed."]);
    }
}
