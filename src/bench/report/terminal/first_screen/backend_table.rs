//! The table of several backends: a row for each question, a column for go alone and for each backend.

use crate::analysis::results::Results;
use crate::analysis::statistics::compare::Comparison;
use crate::analysis::study::cases::CaseSummary;
use crate::analysis::study::summary::StateSummary;
use crate::report::terminal::first_screen::state_table::{COMMAND, QUESTIONS, against};
use crate::report::terminal::grid::Grid;
use crate::report::text::answer;
use crate::report::text::cell::Cell;
use crate::report::text::units;
use crate::report::text::wrap::cut;
use crate::scenario::cache_state::CacheState;

/// The longest name of a backend in the header.
const NAME: usize = 14;

/// The answers of all backends in one line; it looks as good or bad as the first one is.
pub fn headline(cases: &[CaseSummary]) -> Cell {
    let answers = names(cases).into_iter().map(|name| {
        let asked = [CacheState::RemoteHit, CacheState::LocalHit];
        let against = asked.into_iter().filter_map(|state| Some((state, find(cases, name, state)?.against_empty?)));
        let against: Vec<(CacheState, Comparison)> = against.collect();
        if against.is_empty() { times(cases, name).into() } else { answer::of_backend(&cut(name, NAME), &against) }
    });
    let answers: Vec<Cell> = answers.collect();
    let text = answers.iter().map(|answer| answer.text.as_str()).collect::<Vec<&str>>().join("; ");
    match answers.first() {
        Some(first) => Cell { text, tone: first.tone },
        None => "No backend was measured".into(),
    }
}

/// The times of a backend where there is nothing to compare them with.
fn times(cases: &[CaseSummary], name: &str) -> String {
    let of = |state, place: &str| {
        let found = find(cases, name, state)?;
        let wall = units::short_durations(&[Some(found.wall_median_ns)]).remove(0);
        Some(format!("{wall} {place}"))
    };
    let asked = [of(CacheState::RemoteHit, "on a fresh machine"), of(CacheState::LocalHit, "on this one")];
    let known: Vec<String> = asked.into_iter().flatten().collect();
    let known = if known.is_empty() { "no build with a full cache".to_owned() } else { known.join(", ") };
    format!("{}: {known}", cut(name, NAME))
}

/// The times in each state, coloured by how they compare with go alone.
pub fn grid(results: &Results) -> Grid {
    let (cases, summary) = (&results.analysis.cases, &results.analysis.summary);
    let names = names(cases);
    let rows = QUESTIONS.into_iter().filter_map(|(question, state, base)| {
        let of_go = summary.state(base);
        let of_backends: Vec<Option<&StateSummary>> = names.iter().map(|name| find(cases, name, state)).collect();
        // Without go-cold there is one row a state, and none for go-warm.
        let is_shown = base == CacheState::GoCold || of_go.is_some();
        if !is_shown || of_backends.iter().all(Option::is_none) {
            return None;
        }
        let walls = std::iter::once(of_go).chain(of_backends.iter().copied());
        let walls = units::short_durations(&walls.map(|found| Some(found?.wall_median_ns)).collect::<Vec<_>>());
        let tones = of_backends.iter().map(|found| found.and_then(|found| against(found, base)));
        let mut row: Vec<Cell> = vec![question.into(), state.name().into(), walls[0].as_str().into()];
        row.extend(walls[1..].iter().zip(tones).map(|(wall, found)| match found {
            Some(found) => Cell::judged(wall.clone(), found.verdict),
            None => wall.as_str().into(),
        }));
        Some(row)
    });
    let command = cut(&results.run.plan.what_is_timed(), COMMAND);
    let titles = names.iter().map(|name| cut(name, NAME));
    let header = [command, String::new(), "go alone".to_owned()].into_iter().chain(titles).collect();
    Grid { header, rows: rows.collect(), left: vec![1], ..Grid::default() }
}

/// The backends in the order of the plan, each once.
fn names(cases: &[CaseSummary]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for case in cases {
        if !names.contains(&case.name.as_str()) {
            names.push(&case.name);
        }
    }
    names
}

fn find<'a>(cases: &'a [CaseSummary], name: &str, state: CacheState) -> Option<&'a StateSummary> {
    let found = cases.iter().find(|case| case.name == name && case.figures.state == state);
    found.map(|case| &case.figures)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::results::tests::results;
    use crate::analysis::study::cases::summaries;
    use crate::analysis::study::cases::tests::measured;
    use crate::analysis::study::summary::tests::measured as of_go;
    use crate::plan::run_plan::tests::plan_of;
    use crate::plan::study::Study;
    use crate::report::text::cell::Tone;
    use crate::scenario::case::tests::case;

    #[test]
    fn each_backend_has_a_column_and_its_answer() {
        let states = [CacheState::GoCold, CacheState::RemoteHit, CacheState::LocalHit];
        let plan = plan_of(&states, vec![case("name = \"mine\""), case("name = \"ours\"")]);
        let mut rounds = of_go(CacheState::GoCold, &[29_000]);
        rounds.extend(measured(CacheState::RemoteHit, Some(0), &[58_000, 58_000, 58_000, 58_000, 58_000]));
        rounds.extend(measured(CacheState::RemoteHit, Some(1), &[700, 700, 700, 710, 710]));
        rounds.extend(measured(CacheState::LocalHit, Some(0), &[14_500, 14_500, 14_500, 14_500, 14_500]));
        let mut run = results(rounds);
        (run.run.plan, run.analysis.cases) = (plan.clone(), summaries(&run.run.rounds, &plan));
        run.run.plan.study = Study::Backends;
        run.update();
        let found = headline(&run.analysis.cases);
        let text = "mine: 2.0x slower on a fresh machine, 2.0x faster on this one; ours: 41x faster on a fresh machine";
        assert_eq!(found, Cell { text: text.to_owned(), tone: Tone::Plain });
        let grid = grid(&run);
        assert_eq!(grid.header[2..], ["go alone", "mine", "ours"]);
        let texts: Vec<Vec<&str>> =
            grid.rows.iter().map(|row| row.iter().map(|cell| cell.text.as_str()).collect()).collect();
        assert_eq!(texts[0], ["fresh machine, full S3", "remote-hit", "29.0 s", "58.0 s", "0.70 s"]);
        assert_eq!(texts[1], ["next build, same disk", "local-hit", "29.0 s", "14.5 s", "–"]);
        assert_eq!(grid.rows[0][3].tone, Tone::Bad);
        run.analysis.cases.iter_mut().for_each(|case| case.figures.against_empty = None);
        let text = "mine: 58.0 s on a fresh machine, 14.5 s on this one; ours: 700 ms on a fresh machine";
        assert_eq!(headline(&run.analysis.cases).text, text);
    }
}
