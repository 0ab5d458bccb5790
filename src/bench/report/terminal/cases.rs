//! The tables of a scenario with cases: how long each took, and what its backend did.

use crate::analysis::results::Results;
use crate::analysis::statistics::compare::Comparison;
use crate::analysis::study::cases::CaseSummary;
use crate::analysis::study::summary::{BackendSummary, StateSummary};
use crate::report::terminal::dots;
use crate::report::terminal::grid::Grid;
use crate::report::terminal::states::{compared, spread};
use crate::report::text::comparison;
use crate::report::text::units;
use crate::report::text::units::Column;
use crate::scenario::cache_state::CacheState;

/// The states that all cases share, then each state under each case, with their names.
pub fn figures(results: &Results) -> Vec<(String, &StateSummary)> {
    let shared = results.analysis.summary.states.iter().map(|state| (state.state.to_string(), state));
    let of_cases =
        names(&results.analysis.cases).into_iter().zip(results.analysis.cases.iter().map(|case| &case.figures));
    shared.chain(of_cases).collect()
}

/// Times: a row for each of [`figures`].
pub fn times(results: &Results) -> Grid {
    let rows = figures(results);
    let walls = units::durations(&rows.iter().map(|(_, state)| Some(state.wall_median_ns)).collect::<Vec<_>>());
    let samples: Vec<Vec<f64>> =
        rows.iter().map(|(_, state)| state.walls_ns.iter().map(|wall| *wall as f64).collect()).collect();
    let dots = dots::rows(&samples.iter().map(Vec::as_slice).collect::<Vec<&[f64]>>());
    let row = |((name, state), wall): ((String, &StateSummary), String), dots: String| {
        vec![
            name.into(),
            wall.into(),
            spread(state.wall_spread),
            compared(state.against_full),
            interval(state.against_full).into(),
            compared(state.against_empty),
            state.walls_ns.len().to_string().into(),
            dots.into(),
        ]
    };
    let header = ["case", "wall", "spread", "against go-warm", "interval", "against go-cold", "rounds", "samples"];
    let rows = rows.into_iter().zip(walls).zip(dots).map(|(state, dots)| row(state, dots));
    Grid { drawing: Some(header.len() - 1), ..Grid::new(&header, rows.collect()) }
}

/// The requests of the backends; cases without one are left out.
pub fn counts(cases: &[CaseSummary]) -> Grid {
    let named = cases.iter().zip(names(cases));
    let (names, backends): (Vec<String>, Vec<&BackendSummary>) =
        named.filter_map(|(case, name)| Some((name, case.figures.backend.as_ref()?))).unzip();
    let count = |pick: &dyn Fn(&BackendSummary) -> f64| Column {
        unit: None,
        cells: backends.iter().map(|backend| units::count(Some(pick(backend)))).collect(),
    };
    let values = |pick: &dyn Fn(&BackendSummary) -> Option<f64>| -> Vec<Option<f64>> {
        backends.iter().map(|backend| pick(backend)).collect()
    };
    let columns = [
        ("case", Column { unit: None, cells: names }),
        ("hits", count(&|backend| backend.hits_local + backend.hits_remote)),
        ("misses", count(&|backend| backend.misses)),
        ("puts", count(&|backend| backend.puts)),
        ("S3 reqs", count(&|backend| backend.remote_requests)),
        ("down", units::size_column(&values(&|backend| Some(backend.bytes_down)))),
        ("up", units::size_column(&values(&|backend| Some(backend.bytes_up)))),
        ("get p50", units::duration_column(&values(&|backend| backend.get_p50_ns))),
        ("p99", units::duration_column(&values(&|backend| backend.get_p99_ns))),
        ("backend cpu", units::duration_column(&values(&|backend| backend.cpu_ns))),
        ("peak", units::size_column(&values(&|backend| backend.peak_rss_bytes))),
    ];
    Grid::of_columns(&columns)
}

/// A sentence for each case that lacks a pack option, or has a change: its time against the case that it is compared with.
pub fn sentences(cases: &[CaseSummary]) -> Vec<String> {
    let lacking = cases.iter().filter_map(|case| Some((case, case.against_baseline?)));
    lacking.map(|(case, worth)| format!("{}: {}{}", case.name, comparison::long(&worth), range(&worth))).collect()
}

/// The names of the cases in tables; that of the state stands in front where more than one with a backend runs under cases.
pub fn names(cases: &[CaseSummary]) -> Vec<String> {
    let mut states = cases.iter().map(|case| case.figures.state).filter(|state| state.uses_backend());
    let first = states.next();
    let several = states.any(|state| Some(state) != first);
    let name = |case: &CaseSummary| match case.figures.state {
        CacheState::GoCold | CacheState::GoWarm => format!("go alone: {}", case.name),
        state if several => format!("{state} · {}", case.name),
        _ => case.name.clone(),
    };
    cases.iter().map(name).collect()
}

fn interval(found: Option<Comparison>) -> String {
    let interval = found.and_then(|found| found.interval);
    interval.map_or(units::MISSING.to_owned(), |found| format!("{:.2} to {:.2}", found.low, found.high))
}

fn range(found: &Comparison) -> String {
    match found.interval {
        Some(interval) => format!(" ({:.2} times as long, {:.2} to {:.2}).", found.ratio, interval.low, interval.high),
        None => format!(" ({:.2} times as long).", found.ratio),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::cases::summaries;
    use crate::analysis::study::cases::tests::measured;
    use crate::plan::run_plan::tests::plan_of;
    use crate::scenario::case::tests::case;

    #[test]
    fn the_worth_of_a_pack_option_is_a_sentence() {
        let plan = plan_of(
            &[CacheState::RemoteHit],
            vec![
                case("name = \"pack\"\nstrategy = \"pack\""),
                case("name = \"without prefetch\"\nstrategy = \"pack\"\nwithout = [\"prefetch\"]"),
            ],
        );
        let mut rounds = measured(CacheState::RemoteHit, Some(0), &[100, 100, 100, 100, 100]);
        rounds.extend(measured(CacheState::RemoteHit, Some(1), &[180, 190, 200, 210, 220]));
        let cases = summaries(&rounds, &plan);
        assert_eq!(sentences(&cases), ["without prefetch: 2.0x slower (2.00 times as long, 1.80 to 2.20)."]);
        assert_eq!(names(&cases), ["pack", "without prefetch"]);
    }

    #[test]
    fn several_states_have_different_names() {
        let plan = plan_of(
            &[CacheState::GoWarm, CacheState::RemoteHit, CacheState::LocalHit],
            vec![case("name = \"edit\"\nchange = \"edit-one-file\"")],
        );
        let states = [CacheState::GoWarm, CacheState::RemoteHit, CacheState::LocalHit];
        let rounds: Vec<_> = states.into_iter().flat_map(|state| measured(state, Some(0), &[100])).collect();
        assert_eq!(names(&summaries(&rounds, &plan)), ["go alone: edit", "remote-hit · edit", "local-hit · edit"]);
    }
}
