//! Statistics of few samples: no assumption on how they are distributed, each formula with its source.

use serde::Serialize;

/// Coverage that an interval aims at: one of a hundred comparisons of the same with the same may look different.
pub const COVERAGE: f64 = 0.99;

/// An interval that holds the true median with the probability `coverage`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Interval {
    pub low: f64,
    pub high: f64,
    /// The true probability, between 0 and 1: steps of ranks hit no round number.
    pub coverage: f64,
}

/// The middle sample, or the mean of the two middle ones; None without samples.
pub fn median(samples: &[f64]) -> Option<f64> {
    quantile(samples, 0.5)
}

/// The quantile `p` by linear interpolation between the closest ranks.
///
/// Definition 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages" (1996): the default of R, NumPy and Excel.
pub fn quantile(samples: &[f64], p: f64) -> Option<f64> {
    let sorted = sorted(samples);
    let last = sorted.len().checked_sub(1)?;
    let rank = p.clamp(0.0, 1.0) * last as f64;
    let below = rank.floor() as usize;
    let above = rank.ceil() as usize;
    Some(sorted[below] + (sorted[above] - sorted[below]) * (rank - below as f64))
}

/// Half of the distance between the quartiles, as a share of the median: the `±` of the tables.
///
/// None for fewer than three samples: one or two say nothing about how they vary.
pub fn relative_spread(samples: &[f64]) -> Option<f64> {
    if samples.len() < 3 {
        return None;
    }
    let middle = median(samples)?;
    let width = quantile(samples, 0.75)? - quantile(samples, 0.25)?;
    (middle != 0.0).then(|| width / 2.0 / middle.abs())
}

/// The distance from the median beyond which a sample is an outlier, by scaled median absolute deviations: Hampel's identifier, with 1.4826 as the
/// scale that makes the deviation that of a normal distribution (Davies and Gather, "The Identification of Multiple
/// Outliers", 1993). None for fewer than five samples, or where more than half of them are the same.
pub fn outlier_limit(samples: &[f64]) -> Option<f64> {
    const SCALE: f64 = 1.4826;
    const DEVIATIONS: f64 = 3.0;
    if samples.len() < 5 {
        return None;
    }
    let middle = median(samples)?;
    let deviations: Vec<f64> = samples.iter().map(|sample| (sample - middle).abs()).collect();
    median(&deviations).filter(|deviation| *deviation > 0.0).map(|deviation| DEVIATIONS * SCALE * deviation)
}

/// The confidence interval of the median from order statistics.
///
/// Between the k-th smallest and the k-th largest of n samples lies the median with the probability
/// 1 - 2 P(Bin(n, 1/2) < k) (Conover, "Practical Nonparametric Statistics", 3rd edition, section 3.2). The largest k that
/// reaches 99 % is taken. Where even the whole range does not (fewer than eight samples), that range with its coverage.
/// None for fewer than two samples.
pub fn median_interval(samples: &[f64]) -> Option<Interval> {
    median_interval_with(samples, COVERAGE)
}

/// [`median_interval`] with another coverage than 99 %.
pub fn median_interval_with(samples: &[f64], coverage: f64) -> Option<Interval> {
    let n = samples.len();
    if n < 2 {
        return None;
    }
    let sorted = sorted(samples);
    let (k, coverage) = ranks(n).take_while(|(k, found)| *k == 1 || *found >= coverage).last()?;
    Some(Interval { low: sorted[k - 1], high: sorted[n - k], coverage })
}

/// Ratios of two states, round by round: rounds next to each other share the state of the machine.
pub fn paired_ratios(values: &[f64], bases: &[f64]) -> Vec<f64> {
    let pairs = values.iter().zip(bases);
    pairs.filter(|(_, base)| **base > 0.0).map(|(value, base)| value / base).collect()
}

/// Each k up to the middle of n samples with its coverage, 1 - 2 P(Bin(n, 1/2) < k). Each term comes from the one before, as a
/// logarithm: the first, 0.5^n, is no number of 64 bits any more from n = 1075 on.
fn ranks(n: usize) -> impl Iterator<Item = (usize, f64)> {
    let mut term = n as f64 * 0.5_f64.ln();
    let mut tail = 0.0;
    (1..=n / 2).map(move |k| {
        tail += term.exp();
        term += ((n - k + 1) as f64 / k as f64).ln();
        (k, 1.0 - 2.0 * tail)
    })
}

