//! The circumstances of a run in one line, and the warnings that belong beside its numbers.

use crate::bench::analysis::results::Results;
use crate::bench::analysis::study::conditions::{Conditions, Disturbance};
use crate::bench::analysis::study::summary::{BackendSummary, StateSummary};
use crate::bench::report::text::notes;
use crate::bench::report::text::units;
use crate::bench::results::run::Ended;
use crate::bench::scenario::link::Limit;

/// The conditions of a run.
pub fn of_run(results: &Results) -> Conditions {
    let noise = results.analysis.summary.noise_floor.as_ref().map(|floor| floor.share);
    Conditions::of(&results.run.rounds, &results.run.plan, results.run.environment.cores, noise)
}

/// S3, noise, load of the machine, and whether the records agree, as parts of a line.
pub fn parts(results: &Results) -> Vec<String> {
    let conditions = of_run(results);
    let noise = conditions.noise.map(|noise| format!("noise ±{}", units::percent(noise)));
    let machine = match (conditions.others, conditions.disturbance()) {
        (_, Some(Disturbance::OtherPrograms(_))) => "machine busy".to_owned(),
        (Some(_), _) => "machine quiet".to_owned(),
        (None, _) => "load unknown".to_owned(),
    };
    let records = &results.analysis.summary.records;
    let agreement = match records.disagreements.len() {
        _ if !results.run.plan.records => Some("records off".to_owned()),
        0 if records.files.len() < 2 => None,
        0 => Some("records agree".to_owned()),
        _ => Some("RECORDS DISAGREE".to_owned()),
    };
    let mut parts = vec![remote(results)];
    parts.push(noise.unwrap_or_else(|| "noise not measured".to_owned()));
    if results.run.machines.is_empty() {
        parts.push(machine);
    }
    parts.extend(agreement);
    parts
}

/// The warnings of a run, each in a sentence; empty where all is well. `sessions` are the named states and cases.
pub fn warnings(results: &Results, sessions: &[(String, &StateSummary)]) -> Vec<String> {
    let summary = &results.analysis.summary;
    let mut warnings: Vec<String> =
        notes::incomplete(results).map(|what| format!("Incomplete: {what}.")).into_iter().collect();
    if !summary.records.disagreements.is_empty() {
        warnings.push(format!(
            "The records disagree, so do not trust these numbers: {}.",
            summary.records.disagreements.join("; ")
        ));
    }
    for wrong in &summary.out_of_state {
        let (folders, why) = (wrong.folders.join(", "), wrong.why.join("; "));
        warnings.push(format!("Not counted, because not in the state of the name: {folders}: {why}."));
    }
    if !summary.not_measured.is_empty() && results.run.ended == Ended::Complete {
        warnings.push(format!("Planned, and not measured: {}.", summary.not_measured.join(", ")));
    }
    let backends = sessions.iter().filter_map(|(name, state)| Some((name.as_str(), state.backend.as_ref()?)));
    warnings.extend(backends.flat_map(|(name, backend)| of_backend(name, backend)));
    if let Some(until) = results
        .run
        .plan
        .precision
        .filter(|until| results.analysis.widest_interval.is_none_or(|widest| widest > until.share))
    {
        warnings.push(notes::until(until.share, results.analysis.widest_interval));
    }
    warnings
}

/// The reason why a state that finds everything in a cache has misses: go asks for the program that it links, never stores it, and
/// stores only the linker's output (`updateBuildID` in cmd/go/internal/work/buildid.go). None where go stored more than that, because
/// it compiled something.
pub fn misses(name: &str, backend: &BackendSummary) -> Option<String> {
    if backend.misses == 0.0 || backend.puts > backend.misses || backend.hits_local + backend.hits_remote == 0.0 {
        return None;
    }
    let what = if backend.misses == 1.0 { "1 miss".to_owned() } else { format!("{} misses", backend.misses) };
    Some(format!("{name}: {what}, because go does not store linked programs through GOCACHEPROG: it links them again."))
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

fn remote(results: &Results) -> String {
    let plan = &results.run.plan;
    let Some(link) = plan.link else { return "S3 of the S3_ variables".to_owned() };
    if !plan.has_one_link() {
        return "S3: each case has its own link".to_owned();
    }
    let link = plan.cases.first().and_then(|case| case.link).unwrap_or(link);
    let measured =
        results.run.link.map_or(String::new(), |measured| format!(" (measured {:.1})", measured.first_byte_median_ms));
    let bandwidth = link.bandwidth.map_or(String::new(), |_| format!(", {}", Limit(link.bandwidth).name()));
    format!("S3 latency {} ms{measured}{bandwidth}", link.latency_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::analysis::results::tests::results;
    use crate::bench::analysis::study::summary::tests::measured;
    use crate::bench::results::round::LinkMeasured;
    use crate::bench::scenario::cache_state::CacheState;

    #[test]
    fn the_line_has_only_what_is_known() {
        let mut run = results(measured(CacheState::LocalHit, &[100]));
        run.update();
        let expected = ["S3 latency 20 ms", "noise not measured", "load unknown"];
        assert_eq!(parts(&run), expected);
        run.run.link = Some(LinkMeasured { answers: 9, first_byte_median_ms: 20.44, first_byte_p99_ms: 22.0 });
        run.analysis.summary.records.files = vec![("session.json".to_owned(), 1), ("trace.json".to_owned(), 1)];
        assert_eq!(parts(&run)[0], "S3 latency 20 ms (measured 20.4)");
        assert_eq!(parts(&run).last().unwrap(), "records agree");
        run.run.plan.link = None;
        assert_eq!(parts(&run)[0], "S3 of the S3_ variables");
    }

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
        let said = warnings(&run, &[]);
        assert!(said[0].starts_with("Incomplete: ") && said[0].ends_with("was interrupted."), "{said:?}");
        assert!(said[1].contains("do not trust these numbers: local-hit/1: gets: 7"), "{said:?}");
    }

    #[test]
    fn a_miss_after_which_nothing_is_compiled_is_a_linked_program() {
        let mut backend = crate::bench::report::terminal::counts::tests::backend(1072.0, 1.0, 0.0);
        (backend.misses, backend.puts) = (1.0, 1.0);
        let said = misses("local-hit", &backend).unwrap();
        assert!(said.starts_with("local-hit: 1 miss, because go does not store linked programs"), "{said}");
        backend.puts = 3.0;
        assert_eq!(misses("local-hit", &backend), None);
        (backend.uploads_left, backend.remote_errors) = (1, 2);
        let said = of_backend("cold", &backend);
        assert_eq!(said, ["cold: 1 upload still pending at exit.", "cold: 2 requests to S3 failed."]);
    }
}
