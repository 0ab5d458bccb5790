//! The sentence that answers the workshop's question for this machine and this link.

use super::results::Results;
use super::wording;
use crate::bench::analysis::compare::{Comparison, Verdict};
use crate::bench::analysis::summary::Summary;
use crate::bench::planning::leg::Leg;

/// What everybody asks.
pub const QUESTION: &str = "Did the build get faster with GOCACHEPROG?";

/// The question and its answer, without line breaks.
pub fn sentence(summary: &Summary) -> String {
    format!("{QUESTION} {}", answer(summary))
}

/// The answer of a run that asked that question: of legs, without cases.
pub fn of_run(results: &Results) -> Option<String> {
    let asks = results.network.is_none() && results.cases.is_empty() && !results.summary.legs.is_empty();
    asks.then(|| answer(&results.summary))
}

fn answer(summary: &Summary) -> String {
    let against_empty = |leg| summary.leg(leg).and_then(|leg| leg.against_empty);
    let hits = [("from the remote", against_empty(Leg::B)), ("from local disk", against_empty(Leg::A))];
    let known: Vec<(&str, Comparison)> = hits.into_iter().filter_map(|(what, found)| Some((what, found?))).collect();
    if known.is_empty() {
        let text = "This run cannot tell: that takes baseline-empty and one of b and a, each in its state.";
        return format!("{text}{}", against_full(summary));
    }
    let parts: Vec<String> = known.iter().map(|(what, found)| format!("{what} {}", wording::long(found))).collect();
    let mut text = format!("{} Against an empty cache: {}", verdict(&known), parts.join(", "));
    if let Some(filling) = against_empty(Leg::C) {
        text += &format!("; filling both stores (c): {}", wording::long(&filling));
    }
    text.push('.');
    text + &against_full(summary)
}

fn verdict(known: &[(&str, Comparison)]) -> &'static str {
    let any = |wanted| known.iter().any(|(_, found)| found.verdict == wanted);
    let all = |wanted| known.iter().all(|(_, found)| found.verdict == wanted);
    match () {
        () if all(Verdict::Faster) => "Yes.",
        () if any(Verdict::Faster) => "In part.",
        () if all(Verdict::NoiseUnknown) => "Too few rounds to say.",
        () if any(Verdict::Slower) => "No.",
        () if all(Verdict::Same) => "No difference.",
        () => "No difference that could be told.",
    }
}

fn against_full(summary: &Summary) -> String {
    let found = [("from local disk", Leg::A), ("from the remote", Leg::B)];
    let parts = found.into_iter().filter_map(|(what, leg)| {
        let found = summary.leg(leg)?.against_full?;
        Some(format!("{what} {}", wording::long(&found)))
    });
    let parts: Vec<String> = parts.collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!(" Against go's own full cache: {}.", parts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::analysis::summary::tests::measured;

    fn of(legs: &[(Leg, &[u64])]) -> String {
        let rounds: Vec<_> = legs.iter().flat_map(|(leg, walls)| measured(*leg, walls)).collect();
        sentence(&Summary::of(&rounds, false))
    }

    #[test]
    fn five_runs_give_the_whole_answer() {
        let text = of(&[
            (Leg::BaselineEmpty, &[28_000]),
            (Leg::BaselineFull, &[260, 261, 262, 263, 264]),
            (Leg::C, &[28_040]),
            (Leg::B, &[618, 619, 620, 621, 622]),
            (Leg::A, &[286, 287, 288, 289, 290]),
        ]);
        assert_eq!(
            text,
            "Did the build get faster with GOCACHEPROG? Yes. Against an empty cache: from the remote 45× faster, from \
             local disk 97× faster; filling both stores (c): 1.00×? (too few rounds to know the noise). Against go's \
             own full cache: from local disk 1.1× slower, from the remote 2.4× slower."
        );
    }

    #[test]
    fn without_a_baseline_there_is_no_answer() {
        assert!(of(&[(Leg::A, &[1, 2, 3])]).contains("cannot tell"));
    }

    #[test]
    fn single_rounds_say_that_the_noise_is_not_known() {
        let text = of(&[(Leg::BaselineEmpty, &[100]), (Leg::A, &[80])]);
        let expected = "Too few rounds to say. Against an empty cache: from local disk 1.2× faster? (too few rounds";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn a_slow_remote_is_no_gain() {
        let text = of(&[(Leg::BaselineEmpty, &[100, 101, 102]), (Leg::B, &[150, 151, 152])]);
        assert!(text.contains("No. Against an empty cache: from the remote 1.5× slower"), "{text}");
    }
}
