//! The differences between two runs or two backends: a table, and words.

use crate::analysis::statistics::compare::Verdict;
use crate::analysis::study::differences::{Difference, Differences};
use crate::report::terminal::grid::Grid;
use crate::report::text::cell::Cell;
use crate::report::text::comparison;
use crate::report::text::units;

/// One row for each state.
pub fn grid(found: &Differences) -> Grid {
    // Together, so that both sides have one unit.
    let medians: Vec<Option<f64>> = found.states.iter().flat_map(|one| one.medians_ns.map(Some)).collect();
    let medians = units::durations(&medians);
    let row = |(one, medians): (&Difference, &[String])| {
        let range = |low, high| format!("{} to {}", comparison::signed(low), comparison::signed(high));
        let interval = one.interval.map(|interval| range(interval.low, interval.high));
        let coverage = one.interval.map(|interval| units::percent(interval.coverage));
        let missing = || units::MISSING.to_owned();
        vec![
            one.name.as_str().into(),
            Cell::judged(word(one), one.verdict),
            comparison::signed(one.ratio).into(),
            interval.unwrap_or_else(missing).into(),
            medians[0].as_str().into(),
            medians[1].as_str().into(),
            format!("{}, {}", one.rounds[0], one.rounds[1]).into(),
            coverage.unwrap_or_else(missing).into(),
        ]
    };
    let header = ["state", "the second is", "difference", "interval", "first", "second", "rounds", "confidence"];
    let rows = found.states.iter().zip(medians.chunks_exact(2)).map(row);
    Grid::new(&header, rows.collect())
}

/// The result, and what it rests on.
pub fn words(found: &Differences) -> Vec<String> {
    let states: Vec<String> = found.states.iter().map(|one| format!("{} {}", one.name, word(one))).collect();
    let [first, second] = &found.names;
    let mut words = match states.is_empty() {
        true => vec![format!("{second} against {first}: nothing could be compared.")],
        false => vec![format!("{second} (second) against {first} (first): {}.", states.join(", ")), floor(found)],
    };
    if !found.only_in_one.is_empty() {
        let what = match found.side_by_side {
            true => "Not compared, because one side has no round that counts",
            false => "Only in one of the two",
        };
        words.push(format!("{what}: {}.", found.only_in_one.join(", ")));
    }
    words
}

/// The sentence on `--fail-over`: `slower` are the states that are slower by more than `limit`, a share.
pub fn limit(limit: f64, slower: &[&Difference]) -> String {
    let names: Vec<&str> = slower.iter().map(|one| one.name.as_str()).collect();
    let limit = units::percent(limit);
    match names.is_empty() {
        true => format!("No state is clearly slower by more than {limit}."),
        false => format!("SLOWER BY MORE THAN {limit}: {}.", names.join(", ")),
    }
}

fn word(one: &Difference) -> String {
    match one.verdict {
        Verdict::NoiseUnknown => "too few rounds".to_owned(),
        verdict => comparison::of_verdict(verdict, one.ratio),
    }
}

fn floor(found: &Differences) -> String {
    let floor = found.floor.map(units::percent);
    match (found.side_by_side, floor) {
        (true, Some(floor)) => format!(
            "They ran side by side in each round. The noise is {floor} (go-warm against itself): smaller differences of the \
             short states are within it."
        ),
        (true, None) => "They ran side by side in each round. The noise was not measured (that takes go-warm and \
                         five rounds), so the intervals alone decide."
            .to_owned(),
        (false, Some(floor)) => format!(
            "The runs were not side by side: go-warm, which needs no backend, differed by up to {floor} between them. Smaller \
             differences are within the noise."
        ),
        (false, None) => {
            "The runs were not side by side, and without go-warm the noise between them is not known.".to_owned()
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::analysis::statistics::stats::Interval;
    use crate::scenario::cache_state::CacheState;

    fn difference(name: &str, ratio: f64, verdict: Verdict) -> Difference {
        let interval = Some(Interval { low: ratio - 0.02, high: ratio + 0.02, coverage: 0.993 });
        let interval = interval.filter(|_| verdict != Verdict::NoiseUnknown);
        let medians_ns = [1e9, 1e9 * ratio];
        Difference {
            name: name.to_owned(),
            state: CacheState::LocalHit,
            rounds: [21, 20],
            medians_ns,
            ratio,
            interval,
            verdict,
        }
    }

    /// Two backends in three states.
    pub fn found() -> Differences {
        let states = vec![
            difference("c", 1.4, Verdict::NoiseUnknown),
            difference("b · a|b", 0.99, Verdict::Same),
            difference("a", 1.25, Verdict::Slower),
        ];
        let names = ["HEAD~3 1a2b3c4", "this build"].map(str::to_owned);
        Differences { names, side_by_side: true, floor: Some(0.03), states, only_in_one: Vec::new() }
    }

    #[test]
    fn a_row_has_difference_interval_and_words() {
        let grid = grid(&found());
        let row = |at: usize| grid.rows[at].iter().map(|cell| cell.text.as_str()).collect::<Vec<&str>>();
        assert_eq!(row(0)[..4], ["c", "too few rounds", "+40 %", "–"]);
        assert_eq!(row(1)[1..4], ["the same", "−1.0 %", "−3.0 % to +1.0 %"]);
        assert_eq!(row(2), ["a", "1.2x slower", "+25 %", "+23 % to +27 %", "1.00 s", "1.25 s", "21, 20", "99 %"]);
    }

    #[test]
    fn words_name_both_sides_and_what_is_slower() {
        let words = words(&found());
        let expected =
            "this build (second) against HEAD~3 1a2b3c4 (first): c too few rounds, b · a|b the same, a 1.2x slower.";
        assert_eq!(words[0], expected);
        assert!(words[1].contains("The noise is 3.0 %"), "{words:?}");
        let slower = difference("a", 1.25, Verdict::Slower);
        assert_eq!(limit(0.05, &[&slower]), "SLOWER BY MORE THAN 5.0 %: a.");
        let nothing = Differences { states: Vec::new(), only_in_one: vec!["a".to_owned()], ..found() };
        let expected = "Not compared, because one side has no round that counts: a.";
        assert_eq!(super::words(&nothing)[1..], [expected]);
        assert_eq!(limit(0.05, &[]), "No state is clearly slower by more than 5.0 %.");
    }
}
