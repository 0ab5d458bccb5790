//! The answers to three questions: is a fresh machine faster, is the first build slower, is the next build on the same machine
//! faster? go's own warm cache needs no backend, so being as fast as that is no gain.

use crate::analysis::results::Results;
use crate::analysis::statistics::compare::{Comparison, Verdict};
use crate::analysis::study::conditions::Disturbance;
use crate::analysis::study::summary::Summary;
use crate::plan::study::Study;
use crate::report::text::cell::{Cell, Tone};
use crate::report::text::comparison;
use crate::report::text::units;
use crate::scenario::cache_state::CacheState;

/// The question of a run of states.
pub const QUESTION: &str = "Did the build get faster with GOCACHEPROG?";

/// The question and its answers, without line breaks.
pub fn sentence(summary: &Summary) -> String {
    format!("{QUESTION} {}", answers(summary))
}

/// The answers of a run of states without cases; None of other runs.
pub fn of_run(results: &Results) -> Option<String> {
    let asks = results.run.plan.study == Study::States && !results.analysis.summary.states.is_empty();
    asks.then(|| answers(&results.analysis.summary))
}

/// The answer in one line.
pub fn headline(summary: &Summary) -> Cell {
    let known = known(summary);
    let own = against_go_warm(summary);
    if known.is_empty() {
        return without_go_cold(summary, own).into();
    }
    let conclusion = Conclusion::of(&known);
    let rest = match conclusion {
        Conclusion::Inconclusive => "too few rounds to say whether builds are faster".to_owned(),
        _ => places(&known),
    };
    let mut text = format!("{}: {rest}", conclusion.word());
    if let Some((_, found)) = own.filter(|(_, found)| found.verdict != Verdict::NoiseUnknown) {
        text += &format!("; {}", to_go_warm(&found));
    }
    Cell { text, tone: conclusion.tone() }
}

/// The answers of one of several backends in a line, after its name. `states` are its states that were compared with go-cold, at
/// least one.
pub fn of_backend(name: &str, states: &[(CacheState, Comparison)]) -> Cell {
    let conclusion = Conclusion::of(states);
    let text = match conclusion {
        Conclusion::Inconclusive => "too few rounds".to_owned(),
        _ => places(states),
    };
    Cell { text: format!("{name}: {text}"), tone: conclusion.tone() }
}

/// The line that stands in the place of the answer where the machine was disturbed.
pub fn do_not_quote(disturbance: Disturbance) -> Cell {
    let why = match disturbance {
        Disturbance::OtherPrograms(share) => {
            format!("Busy machine (other programs used {} of the CPU)", units::percent(share))
        }
        Disturbance::Noise(share) => format!("Noisy machine (the same build differs by {})", units::percent(share)),
    };
    Cell { text: format!("{why}: do not quote these numbers"), tone: Tone::Warning }
}

/// A comparison in a cell of the first screen; `rounds` is the smaller number of rounds of its two sides.
pub fn judged(found: &Comparison, rounds: usize) -> Cell {
    let text = match found.verdict {
        Verdict::NoiseUnknown => format!("inconclusive: {}", units::counted(rounds, "round")),
        _ if comparison::rests_on_few_rounds(found) => {
            format!("{}: {}", comparison::of_verdict(found.verdict, found.ratio), units::counted(rounds, "round"))
        }
        _ => comparison::short(found),
    };
    Cell::judged(text, found.verdict)
}

/// The states whose answer is asked for that were compared with go-cold.
fn known(summary: &Summary) -> Vec<(CacheState, Comparison)> {
    let states = [CacheState::RemoteHit, CacheState::LocalHit];
    states.into_iter().filter_map(|state| Some((state, summary.state(state)?.against_empty?))).collect()
}

fn against_go_warm(summary: &Summary) -> Option<(CacheState, Comparison)> {
    let states = [CacheState::LocalHit, CacheState::RemoteHit, CacheState::Cold];
    states.into_iter().find_map(|state| Some((state, summary.state(state)?.against_full?)))
}

/// The answers taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conclusion {
    Yes,
    /// Some states are faster, and none is slower.
    Partly,
    /// Some states are faster, and some slower.
    Mixed,
    No,
    NoDifference,
    Unclear,
    Inconclusive,
}

