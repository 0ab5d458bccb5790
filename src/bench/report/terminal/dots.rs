//! Samples as a row of dots around their median, on a scale that all rows share.

use crate::analysis::statistics::stats;

/// Cells of a row; odd, so that the median has one of its own.
const CELLS: usize = 9;

/// One row for each list of samples. The scale ends at the largest deviation of any.
pub fn rows(samples: &[&[f64]]) -> Vec<String> {
    let deviations: Vec<Vec<f64>> = samples.iter().map(|samples| deviations(samples)).collect();
    let largest = deviations.iter().flatten().fold(0.0_f64, |a, b| a.max(b.abs()));
    deviations.iter().map(|row| draw(row, largest)).collect()
}

/// As shares of the median.
fn deviations(samples: &[f64]) -> Vec<f64> {
    let Some(middle) = stats::median(samples).filter(|middle| *middle > 0.0) else {
        return Vec::new();
    };
    samples.iter().map(|sample| sample / middle - 1.0).collect()
}

fn draw(deviations: &[f64], largest: f64) -> String {
    let mut counts = [0_u32; CELLS];
    let half = (CELLS / 2) as f64;
    for deviation in deviations {
        let place = if largest > 0.0 { deviation / largest * half } else { 0.0 };
        counts[(half + place).round() as usize] += 1;
    }
    let single = deviations.len() == 1;
    let mark = |count: u32| match count {
        0 => ' ',
        1 if single => '|',
        1 => '·',
        2 => ':',
        _ => '#',
    };
    counts.into_iter().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_share_a_scale_and_single_samples_are_bars() {
        let drawn = rows(&[&[7.0], &[90.0, 100.0, 100.0, 140.0], &[100.0, 100.0, 100.0]]);
        assert_eq!(drawn, ["    |    ", "   ·:   ·", "    #    "]);
        assert_eq!(rows(&[&[]]), ["         "]);
    }
}
