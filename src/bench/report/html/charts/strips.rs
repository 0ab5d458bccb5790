//! The samples as strips: every build a dot, each row with its median, the baselines as lines through the rows.

use anyhow::Result;
use maud::{Markup, html};
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use crate::analysis::statistics::samples::{Sample, alike};
use crate::report::html::charts::chart;
use crate::report::html::charts::chart::{Axis, Mark, Width};
use crate::report::html::charts::hover::DOT;
use crate::report::html::charts::palette::{BLUE, INK, MUTED, ORANGE};
use crate::report::text::units;

/// The height of a row, pixels: a line of text, and the dots below it.
const ROW: u32 = 54;
const NAME: f64 = 12.0;
const DOTS: f64 = 38.0;
/// Half the height of a median.
const TALL: f64 = 14.0;
/// Distances from the middle line, pixels, for dots that would cover each other.
const LANES: [f64; 5] = [0.0, -6.0, 6.0, -12.0, 12.0];
/// Room to the right of the longest sample.
const BEYOND: f64 = 1.04;

/// The samples of a state, a case, or machines that started together.
#[derive(Debug, Clone, PartialEq)]
pub struct Strip {
    pub name: String,
    pub median_ns: f64,
    /// The spread, written beside the median.
    pub spread: String,
    pub samples: Vec<Sample>,
    pub is_baseline: bool,
}

/// All strips, in panels of builds of similar length.
///
/// # Errors
/// When plotters fails.
pub fn render(strips: &[Strip]) -> Result<Markup> {
    let medians: Vec<f64> = strips.iter().map(|strip| strip.median_ns).collect();
    let panels: Vec<Markup> = alike(&medians)
        .into_iter()
        .map(|rows| {
            let rows: Vec<&Strip> = rows.into_iter().map(|row| &strips[row]).collect();
            let names: Vec<&str> = rows.iter().map(|strip| strip.name.as_str()).collect();
            chart::both(&format!("Samples of {}", names.join(", ")), |width| panel(width, &rows))
        })
        .collect::<Result<_>>()?;
    let has_outlier = strips.iter().flat_map(|strip| &strip.samples).any(|sample| sample.is_outlier);
    let mut meaning = vec![(Mark::Dot(BLUE), "one build")];
    if has_outlier {
        meaning.push((Mark::Dot(ORANGE), "one build, an outlier (kept)"));
    }
    meaning.push((Mark::Line(INK), "median"));
    if strips.iter().any(|strip| strip.is_baseline) {
        meaning.push((Mark::Dashes(MUTED), "median without a backend"));
    }
    Ok(html! {
        (chart::legend(&meaning))
        @for panel in &panels { (panel) }
        @if panels.len() > 1 {
            p.hint { "Each panel has its own axis, from 0." }
        }
    })
}

fn panel(width: Width, rows: &[&Strip]) -> Result<String> {
    let walls = rows.iter().flat_map(|row| &row.samples).map(|sample| sample.wall_ns as f64);
    let longest = walls.fold(1.0, f64::max) * BEYOND;
    let (size, unit) = units::time_unit(longest);
    let last = longest / size;
    let medians = units::durations(&rows.iter().map(|row| Some(row.median_ns)).collect::<Vec<_>>());
    let height = ROW * rows.len() as u32;
    chart::svg(width, chart::height(height), |area, hover| {
        let axis = Axis { title: &format!("wall time, {unit}"), format: &|value| units::tick(*value) };
        let chart = chart::rows(area, width, 0.0..last, height, &axis)?;
        let tops = (0..height).step_by(ROW as usize).map(f64::from);
        for ((row, median), top) in rows.iter().zip(&medians).zip(tops) {
            for baseline in rows.iter().filter(|row| row.is_baseline) {
                let at = baseline.median_ns / size;
                chart::dashed(&chart, (at, top + DOTS - TALL), (at, top + DOTS + TALL))?;
            }
            chart::write(&chart, &row.name, (0.0, top + NAME), HPos::Left)?;
            chart::write(&chart, &format!("{median} {}", row.spread), (last, top + NAME), HPos::Right)?;
            let middle = row.median_ns / size;
            chart::line(&chart, (middle, top + DOTS - TALL), (middle, top + DOTS + TALL), INK, 2)?;
            let dots = dots(&row.samples, |ns| ns / longest * width.plot());
            for (sample, lane) in dots {
                let colour = if sample.is_outlier { ORANGE } else { BLUE };
                let at = (sample.wall_ns as f64 / size, top + DOTS + lane);
                chart.plotting_area().draw(&Circle::new(at, DOT, colour.mix(0.85).filled()))?;
                let title = format!("{}: {}", row.name, units::duration(sample.wall_ns as f64));
                hover.dot(chart.plotting_area().map_coordinate(&at), title);
            }
        }
        Ok(())
    })
}

/// The dots of a row, from left to right, each beside the middle line as far as it has to be to lie on no other, if it can.
fn dots(samples: &[Sample], pixels: impl Fn(f64) -> f64) -> Vec<(Sample, f64)> {
    let mut sorted = samples.to_vec();
    sorted.sort_by_key(|sample| sample.wall_ns);
    let mut ends = [f64::MIN; LANES.len()];
    let place = |sample: Sample| {
        let at = pixels(sample.wall_ns as f64);
        let free = ends.iter().position(|end| at - end >= f64::from(2 * DOT));
        let lane = free.unwrap_or(0);
        ends[lane] = at;
        (sample, LANES[lane])
    };
    sorted.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strip(name: &str, walls_ns: &[u64]) -> Strip {
        Strip {
            name: name.to_owned(),
            median_ns: walls_ns[walls_ns.len() / 2] as f64,
            spread: "±1 %".to_owned(),
            samples: walls_ns.iter().map(|wall_ns| Sample { wall_ns: *wall_ns, is_outlier: *wall_ns == 9 }).collect(),
            is_baseline: name.starts_with("baseline"),
        }
    }

    #[test]
    fn every_sample_is_a_dot_and_runs_far_apart_have_panels() {
        let strips = [strip("baseline", &[5_000_000_000]), strip("a", &[9, 10, 11])];
        let page = render(&strips).unwrap().into_string();
        // Two panels, in two widths, and two in the legend.
        assert_eq!(page.matches("<circle").count(), 2 * 4 + 2);
        assert_eq!(page.matches("role=\"img\"").count(), 2);
        assert!(page.contains("wall time, s") && page.contains("wall time, ns"), "{page}");
        assert!(page.contains("an outlier (kept)") && page.contains("its own axis"));
        assert_eq!(page.matches("<title>a: 11 ns</title>").count(), 2, "each dot says its time");
    }

    #[test]
    fn dots_that_would_lie_on_each_other_move_aside() {
        let samples = strip("a", &[100, 101, 200]).samples;
        let lanes: Vec<f64> = dots(&samples, |ns| ns).into_iter().map(|(_, lane)| lane).collect();
        assert_eq!(lanes, [0.0, -6.0, 0.0]);
    }
}
