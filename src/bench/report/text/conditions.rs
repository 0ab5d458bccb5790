//! The circumstances of a run in one line.

use crate::analysis::results::Results;
use crate::analysis::study::conditions::{Conditions, Disturbance};
use crate::plan::study::Study;
use crate::report::text::units;
use crate::scenario::link::bandwidth::Limit;

/// The conditions of a run.
pub fn of_run(results: &Results) -> Conditions {
    let noise = results.analysis.summary.noise_floor.as_ref().map(|floor| floor.share);
    Conditions::of(&results.run.rounds, &results.run.plan, results.run.environment.cores, noise)
}

/// The disturbance that makes the numbers of a run worthless. Machines side by side and injected bottlenecks load the machine
/// themselves, and are not judged by it.
pub fn disturbance(results: &Results) -> Option<Disturbance> {
    match results.run.plan.study {
        Study::Machines { .. } | Study::Injected { .. } => None,
        _ => of_run(results).disturbance(),
    }
}

/// S3, noise, load of the machine, and whether the records agree, as parts of a line.
pub fn parts(results: &Results) -> Vec<String> {
    let conditions = of_run(results);
    let noise = conditions.noise.map(|noise| format!("noise ±{}", units::percent(noise)));
    let machine = match (conditions.others, conditions.disturbance()) {
        (_, Some(Disturbance::OtherPrograms(_))) => "machine busy".to_owned(),
        (_, Some(Disturbance::Noise(_))) => "machine noisy".to_owned(),
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
    use crate::analysis::results::tests::results;
    use crate::analysis::statistics::noise::NoiseFloor;
    use crate::analysis::statistics::stats::Interval;
    use crate::analysis::study::summary::tests::measured;
    use crate::results::round::LinkMeasured;
    use crate::scenario::cache_state::CacheState;

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
    fn a_noisy_machine_is_not_called_quiet() {
        let mut run = results(measured(CacheState::LocalHit, &[100]));
        run.update();
        let interval = Interval { low: 0.75, high: 1.0, coverage: 0.99 };
        run.analysis.summary.noise_floor = Some(NoiseFloor { pairs: 9, ratio: 1.0, interval, share: 0.25 });
        assert_eq!(parts(&run)[1..3], ["noise ±25 %", "machine noisy"]);
    }
}
