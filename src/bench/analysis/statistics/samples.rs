//! The single samples of each row of a picture, and which rows are of like length, so that one axis serves them.

use crate::analysis::statistics::outliers::Outlier;
use crate::analysis::statistics::rounds::counted;
use crate::analysis::statistics::stats::median;
use crate::plan::steps::Setup;
use crate::results::machines::WaveResult;
use crate::results::round::Round;

/// Factor between neighbours on one axis from 0: the samples of a row that is shorter still would lie on each other.
const ALIKE: f64 = 5.0;

/// One round that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    pub wall_ns: u64,
    /// Far from the others of its setup.
    pub is_outlier: bool,
}

/// All samples of a setup, in the order of the rounds.
pub fn samples(rounds: &[Round], setup: Setup, outliers: &[Outlier]) -> Vec<Sample> {
    let is_outlier = |round: &Round| outliers.iter().any(|outlier| outlier.folder == round.folder);
    let sample = |round: &Round| Sample { wall_ns: round.wall_ns, is_outlier: is_outlier(round) };
    counted(rounds, setup).map(sample).collect()
}

/// The builds of machines that started together, and their median in nanoseconds; None without a build.
pub fn of_wave(wave: &WaveResult) -> Option<(Vec<Sample>, f64)> {
    let walls: Vec<f64> = wave.builds.iter().map(|build| build.wall_ns as f64).collect();
    let samples = wave.builds.iter().map(|build| Sample { wall_ns: build.wall_ns, is_outlier: false });
    Some((samples.collect(), median(&walls)?))
}

/// Rows, by their medians, in groups of like length: the longest first, each group in the order of the rows.
pub fn alike(medians: &[f64]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..medians.len()).collect();
    order.sort_by(|one, other| medians[*other].total_cmp(&medians[*one]));
    let near = |longer: &usize, shorter: &usize| medians[*longer] <= ALIKE * medians[*shorter];
    let mut groups: Vec<Vec<usize>> = order.chunk_by(near).map(<[usize]>::to_vec).collect();
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::statistics::outliers::outliers;
    use crate::analysis::study::ci::tests::groups;
    use crate::analysis::study::summary::tests::measured;
    use crate::scenario::cache_state::CacheState;

    #[test]
    fn every_sample_is_there_and_those_far_off_are_marked() {
        let mut rounds = measured(CacheState::LocalHit, &[100, 102, 98, 101, 160, 99]);
        rounds.extend(measured(CacheState::RemoteHit, &[7]));
        let found = samples(&rounds, CacheState::LocalHit.into(), &outliers(&rounds));
        assert_eq!(found.len(), 6);
        let marked: Vec<u64> = found.iter().filter(|sample| sample.is_outlier).map(|sample| sample.wall_ns).collect();
        assert_eq!(marked, [160_000_000]);
    }

    #[test]
    fn machines_that_started_together_are_a_row() {
        let waves = &groups()[0].waves;
        let (samples, median_ns) = of_wave(&waves[1]).unwrap();
        assert_eq!((samples.len(), median_ns), (2, 5e9));
        assert_eq!(of_wave(&WaveResult { builds: Vec::new(), ..waves[1].clone() }), None);
    }

    #[test]
    fn rows_of_like_length_share_an_axis() {
        assert_eq!(alike(&[53.0, 0.5, 51.0, 1.1, 0.54]), [vec![0, 2], vec![1, 3, 4]]);
        assert_eq!(alike(&[1.0, 4.0, 16.0]), [vec![0, 1, 2]], "each is near its neighbour");
        assert!(alike(&[]).is_empty());
    }
}
