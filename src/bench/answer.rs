//! The sentence that answers the workshop's question for this machine and this link.

use super::compare::{Comparison, Verdict};
use super::leg::Leg;
use super::summary::Summary;
use super::units;

const QUESTION: &str = "Did the build get faster with GOCACHEPROG?";

/// The question and its answer, without line breaks.
pub fn sentence(summary: &Summary) -> String {
    let against_empty = |leg| summary.leg(leg).and_then(|leg| leg.against_empty);
    let hits = [("from the remote", against_empty(Leg::B)), ("from local disk", against_empty(Leg::A))];
    let known: Vec<(&str, Comparison)> = hits.into_iter().filter_map(|(what, found)| Some((what, found?))).collect();
    if known.is_empty() {
        return format!(
            "{QUESTION} This run cannot tell: that takes baseline-empty and one of b and a, each in its state."
        );
    }
    let parts: Vec<String> = known.iter().map(|(what, found)| format!("{what} {}", phrase(found))).collect();
    let mut text = format!("{QUESTION} {} Against an empty cache: {}", verdict(&known), parts.join(", "));
    if let Some(filling) = against_empty(Leg::C) {
        text += &format!("; filling both stores (c): {}", phrase_of_filling(&filling, summary.noise));
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
        () => "No difference that could be measured.",
    }
}

fn against_full(summary: &Summary) -> String {
    let found = [("from local disk", Leg::A), ("from the remote", Leg::B)];
    let parts = found.into_iter().filter_map(|(what, leg)| {
        let found = summary.leg(leg)?.against_full?;
        Some(format!("{what} {}", phrase(&found)))
    });
    let parts: Vec<String> = parts.collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!(" Against go's own full cache: {}.", parts.join(", ")),
    }
}

/// `45× faster`, `10 % slower`, `the same`; a question mark where the noise is not known.
pub fn phrase(found: &Comparison) -> String {
    let slower = found.ratio > 1.0;
    let word = if slower { "slower" } else { "faster" };
    let size = found.ratio.max(1.0 / found.ratio);
    let size = match size < 1.995 {
        true if slower => units::percent(found.ratio - 1.0),
        true => units::percent(1.0 - found.ratio),
        false => units::factor(size),
    };
    match found.verdict {
        Verdict::Same => "the same".to_owned(),
        Verdict::NoiseUnknown => format!("{size} {word} (noise not known)"),
        Verdict::Faster | Verdict::Slower => format!("{size} {word}"),
    }
}

fn phrase_of_filling(found: &Comparison, noise: Option<f64>) -> String {
    let sign = if found.ratio >= 1.0 { "+" } else { "−" };
    let difference = format!("{sign}{}", units::percent((found.ratio - 1.0).abs()));
    let borrowed = if found.pairs <= 2 { " of the short runs" } else { "" };
    match (found.verdict, noise) {
        (Verdict::Same, Some(noise)) => {
            format!("nothing measurable ({difference}, noise{borrowed} ±{})", units::percent(noise))
        }
        _ => phrase(found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::measured;
    use super::*;

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
             local disk 97× faster; filling both stores (c): nothing measurable (+0.1 %, noise of the short runs ±0.4 \
             %). Against go's own full cache: from local disk 9.9 % slower, from the remote 2.4× slower."
        );
    }

    #[test]
    fn without_a_baseline_there_is_no_answer() {
        assert!(of(&[(Leg::A, &[1, 2, 3])]).contains("cannot tell"));
    }

    #[test]
    fn single_rounds_say_that_the_noise_is_not_known() {
        let text = of(&[(Leg::BaselineEmpty, &[100]), (Leg::A, &[50])]);
        assert!(
            text.contains(
                "Too few rounds to say. Against an empty cache: from local disk 2.0× faster (noise not known)"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_slow_remote_is_no_gain() {
        let text = of(&[(Leg::BaselineEmpty, &[100, 101, 102]), (Leg::B, &[150, 151, 152])]);
        assert!(text.contains("No. Against an empty cache: from the remote 50 % slower"), "{text}");
    }
}
