//! A comparison in words: the same ones in the tables and in the sentence.

use crate::bench::analysis::statistics::compare::{Comparison, Verdict};
use crate::bench::report::text::units;

/// `45× faster`, `1.1× slower?`, `the same`, `not told apart`; the question mark where the noise is not known.
pub fn short(found: &Comparison) -> String {
    told(found.verdict, found.ratio)
}

/// The same of any ratio that was judged.
pub fn told(verdict: Verdict, ratio: f64) -> String {
    match verdict {
        Verdict::Same => "the same".to_owned(),
        Verdict::Inconclusive => "not told apart".to_owned(),
        Verdict::NoiseUnknown => format!("{}?", factor(ratio)),
        Verdict::Faster | Verdict::Slower => factor(ratio),
    }
}

/// The same where there is room: with what the verdict rests on, unless the difference is told.
pub fn long(found: &Comparison) -> String {
    let rests = match (found.verdict, found.interval, found.noise) {
        (Verdict::Faster | Verdict::Slower, _, _) => return short(found),
        (Verdict::NoiseUnknown, _, None) => "too few rounds to know the noise".to_owned(),
        (Verdict::NoiseUnknown, _, Some(noise)) => {
            format!("single rounds; the noise of others ±{}", units::percent(noise))
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
    format!("{} ({rests})", short(found))
}

fn factor(ratio: f64) -> String {
    let size = units::factor(ratio.max(1.0 / ratio));
    match ratio > 1.0 {
        _ if size == units::factor(1.0) => size,
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
    use crate::bench::analysis::statistics::stats::Interval;
    use crate::bench::scenario::cache_state::CacheState;

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
            (1.12, Verdict::Slower, "1.1× slower"),
            (0.6, Verdict::Faster, "1.7× faster"),
            (0.01, Verdict::Faster, "100× faster"),
        ] {
            assert_eq!((short(&of(ratio, verdict)).as_str(), long(&of(ratio, verdict)).as_str()), (text, text));
        }
    }

    #[test]
    fn what_is_not_told_says_what_it_rests_on() {
        assert_eq!(short(&of(1.09, Verdict::Inconclusive)), "not told apart");
        assert_eq!(long(&of(1.09, Verdict::Inconclusive)), "not told apart (+9.0 %, −1.0 % to +20 %)");
        let by_noise = Comparison { noise: Some(0.12), ..of(1.09, Verdict::Inconclusive) };
        assert_eq!(long(&by_noise), "not told apart (+9.0 %, noise ±12 %)");
        assert_eq!(short(&of(1.3, Verdict::NoiseUnknown)), "1.3× slower?");
        assert_eq!(long(&of(1.3, Verdict::NoiseUnknown)), "1.3× slower? (too few rounds to know the noise)");
        assert_eq!(short(&of(1.001, Verdict::NoiseUnknown)), "1.00×?");
    }
}
