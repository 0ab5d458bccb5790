use super::*;
use crate::analysis::study::summary::tests::{measured, summary as summary_of};

fn summary(states: &[(CacheState, &[u64])]) -> Summary {
    let rounds: Vec<_> = states.iter().flat_map(|(state, walls)| measured(*state, walls)).collect();
    summary_of(&rounds)
}

const WARM: (CacheState, &[u64]) = (CacheState::GoWarm, &[260, 261, 262, 263, 264]);

#[test]
fn five_states_give_all_answers() {
    let summary = summary(&[
        (CacheState::GoCold, &[28_000]),
        WARM,
        (CacheState::Cold, &[28_040]),
        (CacheState::RemoteHit, &[618, 619, 620, 621, 622]),
        (CacheState::LocalHit, &[286, 287, 288, 289, 290]),
    ]);
    let expected = "Yes: 45x faster on a fresh machine, 97x on this one; 1.1x slower than go's cache";
    assert_eq!(headline(&summary), Cell { text: expected.to_owned(), tone: Tone::Good });
    let text = sentence(&summary);
    for part in [
        "Did the build get faster with GOCACHEPROG? Yes. On a fresh machine (remote-hit): 45",
        "The first build, which fills the cache (cold): ",
        "The next build on the same machine (local-hit): 97",
        "Against go's own warm cache, which needs no backend: local-hit 1.1",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn each_outcome_has_its_words() {
    let cold: (CacheState, &[u64]) = (CacheState::GoCold, &[100, 101, 102, 103, 104]);
    let hits = |remote: &[u64], local: &[u64]| {
        headline(&summary(&[cold, (CacheState::RemoteHit, remote), (CacheState::LocalHit, local)]))
    };
    let slow: [u64; 5] = [150, 151, 152, 153, 154];
    let fast: [u64; 5] = [50, 50, 51, 52, 52];
    let same: [u64; 5] = [100, 101, 102, 103, 105];
    let wide: [u64; 5] = [60, 80, 100, 140, 160];
    for (remote, local, text, tone) in [
        (&slow, &fast, "Partly: 1.5x slower on a fresh machine, 2.0x faster on this one", Tone::Plain),
        (&wide, &fast, "Partly: no clear difference on a fresh machine, 2.0x faster on this one", Tone::Good),
        (&slow, &slow, "No: 1.5x slower on a fresh machine and on this one", Tone::Bad),
        (&same, &same, "No: the same on a fresh machine and on this one", Tone::Plain),
        (&wide, &wide, "Unclear: no clear difference on a fresh machine and on this one", Tone::Warning),
        (&wide, &slow, "No: no clear difference on a fresh machine, 1.5x slower on this one", Tone::Bad),
    ] {
        assert_eq!(hits(remote, local), Cell { text: text.to_owned(), tone });
    }
}

#[test]
fn single_rounds_are_inconclusive_and_say_why() {
    let summary = summary(&[(CacheState::GoCold, &[100]), (CacheState::LocalHit, &[80])]);
    assert_eq!(headline(&summary).text, "Inconclusive: too few rounds to say whether builds are faster");
    let found = summary.state(CacheState::LocalHit).unwrap().against_empty.unwrap();
    assert_eq!(judged(&found, 1), Cell::from("inconclusive: 1 round"));
    assert_eq!(judged(&found, 2), Cell::from("inconclusive: 2 rounds"));
}

#[test]
fn against_gos_own_cache_nothing_is_called_a_gain() {
    let local = |walls: &[u64]| headline(&summary(&[WARM, (CacheState::LocalHit, walls)]));
    assert_eq!(local(&[286, 287, 288, 289, 290]), Cell::from("local-hit is 1.1x slower than go's cache"));
    assert_eq!(local(&[260, 261, 262, 263, 265]), Cell::from("local-hit is as fast as go's cache"));
    assert_eq!(local(&[286, 287, 288]), Cell::from("local-hit is 1.1x slower than go's cache in few rounds"));
    assert_eq!(local(&[130, 131, 132, 133, 134]).tone, Tone::Plain);
    assert!(headline(&summary(&[(CacheState::LocalHit, &[1, 2, 3])])).text.starts_with("No comparison: "));
    let first = headline(&summary(&[(CacheState::GoCold, &[100]), (CacheState::Cold, &[110])]));
    assert_eq!(first, Cell::from("The first build, which fills the cache: inconclusive: 1 round"));
}

#[test]
fn a_disturbed_machine_is_named_in_the_place_of_the_answer() {
    let text = |disturbance| do_not_quote(disturbance).text;
    assert_eq!(
        text(Disturbance::OtherPrograms(0.84)),
        "Busy machine (other programs used 84 % of the CPU): do not quote these numbers"
    );
    assert_eq!(
        text(Disturbance::Noise(0.25)),
        "Noisy machine (the same build differs by 25 %): do not quote these numbers"
    );
}