impl Conclusion {
    fn of(known: &[(CacheState, Comparison)]) -> Conclusion {
        let any = |wanted| known.iter().any(|(_, found)| found.verdict == wanted);
        let all = |wanted| known.iter().all(|(_, found)| found.verdict == wanted);
        match () {
            () if all(Verdict::Faster) => Conclusion::Yes,
            () if any(Verdict::Faster) && any(Verdict::Slower) => Conclusion::Mixed,
            () if any(Verdict::Faster) => Conclusion::Partly,
            () if all(Verdict::NoiseUnknown) => Conclusion::Inconclusive,
            () if any(Verdict::Slower) => Conclusion::No,
            () if all(Verdict::Same) => Conclusion::NoDifference,
            () => Conclusion::Unclear,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Conclusion::Yes => "Yes",
            Conclusion::Partly | Conclusion::Mixed => "Partly",
            Conclusion::No | Conclusion::NoDifference => "No",
            Conclusion::Unclear => "Unclear",
            Conclusion::Inconclusive => "Inconclusive",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Conclusion::Yes | Conclusion::Partly => Tone::Good,
            Conclusion::No => Tone::Bad,
            Conclusion::Mixed | Conclusion::NoDifference => Tone::Plain,
            Conclusion::Unclear | Conclusion::Inconclusive => Tone::Warning,
        }
    }
}

/// `42x faster on a fresh machine, 94x on this one`.
fn places(known: &[(CacheState, Comparison)]) -> String {
    match known {
        [(_, fresh), (_, same)] => match (comparison::short(fresh), comparison::short(same)) {
            (one, other) if one == other => format!("{one} on a fresh machine and on this one"),
            (one, _) if fresh.verdict == same.verdict => {
                format!("{one} on a fresh machine, {} on this one", units::factor(same.ratio.max(1.0 / same.ratio)))
            }
            (one, other) => format!("{one} on a fresh machine, {other} on this one"),
        },
        [(CacheState::LocalHit, same)] => format!("{} on this machine", comparison::short(same)),
        [(_, only), ..] => format!("{} on a fresh machine", comparison::short(only)),
        [] => String::new(),
    }
}

/// The answer of a run in which no state was compared with go-cold.
fn without_go_cold(summary: &Summary, own: Option<(CacheState, Comparison)>) -> String {
    let cold = summary.state(CacheState::Cold).and_then(|cold| cold.against_empty);
    match (own, cold) {
        (_, Some(cold)) => format!("The first build, which fills the cache: {}", judged(&cold, cold.pairs.max(1)).text),
        (Some((state, found)), None) if found.verdict == Verdict::NoiseUnknown => {
            format!("Inconclusive: too few rounds to compare {state} with go's own warm cache")
        }
        (Some((state, found)), None) => format!("{state} is {}", to_go_warm(&found)),
        (None, None) => "No comparison: it takes go-cold or go-warm, and a state with the cache".to_owned(),
    }
}

/// A state against go's own warm cache, after its name.
pub fn to_go_warm(found: &Comparison) -> String {
    match found.verdict {
        Verdict::Same => "as fast as go's cache".to_owned(),
        Verdict::Inconclusive => "not clearly different from go's cache".to_owned(),
        _ => {
            let few = if comparison::rests_on_few_rounds(found) { " in few rounds" } else { "" };
            format!("{} than go's cache{few}", comparison::of_verdict(found.verdict, found.ratio))
        }
    }
}

fn answers(summary: &Summary) -> String {
    let known = known(summary);
    let mut text = match known.is_empty() {
        true => "Neither remote-hit nor local-hit was compared with go-cold.".to_owned(),
        false => format!("{}.", Conclusion::of(&known).word()),
    };
    let questions = [
        ("On a fresh machine (remote-hit)", CacheState::RemoteHit),
        ("The first build, which fills the cache (cold)", CacheState::Cold),
        ("The next build on the same machine (local-hit)", CacheState::LocalHit),
    ];
    for (what, state) in questions {
        if let Some(found) = summary.state(state).and_then(|state| state.against_empty) {
            text += &format!(" {what}: {}.", comparison::long(&found));
        }
    }
    let states = [CacheState::LocalHit, CacheState::RemoteHit];
    let own = states.into_iter().filter_map(|state| {
        let found = summary.state(state)?.against_full?;
        Some(format!("{state} {}", comparison::long(&found)))
    });
    let own: Vec<String> = own.collect();
    if !own.is_empty() {
        text += &format!(" Against go's own warm cache, which needs no backend: {}.", own.join(", "));
    }
    text
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
