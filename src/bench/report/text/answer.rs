//! The answer to the workshop's question: did the build get faster?

use crate::bench::analysis::statistics::compare::{Comparison, Verdict};
use crate::bench::analysis::study::summary::Summary;
use crate::bench::report::text::comparison;
use crate::bench::results::run::Results;
use crate::bench::scenario::cache_state::CacheState;

/// The title of the report.
pub const QUESTION: &str = "Did the build get faster with GOCACHEPROG?";
/// The answer of a run that has no baseline, or no state with the backend.
const NO_ANSWER: &str = "No answer: that needs go-cold or go-warm, and remote-hit or local-hit, each in its state";

/// The first line of the first screen: on a fresh machine, on this machine again, and against go's own cache.
pub fn headline(summary: &Summary) -> String {
    let places = [(CacheState::RemoteHit, "on a fresh machine"), (CacheState::LocalHit, "on this one")];
    let known: Vec<(Comparison, &str)> = places
        .into_iter()
        .filter_map(|(state, place)| Some((against(summary, state, CacheState::GoCold)?, place)))
        .collect();
    let warm = [CacheState::LocalHit, CacheState::RemoteHit]
        .into_iter()
        .find_map(|state| against(summary, state, CacheState::GoWarm));
    let mut parts: Vec<String> =
        known.iter().map(|(found, place)| format!("{} {place}", comparison::short(found))).collect();
    // "42× faster on a fresh machine, 94× on this one" fits on a line.
    if parts.len() == 2 && verdict(&known) == "Yes" {
        parts[1] = parts[1].replacen(" faster", "", 1);
    }
    match warm {
        None if parts.is_empty() => NO_ANSWER.to_owned(),
        None => format!("{}: {}", verdict(&known), parts.join(", ")),
        Some(warm) if parts.is_empty() => format!("{} is {}", warm.state, against_own_cache(&warm)),
        Some(warm) => format!("{}: {}; {}", verdict(&known), parts.join(", "), against_own_cache(&warm)),
    }
}

/// The title and its answer in sentences, without line breaks: each state against go-cold, then against go-warm.
pub fn sentence(summary: &Summary) -> String {
    format!("{QUESTION} {}", answer(summary))
}

/// The sentences of a run that asks the question: one of cache states, without cases.
pub fn of_run(results: &Results) -> Option<String> {
    let asks = results.network.is_none() && results.cases.is_empty() && !results.summary.states.is_empty();
    asks.then(|| answer(&results.summary))
}

fn answer(summary: &Summary) -> String {
    let cold = differences(summary, CacheState::GoCold);
    let warm = differences(summary, CacheState::GoWarm);
    let hits: Vec<(Comparison, &str)> = [CacheState::RemoteHit, CacheState::LocalHit]
        .into_iter()
        .filter_map(|state| Some((against(summary, state, CacheState::GoCold)?, "")))
        .collect();
    let first = if hits.is_empty() { NO_ANSWER } else { verdict(&hits) };
    let mut text = format!("{first}.");
    if !cold.is_empty() {
        text += &format!(" Against an empty cache (go-cold): {cold}.");
    }
    if !warm.is_empty() {
        text += &format!(" Against go's own full cache (go-warm): {warm}.");
    }
    text
}

/// Each state with a backend against one baseline, in words.
fn differences(summary: &Summary, base: CacheState) -> String {
    let of_state = |state| Some(format!("{state} {}", comparison::long(&against(summary, state, base)?)));
    let states = match base {
        // Filling the caches is what go does anyway: nobody compares it with a warm cache.
        CacheState::GoWarm => &[CacheState::LocalHit, CacheState::RemoteHit][..],
        _ => &[CacheState::RemoteHit, CacheState::LocalHit, CacheState::Cold],
    };
    states.iter().copied().filter_map(of_state).collect::<Vec<String>>().join(", ")
}

/// One state against a baseline; None where one of them was not measured.
pub fn against(summary: &Summary, state: CacheState, base: CacheState) -> Option<Comparison> {
    let found = summary.state(state)?;
    match base {
        CacheState::GoWarm => found.against_full,
        _ => found.against_empty,
    }
}

