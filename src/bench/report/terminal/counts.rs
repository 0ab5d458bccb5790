//! The table of requests, bytes and CPU time. Units are in a second line of the header, so that all columns fit.

use crate::analysis::study::summary::{BackendSummary, StateSummary};
use crate::report::terminal::grid::Grid;
use crate::report::text::units;
use crate::report::text::units::Column;

/// One row for each state; a baseline has no backend, only the CPU time of go.
pub fn grid(states: &[StateSummary]) -> Grid {
    let backend = |pick: &dyn Fn(&BackendSummary) -> Option<f64>| -> Vec<Option<f64>> {
        states.iter().map(|state| pick(state.backend.as_ref()?)).collect()
    };
    let count = |pick: &dyn Fn(&BackendSummary) -> f64| {
        let values = backend(&|session| Some(pick(session)));
        Column { unit: None, cells: values.into_iter().map(units::count).collect() }
    };
    let size = |pick: &dyn Fn(&BackendSummary) -> Option<f64>| units::size_column(&backend(pick));
    let time = |pick: &dyn Fn(&BackendSummary) -> Option<f64>| units::duration_column(&backend(pick));
    let go_cpu: Vec<Option<f64>> = states.iter().map(|state| Some(state.go_cpu_median_ns)).collect();
    let columns = [
        ("state", Column { unit: None, cells: states.iter().map(|state| state.state.to_string()).collect() }),
        ("gets", count(&|session| session.gets)),
        ("local", count(&|session| session.hits_local)),
        ("remote", count(&|session| session.hits_remote)),
        ("misses", count(&|session| session.misses)),
        ("puts", count(&|session| session.puts)),
        ("get p50", time(&|session| session.get_p50_ns)),
        ("p99", time(&|session| session.get_p99_ns)),
        ("down", size(&|session| Some(session.bytes_down))),
        ("up", size(&|session| Some(session.bytes_up))),
        ("go cpu", units::duration_column(&go_cpu)),
        ("backend\ncpu", time(&|session| session.cpu_ns)),
        ("peak", size(&|session| session.peak_rss_bytes)),
    ];
    Grid::of_columns(&columns)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::analysis::study::summary::tests::{measured, summary};
    use crate::report::terminal::grid::View;
    use crate::scenario::cache_state::CacheState;

    /// The counts of a `go build std` over a slow link, with many digits.
    pub fn backend(hits: f64, get_p50_ns: f64, bytes: f64) -> BackendSummary {
        BackendSummary {
            gets: 1072.0,
            hits_local: hits,
            hits_remote: 1072.0 - hits,
            misses: 1072.0 - hits,
            puts: 2144.0,
            get_p50_ns: Some(get_p50_ns),
            get_p99_ns: Some(get_p50_ns * 22.0),
            bytes_down: bytes,
            bytes_up: bytes,
            remote_requests: 0.0,
            cpu_ns: Some(12.34e9),
            peak_rss_bytes: Some(141.4e6),
            uploads_left: 0,
            remote_errors: 0,
            remote_off: None,
        }
    }

    #[test]
    fn every_column_of_a_build_of_std_fits_100() {
        let all = CacheState::ALL.into_iter().flat_map(|state| measured(state, &[1])).collect::<Vec<_>>();
        let mut states = summary(&all).states;
        for state in &mut states {
            state.go_cpu_median_ns = 152.13e9;
        }
        states[2].backend = Some(backend(0.0, 21.447e6, 144.1e6));
        states[3].backend = Some(backend(1.5, 142.861e6, 144.1e6));
        states[4].backend = Some(backend(1072.0, 9_212.0, 0.0));
        let text = grid(&states).render(View { width: 100, colour: false });
        assert!(text.lines().next().unwrap().ends_with("peak"), "{text}");
        assert!(text.contains("9.2 µs") && text.contains("143 ms") && text.contains("152"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}
