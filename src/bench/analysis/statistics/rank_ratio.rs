//! The ratio of samples to others that did not run beside them, by ranks: without an assumption on their distribution.

use crate::analysis::statistics::stats::{COVERAGE, Interval, median, sorted};

/// The value above which the standard normal distribution has half a percent.
const NORMAL_99: f64 = 2.575_829;
/// Quotients of samples up to which the distribution of their statistic is computed exactly.
const MOST_EXACT: usize = 400;

/// The ratio of samples to others that did not run beside them: the median of all quotients of one by the other, with its
/// interval.
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
/// Mann-Whitney statistic (the same section), because the exact distribution takes time with their fourth power.
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
