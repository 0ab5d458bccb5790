//! Statistics of few samples: no assumption on how they are distributed, each formula with its source.

use serde::Serialize;

/// Coverage that an interval aims at: of a hundred comparisons of the same with the same, one may look different.
const COVERAGE: f64 = 0.99;

/// Where the standard normal distribution leaves half a percent above.
const NORMAL_99: f64 = 2.575_829;
/// Pairs of samples up to which the distribution of their statistic is computed exactly.
const MOST_EXACT: usize = 400;

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

/// How far a sample may lie from the median in scaled median absolute deviations: Hampel's identifier, with 1.4826 as the
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

/// The same for another coverage than 99 %.
pub fn median_interval_with(samples: &[f64], coverage: f64) -> Option<Interval> {
    let n = samples.len();
    if n < 2 {
        return None;
    }
    let sorted = sorted(samples);
    let mut k = 1;
    while 2 * (k + 1) <= n && coverage_of(n, k + 1) >= coverage {
        k += 1;
    }
    Some(Interval { low: sorted[k - 1], high: sorted[n - k], coverage: coverage_of(n, k) })
}

/// Ratios of two legs, round by round: rounds next to each other share the state of the machine.
pub fn paired_ratios(values: &[f64], bases: &[f64]) -> Vec<f64> {
    let pairs = values.iter().zip(bases);
    pairs.filter(|(_, base)| **base > 0.0).map(|(value, base)| value / base).collect()
}

/// How much larger samples are than others that did not run beside them, as a ratio: the median of all quotients of one by
/// the other, with its interval.
///
/// The estimate of Hodges and Lehmann, and the interval from the distribution of the Mann-Whitney statistic: between the k-th
/// smallest and the k-th largest quotient lies the true ratio with the probability 1 - 2 P(U < k) (Hollander, Wolfe and Chicken,
/// "Nonparametric Statistical Methods", 3rd edition, sections 4.2 and 4.3, on the logarithms). The largest k that reaches 99 % is taken, else
/// the whole range with its coverage. None where one side has no positive sample.
pub fn unpaired_ratio(values: &[f64], bases: &[f64]) -> Option<(f64, Interval)> {
    let positive = |samples: &[f64]| samples.iter().copied().filter(|sample| *sample > 0.0).collect::<Vec<f64>>();
    let (values, bases) = (positive(values), positive(bases));
    let quotients: Vec<f64> = values.iter().flat_map(|value| bases.iter().map(move |base| value / base)).collect();
    let quotients = sorted(&quotients);
    let estimate = median(&quotients)?;
    let (k, coverage) = rank_of_ratio(values.len(), bases.len());
    let interval = Interval { low: quotients[k - 1], high: quotients[quotients.len() - k], coverage };
    Some((estimate, interval))
}

/// The largest k of [`unpaired_ratio`] for so many samples, with what it covers. For many by the normal approximation of the
/// Mann-Whitney statistic (the same book, equation 4.33), because the exact distribution takes time with their fourth power.
fn rank_of_ratio(m: usize, n: usize) -> (usize, f64) {
    if m * n <= MOST_EXACT {
        let below = mann_whitney(m, n);
        let coverage = |k: usize| 1.0 - 2.0 * below[..k].iter().sum::<f64>();
        let k = (1..=m * n / 2).take_while(|k| *k == 1 || coverage(*k) >= COVERAGE).last().unwrap_or(1);
        return (k, coverage(k));
    }
    let (pairs, all) = ((m * n) as f64, (m + n) as f64);
    let k = pairs / 2.0 - NORMAL_99 * (pairs * (all + 1.0) / 12.0).sqrt();
    ((k.floor() as usize).max(1), COVERAGE)
}