/// The samples, the smallest first.
pub fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_odd_even_and_none() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn quartiles_as_r_gives_them() {
        // R: quantile(c(1, 3, 4, 8, 9, 12), c(0.25, 0.75)) is 3.25 and 8.75.
        let samples = [9.0, 1.0, 12.0, 3.0, 8.0, 4.0];
        assert_eq!(quantile(&samples, 0.25), Some(3.25));
        assert_eq!(quantile(&samples, 0.75), Some(8.75));
    }

    #[test]
    fn spread_is_half_the_quartile_distance_over_the_median() {
        assert_eq!(relative_spread(&[8.0, 9.0, 10.0, 11.0, 12.0]), Some(0.1));
        assert_eq!(relative_spread(&[8.0, 9.0]), None);
    }

    #[test]
    fn the_limit_of_outliers_is_three_scaled_deviations() {
        // R: mad(c(1, 2, 3, 4, 100)) is 1.4826.
        assert_eq!(outlier_limit(&[1.0, 2.0, 3.0, 4.0, 100.0]), Some(3.0 * 1.4826));
        assert_eq!(outlier_limit(&[1.0, 2.0, 3.0, 4.0]), None);
        assert_eq!(outlier_limit(&[1.0, 1.0, 1.0, 1.0, 9.0]), None);
    }

    fn coverage_of(n: usize, k: usize) -> f64 {
        ranks(n).nth(k - 1).unwrap().1
    }

    #[test]
    fn interval_ranks_as_in_conovers_table() {
        // n = 21: ranks 5 and 17, exact coverage 0.9928; 6 and 16 would hold 0.9734.
        let samples: Vec<f64> = (1..=21).map(f64::from).collect();
        let interval = median_interval(&samples).unwrap();
        assert_eq!((interval.low, interval.high), (5.0, 17.0));
        assert!((interval.coverage - 0.992_803).abs() < 1e-5, "{}", interval.coverage);
        assert!((coverage_of(21, 6) - 0.973_396).abs() < 1e-5);
        // n = 10: ranks 1 and 10, exact coverage 0.9980; 2 and 9 would hold 0.9785.
        let samples: Vec<f64> = (1..=10).map(f64::from).collect();
        let interval = median_interval(&samples).unwrap();
        assert_eq!((interval.low, interval.high), (1.0, 10.0));
        assert!((interval.coverage - 0.998_047).abs() < 1e-5);
        assert!((coverage_of(10, 2) - 0.978_516).abs() < 1e-5);
    }

    #[test]
    fn few_samples_give_their_range_and_its_true_coverage() {
        let interval = median_interval(&[5.0, 1.0, 3.0, 2.0, 4.0]).unwrap();
        assert_eq!((interval.low, interval.high), (1.0, 5.0));
        assert_eq!(interval.coverage, 0.9375);
        assert!(median_interval(&[1.0]).is_none());
    }

    #[test]
    fn the_interval_holds_the_median_for_any_count() {
        for n in 2..200 {
            let samples: Vec<f64> = (0..n).map(f64::from).collect();
            let interval = median_interval(&samples).unwrap();
            let middle = median(&samples).unwrap();
            assert!(interval.low <= middle && middle <= interval.high, "n = {n}");
            assert!(n < 8 || interval.coverage >= COVERAGE, "n = {n}");
        }
    }

    #[test]
    fn many_samples_have_the_ranks_of_exact_sums() {
        // By whole numbers of any length, sum(comb(n, i) for i in range(k)) / 2^n.
        for (n, k, covers) in [(1074, 495, 0.9905364), (1075, 495, 0.9913141), (10000, 4871, 0.9904058)] {
            let samples: Vec<f64> = (1..=n).map(f64::from).collect();
            let interval = median_interval(&samples).unwrap();
            assert_eq!((interval.low, interval.high), (f64::from(k), f64::from(n + 1 - k)), "n = {n}");
            assert!((interval.coverage - covers).abs() < 1e-6, "n = {n}: {}", interval.coverage);
        }
    }

    #[test]
    fn ratios_pair_by_round() {
        assert_eq!(paired_ratios(&[2.0, 9.0], &[1.0, 3.0]), vec![2.0, 3.0]);
        assert_eq!(paired_ratios(&[2.0], &[0.0]), Vec::<f64>::new());
    }
}
