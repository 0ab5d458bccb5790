//! A comparison in words: the same ones in the tables and in the sentence.

use crate::analysis::statistics::compare::{CLEAR_FACTOR, Comparison, Verdict};
use crate::plan::steps::FEWEST_PAIRS;
use crate::report::text::units;

/// `45x faster`, `1.1x slower`, `the same`, `no clear difference`, or `inconclusive` where the noise is not known.
pub fn short(found: &Comparison) -> String {
    let words = of_verdict(found.verdict, found.ratio);
    if rests_on_few_rounds(found) { format!("{words} in few rounds") } else { words }
}

/// Words as [`short`] has them, for any ratio with its verdict.
pub fn of_verdict(verdict: Verdict, ratio: f64) -> String {
    match verdict {
        Verdict::Same => "the same".to_owned(),
        Verdict::Inconclusive => "no clear difference".to_owned(),
        Verdict::NoiseUnknown => "inconclusive".to_owned(),
        Verdict::Faster | Verdict::Slower => factor(ratio),
    }
}

/// True for a small difference of too few rounds for an interval that says much: it is judged by the spread of each side alone.
pub fn rests_on_few_rounds(found: &Comparison) -> bool {
    let is_judged = matches!(found.verdict, Verdict::Faster | Verdict::Slower);
    is_judged && found.pairs < FEWEST_PAIRS && found.ratio.max(1.0 / found.ratio) < CLEAR_FACTOR
}

/// [`short`] with its reason, unless the difference is clear.
pub fn long(found: &Comparison) -> String {
    let reason = match (found.verdict, found.interval, found.noise) {
        (Verdict::Faster | Verdict::Slower, _, _) => return short(found),
        (Verdict::NoiseUnknown, _, None) => {
            format!("{}, but too few rounds to know the noise", factor(found.ratio))
        }
        (Verdict::NoiseUnknown, _, Some(noise)) => {
            format!(
                "{}, but single rounds; other states have a noise of ±{}",
                factor(found.ratio),
                units::percent(noise)
            )
        }
        (_, _, Some(noise)) => format!("{}, noise ±{}", signed(found.ratio), units::percent(noise)),
        (_, Some(interval), None) => {
            let leaves_out_1 = interval.low > 1.0 || interval.high < 1.0;
            let floor = found.floor.filter(|_| leaves_out_1);
            let noise = floor.map_or(String::new(), |floor| format!(", below the noise of ±{}", units::percent(floor)));
            format!("{}, {} to {}{noise}", signed(found.ratio), signed(interval.low), signed(interval.high))
        }
        (_, None, None) => signed(found.ratio),
    };
    format!("{} ({reason})", short(found))
}

fn factor(ratio: f64) -> String {
    let size = units::factor(ratio.max(1.0 / ratio));
    match ratio > 1.0 {
        _ if ratio == 1.0 => size,
        // Too little for a factor: `0.3 % slower`.
        true if size == units::factor(1.0) => format!("{} slower", units::percent(ratio - 1.0)),
        false if size == units::factor(1.0) => format!("{} faster", units::percent(1.0 - ratio)),
        true => format!("{size} slower"),
        false => format!("{size} faster"),
    }
}

/// How far a ratio is from 1: `+9.0 %`, `−1.0 %`.
pub fn signed(ratio: f64) -> String {
    let sign = if ratio >= 1.0 { "+" } else { "−" };
    format!("{sign}{}", units::percent((ratio - 1.0).abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::statistics::stats::Interval;
    use crate::scenario::cache_state::CacheState;

    fn of(ratio: f64, verdict: Verdict) -> Comparison {
        let interval = Some(Interval { low: 0.99, high: 1.2, coverage: 0.97 });
        Comparison {
            state: CacheState::LocalHit,
            base: CacheState::GoWarm,
            ratio,
            interval,
            pairs: 5,
            noise: None,
            floor: None,
            verdict,
        }
    }

    #[test]
    fn a_difference_is_a_factor_everywhere() {
        for (ratio, verdict, text) in [
            (1.12, Verdict::Slower, "1.1x slower"),
            (1.003, Verdict::Slower, "0.3 % slower"),
            (0.998, Verdict::Faster, "0.2 % faster"),
            (0.6, Verdict::Faster, "1.7x faster"),
            (0.01, Verdict::Faster, "100x faster"),
        ] {
            assert_eq!((short(&of(ratio, verdict)).as_str(), long(&of(ratio, verdict)).as_str()), (text, text));
        }
    }

    #[test]
    fn a_small_difference_of_few_rounds_says_so() {
        let few = |ratio, pairs| Comparison { pairs, ..of(ratio, Verdict::Slower) };
        assert_eq!(long(&few(1.2, 3)), "1.2x slower in few rounds");
        assert_eq!((long(&few(1.2, 5)), long(&few(4.0, 3))), ("1.2x slower".to_owned(), "4.0x slower".to_owned()));
    }

    #[test]
    fn what_is_not_clear_has_its_reason() {
        assert_eq!(short(&of(1.09, Verdict::Inconclusive)), "no clear difference");
        assert_eq!(long(&of(1.09, Verdict::Inconclusive)), "no clear difference (+9.0 %, −1.0 % to +20 %)");
        let by_noise = Comparison { noise: Some(0.12), ..of(1.09, Verdict::Inconclusive) };
        assert_eq!(long(&by_noise), "no clear difference (+9.0 %, noise ±12 %)");
        assert_eq!(short(&of(1.3, Verdict::NoiseUnknown)), "inconclusive");
        let expected = "inconclusive (1.3x slower, but too few rounds to know the noise)";
        assert_eq!(long(&of(1.3, Verdict::NoiseUnknown)), expected);
    }
}