/// P(U = u) for each u from 0, of `m` and `n` samples: by the recurrence of Mann and Whitney (1947), on probabilities.
fn mann_whitney(m: usize, n: usize) -> Vec<f64> {
    // One row a number of samples on the first side; the second side grows by one in each step.
    let most = m * n;
    let start = |size: usize| (0..=size).map(|_| [vec![1.0], vec![0.0; most]].concat()).collect::<Vec<Vec<f64>>>();
    let mut rows = start(m);
    for others in 1..=n {
        for own in 1..=m {
            let (share_own, share_other) = (own as f64, others as f64);
            let all = share_own + share_other;
            // The largest of all is one of ours, and is above `others` of the others, or it is one of theirs.
            let row: Vec<f64> = (0..=most)
                .map(|u| {
                    let ours = u.checked_sub(others).map_or(0.0, |rest| rows[own - 1][rest]);
                    (share_own * ours + share_other * rows[own][u]) / all
                })
                .collect();
            rows[own] = row;
        }
    }
    rows.pop().unwrap_or_default()
}

/// 1 - 2 P(Bin(n, 1/2) < k), the terms computed one from the other so that nothing overflows.
fn coverage_of(n: usize, k: usize) -> f64 {
    let mut term = 0.5_f64.powi(n as i32);
    let mut tail = 0.0;
    for i in 0..k {
        tail += term;
        term *= (n - i) as f64 / (i + 1) as f64;
    }
    1.0 - 2.0 * tail
}

fn sorted(samples: &[f64]) -> Vec<f64> {
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
    fn the_mann_whitney_distribution_is_that_of_the_tables() {
        // 252 orders of five and five; in 1, 1, 2, 3 and 5 of them U is 0, 1, 2, 3 and 4.
        let probabilities = mann_whitney(5, 5);
        let orders: Vec<f64> = probabilities.iter().map(|probability| (probability * 252.0).round()).collect();
        assert_eq!(orders[..5], [1.0, 1.0, 2.0, 3.0, 5.0]);
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12 && probabilities.len() == 26);
        // Critical values at 5 % on both sides: 2 for five and five, 23 for ten and ten.
        for (m, n, critical) in [(5, 5, 2), (10, 10, 23), (4, 8, 4)] {
            let at_most = |u: usize| mann_whitney(m, n)[..=u].iter().sum::<f64>();
            assert!(at_most(critical) <= 0.025 && at_most(critical + 1) > 0.025, "{m}, {n}");
        }
    }

    #[test]
    fn many_samples_have_nearly_the_rank_of_the_exact_distribution() {
        for (m, n) in [(21, 21), (30, 14), (25, 40)] {
            let (k, coverage) = rank_of_ratio(m, n);
            let exact = |k: usize| 1.0 - 2.0 * mann_whitney(m, n)[..k].iter().sum::<f64>();
            assert!((coverage..coverage + 0.003).contains(&exact(k)), "{m}, {n}: {k} covers {}", exact(k));
        }
        // The critical value of the tables for twenty and twenty, at 1 % on both sides together, is 105.
        assert_eq!(rank_of_ratio(20, 20).0, 106);
    }

    #[test]
    fn runs_that_were_not_side_by_side_have_a_ratio_with_an_interval() {
        let bases = [100.0, 101.0, 102.0, 103.0, 104.0];
        let (ratio, interval) = unpaired_ratio(&bases.map(|base| base * 2.0), &bases).unwrap();
        assert!((ratio - 2.0).abs() < 0.01, "{ratio}");
        assert!(interval.low > 1.9 && interval.high < 2.1 && (interval.coverage - (1.0 - 2.0 / 252.0)).abs() < 1e-9);
        let (ratio, interval) = unpaired_ratio(&[3.0], &[2.0]).unwrap();
        assert_eq!((ratio, interval.low, interval.high, interval.coverage), (1.5, 1.5, 1.5, 0.0));
        assert_eq!(unpaired_ratio(&[], &[1.0]), None);
    }

    #[test]
    fn ratios_pair_by_round() {
        assert_eq!(paired_ratios(&[2.0, 9.0], &[1.0, 3.0]), vec![2.0, 3.0]);
        assert_eq!(paired_ratios(&[2.0], &[0.0]), Vec::<f64>::new());
    }
}
