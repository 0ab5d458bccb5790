//! The table of the cache states by the question that each answers, and the time of a build in parts.

use crate::analysis::results::Results;
use crate::analysis::statistics::compare::Comparison;
use crate::analysis::study::summary::StateSummary;
use crate::report::terminal::grid::Grid;
use crate::report::terminal::time_breakdown;
use crate::report::text::answer;
use crate::report::text::cell::Cell;
use crate::report::text::files;
use crate::report::text::units;
use crate::report::text::wrap::cut;
use crate::scenario::cache_state::CacheState;

/// The longest command in the header.
pub const COMMAND: usize = 22;
/// Parts of a build that its line always has; the others only if they are not [`NOTHING`].
const ALWAYS: usize = 4;
const NOTHING: &str = "0 %";

/// One row for each question: what is asked, the state with a backend, and the state of go that it is compared with.
pub const QUESTIONS: [(&str, CacheState, CacheState); 5] = [
    ("fresh machine, full S3", CacheState::RemoteHit, CacheState::GoCold),
    ("first build, fills S3", CacheState::Cold, CacheState::GoCold),
    ("next build, same disk", CacheState::LocalHit, CacheState::GoCold),
    ("go's own cache is warm", CacheState::LocalHit, CacheState::GoWarm),
    ("go's own cache is warm", CacheState::RemoteHit, CacheState::GoWarm),
];

/// The rows whose states were measured; the states of go alone where no backend was.
pub fn grid(results: &Results) -> Grid {
    let summary = &results.analysis.summary;
    let measured = |state: CacheState| summary.state(state);
    let has_base = |state: &StateSummary| state.against_empty.is_some() || state.against_full.is_some();
    let rows = QUESTIONS.into_iter().filter_map(|(question, state, base)| {
        let (state, of_go) = (measured(state)?, measured(base));
        // A state that is compared with nothing has one row.
        let is_shown = of_go.is_some() || (base == CacheState::GoCold && !has_base(state));
        is_shown.then_some((question, Some(state), of_go))
    });
    let mut rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        rows = summary.states.iter().map(|state| ("", None, Some(state))).collect();
    }
    let median = |state: Option<&StateSummary>| state.map(|state| state.wall_median_ns);
    let times: Vec<Option<f64>> = rows.iter().flat_map(|(_, state, base)| [median(*base), median(*state)]).collect();
    let times = units::short_durations(&times);
    let is_against_warm = |base: Option<&StateSummary>| base.is_some_and(|base| base.state == CacheState::GoWarm);
    let first_warm = rows.iter().position(|(_, _, base)| is_against_warm(*base));
    let rows = rows.iter().zip(times.chunks_exact(2)).enumerate().map(|(at, ((question, state, base), times))| {
        // The question of the rows against go-warm stands in the first of them.
        let shown = if is_against_warm(*base) && Some(at) != first_warm { "" } else { question };
        let name = state.or(*base).map_or("", |state| state.state.name());
        vec![shown.into(), name.into(), times[0].as_str().into(), times[1].as_str().into(), judged(*state, *base)]
    });
    let command = cut(&results.run.plan.what_is_timed(), COMMAND);
    let header = [command.as_str(), "", "go alone", "cacheprog", ""];
    Grid { left: vec![1, 4], ..Grid::new(&header, rows.collect()) }
}

/// The comparison of a state with one of go alone.
pub fn against(state: &StateSummary, base: CacheState) -> Option<Comparison> {
    if base == CacheState::GoCold { state.against_empty } else { state.against_full }
}

fn judged(state: Option<&StateSummary>, base: Option<&StateSummary>) -> Cell {
    let (Some(state), Some(base)) = (state, base) else { return "".into() };
    let found = against(state, base.state);
    let rounds = state.walls_ns.len().min(base.walls_ns.len());
    found.map_or("".into(), |found| answer::judged(&found, rounds))
}

/// The wall time of the build whose trace is named, in parts.
pub fn breakdown(results: &Results) -> Option<Vec<String>> {
    let (state, breakdown) = files::telling(results)?;
    let wall = units::short_durations(&[Some(breakdown.parts.wall_ns as f64)]).remove(0);
    let names = ["startup", "go", "overlapped", "blocked", "close", "exit"];
    let shares = names.into_iter().zip(time_breakdown::shares(&breakdown.parts)).enumerate();
    let mut parts: Vec<String> = shares
        .filter(|(at, (_, share))| *at < ALWAYS || share != NOTHING)
        .map(|(_, (name, share))| format!("{name} {share}"))
        .collect();
    parts[0] = format!("{wall} of {state}: {}", parts[0]);
    Some(parts)
}