fn verdict(known: &[(Comparison, &str)]) -> &'static str {
    let any = |wanted| known.iter().any(|(found, _)| found.verdict == wanted);
    let all = |wanted| known.iter().all(|(found, _)| found.verdict == wanted);
    match () {
        () if all(Verdict::Faster) => "Yes",
        () if any(Verdict::Faster) => "In part",
        () if all(Verdict::NoiseUnknown) => "Inconclusive, too few rounds",
        () if any(Verdict::Slower) => "No",
        () if all(Verdict::Same) => "No difference",
        () => "No clear difference",
    }
}

/// A state against go's own full cache: not a win or a loss of the question, so it never opens the answer.
fn against_own_cache(found: &Comparison) -> String {
    match found.verdict {
        Verdict::Same => "as fast as go's cache".to_owned(),
        Verdict::NoClearDifference => "no clear difference from go's cache".to_owned(),
        Verdict::NoiseUnknown => "inconclusive against go's cache".to_owned(),
        Verdict::Faster | Verdict::Slower => format!("{} than go's cache", comparison::short(found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::analysis::study::summary::tests::measured;

    fn summary(states: &[(CacheState, &[u64])]) -> Summary {
        let rounds: Vec<_> = states.iter().flat_map(|(state, walls)| measured(*state, walls)).collect();
        Summary::of(&rounds, false)
    }

    fn of(states: &[(CacheState, &[u64])]) -> String {
        sentence(&summary(states))
    }

    fn first(states: &[(CacheState, &[u64])]) -> String {
        headline(&summary(states))
    }

    const FIVE: [(CacheState, &[u64]); 5] = [
        (CacheState::GoCold, &[28_000]),
        (CacheState::GoWarm, &[260, 261, 262, 263, 264]),
        (CacheState::Cold, &[28_040]),
        (CacheState::RemoteHit, &[618, 619, 620, 621, 622]),
        (CacheState::LocalHit, &[286, 287, 288, 289, 290]),
    ];

    #[test]
    fn five_states_give_the_whole_answer() {
        assert_eq!(
            of(&FIVE),
            "Did the build get faster with GOCACHEPROG? Yes. Against an empty cache (go-cold): remote-hit 45× faster, \
             local-hit 97× faster, cold inconclusive (1.00×, but too few rounds to know the noise). Against go's own full \
             cache (go-warm): local-hit 1.1× slower, remote-hit 2.4× slower."
        );
    }

    #[test]
    fn the_headline_fits_on_a_line_of_80_and_calls_no_win_against_go() {
        let line = first(&FIVE);
        assert_eq!(line, "Yes: 45× faster on a fresh machine, 97× on this one; 1.1× slower than go's cache");
        assert!(line.chars().count() <= 80);
        let warm = &[(CacheState::GoWarm, &[100, 101, 102][..]), (CacheState::LocalHit, &[150, 151, 152])];
        assert_eq!(first(warm), "local-hit is 1.5× slower than go's cache");
    }

    #[test]
    fn each_outcome_has_its_word() {
        let against = |remote: &[u64], local: &[u64]| {
            first(&[
                (CacheState::GoCold, &[100, 101, 102]),
                (CacheState::RemoteHit, remote),
                (CacheState::LocalHit, local),
            ])
        };
        let slower = "No: 1.5× slower on a fresh machine, the same on this one";
        assert_eq!(against(&[150, 151, 152], &[100, 101, 102]), slower);
        let in_part = "In part: 1.5× slower on a fresh machine, 2.0× faster on this one";
        assert_eq!(against(&[150, 151, 152], &[50, 51, 52]), in_part);
        assert!(against(&[100, 101, 102], &[100, 101, 102]).starts_with("No difference: "));
    }

    #[test]
    fn without_a_baseline_there_is_no_answer() {
        assert_eq!(first(&[(CacheState::LocalHit, &[1, 2, 3])]), NO_ANSWER);
        assert!(of(&[(CacheState::LocalHit, &[1, 2, 3])]).contains("No answer"));
    }

    #[test]
    fn single_rounds_say_that_the_noise_is_not_known() {
        let single = [(CacheState::GoCold, &[100][..]), (CacheState::LocalHit, &[80])];
        assert_eq!(first(&single), "Inconclusive, too few rounds: inconclusive on this one");
        let text = of(&single);
        assert!(
            text.contains("too few rounds. Against an empty cache (go-cold): local-hit inconclusive (1.2× faster, but"),
            "{text}"
        );
    }
}
