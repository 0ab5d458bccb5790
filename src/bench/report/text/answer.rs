//! The sentence that answers the workshop's question for this machine and this link.

use crate::bench::analysis::results::Results;
use crate::bench::analysis::statistics::compare::{Comparison, Verdict};
use crate::bench::analysis::study::summary::Summary;
use crate::bench::report::text::comparison;
use crate::bench::scenario::cache_state::CacheState;

/// What everybody asks.
pub const QUESTION: &str = "Did the build get faster with GOCACHEPROG?";

/// The question and its answer, without line breaks.
pub fn sentence(summary: &Summary) -> String {
    format!("{QUESTION} {}", answer(summary))
}

/// The answer of a run that asked that question: of states, without cases.
pub fn of_run(results: &Results) -> Option<String> {
    let asks = results.analysis.network.is_none()
        && results.analysis.cases.is_empty()
        && !results.analysis.summary.states.is_empty();
    asks.then(|| answer(&results.analysis.summary))
}

fn answer(summary: &Summary) -> String {
    let against_empty = |state| summary.state(state).and_then(|state| state.against_empty);
    let hits = [
        ("from the remote", against_empty(CacheState::RemoteHit)),
        ("from local disk", against_empty(CacheState::LocalHit)),
    ];
    let known: Vec<(&str, Comparison)> = hits.into_iter().filter_map(|(what, found)| Some((what, found?))).collect();
    if known.is_empty() {
        let text = "This run cannot tell: that takes go-cold and one of b and a, each in its state.";
        return format!("{text}{}", against_full(summary));
    }
    let parts: Vec<String> = known.iter().map(|(what, found)| format!("{what} {}", comparison::long(found))).collect();
    let mut text = format!("{} Against an empty cache: {}", verdict(&known), parts.join(", "));
    if let Some(filling) = against_empty(CacheState::Cold) {
        text += &format!("; filling both stores (c): {}", comparison::long(&filling));
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
    let found = [("from local disk", CacheState::LocalHit), ("from the remote", CacheState::RemoteHit)];
    let parts = found.into_iter().filter_map(|(what, state)| {
        let found = summary.state(state)?.against_full?;
        Some(format!("{what} {}", comparison::long(&found)))
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
    use crate::bench::analysis::study::summary::tests::{measured, summary};

    fn of(states: &[(CacheState, &[u64])]) -> String {
        let rounds: Vec<_> = states.iter().flat_map(|(state, walls)| measured(*state, walls)).collect();
        sentence(&summary(&rounds))
    }

    #[test]
    fn five_runs_give_the_whole_answer() {
        let text = of(&[
            (CacheState::GoCold, &[28_000]),
            (CacheState::GoWarm, &[260, 261, 262, 263, 264]),
            (CacheState::Cold, &[28_040]),
            (CacheState::RemoteHit, &[618, 619, 620, 621, 622]),
            (CacheState::LocalHit, &[286, 287, 288, 289, 290]),
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
        assert!(of(&[(CacheState::LocalHit, &[1, 2, 3])]).contains("cannot tell"));
    }

    #[test]
    fn single_rounds_say_that_the_noise_is_not_known() {
        let text = of(&[(CacheState::GoCold, &[100]), (CacheState::LocalHit, &[80])]);
        let expected = "Too few rounds to say. Against an empty cache: from local disk 1.2× faster? (too few rounds";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn a_slow_remote_is_no_gain() {
        let text = of(&[(CacheState::GoCold, &[100, 101, 102]), (CacheState::RemoteHit, &[150, 151, 152])]);
        assert!(text.contains("No. Against an empty cache: from the remote 1.5× slower"), "{text}");
    }
}
