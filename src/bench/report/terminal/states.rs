//! The tables of states: their times, and their ratios round by round.

use crate::analysis::statistics::compare::Comparison;
use crate::analysis::study::summary::Summary;
use crate::report::terminal::dots;
use crate::report::terminal::grid::Grid;
use crate::report::text::cell::Cell;
use crate::report::text::comparison;
use crate::report::text::units;

/// One row for each state.
pub fn times(summary: &Summary) -> Grid {
    let walls: Vec<Option<f64>> = summary.states.iter().map(|state| Some(state.wall_median_ns)).collect();
    let walls = units::durations(&walls);
    let samples: Vec<Vec<f64>> =
        summary.states.iter().map(|state| state.walls_ns.iter().map(|wall| *wall as f64).collect()).collect();
    let samples: Vec<&[f64]> = samples.iter().map(Vec::as_slice).collect();
    let dots = dots::rows(&samples);
    let rows = summary.states.iter().zip(walls).zip(dots).map(|((state, wall), dots)| {
        vec![
            state.state.name().into(),
            wall.into(),
            spread(state.wall_spread),
            compared(state.against_empty),
            compared(state.against_full),
            state.walls_ns.len().to_string().into(),
            dots.into(),
        ]
    });
    let header = ["state", "wall", "spread", "against go-cold", "against go-warm", "rounds", "samples"];
    Grid { drawing: Some(header.len() - 1), ..Grid::new(&header, rows.collect()) }
}

/// One row for each pair of states that was compared round by round.
pub fn pairs(pairs: &[Comparison]) -> Grid {
    let rows = pairs.iter().map(|pair| {
        let interval = pair.interval.map(|found| format!("{:.3} to {:.3}", found.low, found.high));
        let confidence = pair.interval.map(|found| units::percent(found.coverage));
        vec![
            format!("{} : {}", pair.state, pair.base).into(),
            format!("{:.3}", pair.ratio).into(),
            interval.map_or(units::MISSING.into(), Cell::from),
            confidence.map_or(units::MISSING.into(), Cell::from),
            pair.pairs.to_string().into(),
            compared(Some(*pair)),
        ]
    });
    Grid::new(&["round by round", "ratio", "interval of the median", "confidence", "rounds", ""], rows.collect())
}

/// A comparison in a cell.
pub fn compared(found: Option<Comparison>) -> Cell {
    found.map_or(units::MISSING.into(), |found| Cell::judged(comparison::short(&found), found.verdict))
}

/// A spread in a cell, from a share.
pub fn spread(share: Option<f64>) -> Cell {
    share.map_or(units::MISSING.into(), |spread| format!("±{}", units::percent(spread)).into())
}
