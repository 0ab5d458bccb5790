//! A grid of links as a picture: wall time over latency, a panel for each bandwidth, a line for each strategy.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::analysis::study::network::{BandwidthColumn, Network};
use crate::report::html::charts::chart::Area;
use crate::report::html::charts::hover::Hover;
use crate::report::html::charts::palette::{BLUE, GREEN, GRID, INK, MUTED, ORANGE, PINK, SKY};
use crate::report::text::units;
use crate::results::run::write_whole;

/// The name of the picture in the folder of a run.
pub const PLOT_FILE: &str = "network.svg";
const SECOND: f64 = 1e9;

/// A panel.
type Plot<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, LogCoord<f64>>>;

/// Colours of the baselines.
pub const EMPTY: RGBColor = INK;
pub const FULL: RGBColor = MUTED;

/// The layout of the picture.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Panels in a row.
    pub columns: usize,
    /// Width and height of a panel, pixels.
    pub panel: (u32, u32),
    /// Size of text, in the unit of plotters.
    pub text: f64,
    pub has_legend: bool,
}

/// The picture as a file.
const FILE: Look = Look { columns: 2, panel: (560, 360), text: 14.0, has_legend: true };

/// Colours of the strategies, one after the other.
pub fn colours() -> impl Iterator<Item = RGBColor> {
    [BLUE, ORANGE, GREEN, PINK, SKY].into_iter().cycle()
}

/// Writes the picture into the folder of the run, by rename.
///
/// # Errors
/// When the file cannot be written.
pub fn write(network: &Network, folder: &Path) -> Result<()> {
    let picture = svg(network, FILE)?;
    write_whole(&folder.join(PLOT_FILE), |file| Ok(file.write_all(picture.as_bytes())?))
}

/// The picture.
///
/// # Errors
/// When it cannot be drawn.
pub fn svg(network: &Network, look: Look) -> Result<String> {
    let (mut svg, mut hover) = (String::new(), Hover::default());
    draw(network, look, &mut svg, &mut hover).context("cannot draw the network plot")?;
    Ok(hover.over(&svg))
}

fn draw(network: &Network, look: Look, svg: &mut String, hover: &mut Hover) -> Result<()> {
    let panels = network.strategies.first().map_or(0, |of| of.columns.len()).max(1);
    let columns = look.columns.min(panels);
    let rows = panels.div_ceil(columns);
    let size = (look.panel.0 * columns as u32, look.panel.1 * rows as u32);
    let root = SVGBackend::with_string(svg, size).into_drawing_area();
    root.fill(&WHITE)?;
    let areas = root.split_evenly((rows, columns));
    for (number, area) in areas.iter().take(panels).enumerate() {
        // One legend is enough, and the others would lie on lines.
        panel(network, number, area, Look { has_legend: look.has_legend && number == 0, ..look }, hover)?;
    }
    root.present()?;
    Ok(())
}

fn panel(network: &Network, number: usize, area: &Area<'_>, look: Look, hover: &mut Hover) -> Result<()> {
    let (low, high, last) = extent(network);
    let title = network.strategies.first().map(|of| of.columns[number].bandwidth.name()).unwrap_or_default();
    let text = ("sans-serif", look.text);
    let mut chart = ChartBuilder::on(area)
        .caption(title, text)
        .margin(10)
        .margin_right(24)
        .x_label_area_size((look.text * 2.8) as u32)
        .y_label_area_size((look.text * 3.4) as u32)
        .build_cartesian_2d(0.0..last, (low..high).log_scale())?;
    let mut mesh = chart.configure_mesh();
    mesh.x_desc("latency, ms (dots: measured)").y_desc("wall, s").light_line_style(WHITE).bold_line_style(GRID);
    mesh.label_style(text).axis_desc_style(text).x_labels(6).y_labels(6);
    mesh.x_label_formatter(&|ms| format!("{ms:.0}")).y_label_formatter(&|s| s.to_string()).draw()?;
    for (of, colour) in network.strategies.iter().zip(colours()) {
        line(&mut chart, of.strategy.name(), &of.columns[number], colour, hover)?;
    }
    for (wall, label, colour) in [(network.empty_ns, "no cache", EMPTY), (network.full_ns, "go's own cache", FULL)] {
        let Some(wall) = wall else { continue };
        let ends = [(0.0, wall / SECOND), (last, wall / SECOND)];
        chart
            .draw_series(DashedLineSeries::new(ends, 5, 4, colour.into()))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
    }
    if look.has_legend {
        let mut legend = chart.configure_series_labels();
        legend.label_font(text).background_style(WHITE.mix(0.8)).border_style(GRID).draw()?;
    }
    Ok(())
}

/// The line of a strategy, with a dot for each link that was measured.
fn line<'a>(
    chart: &mut Plot<'a, '_>,
    name: &str,
    column: &BandwidthColumn,
    colour: RGBColor,
    hover: &mut Hover,
) -> Result<()> {
    chart
        .draw_series(LineSeries::new(points(column, |_| true), colour.stroke_width(2)))?
        .label(name)
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
    let measured = points(column, |is_measured| is_measured);
    for point in &measured {
        let title = format!("{name}, {} ms latency: {}", point.0, units::duration(point.1 * SECOND));
        hover.dot(chart.plotting_area().map_coordinate(point), title);
    }
    chart.draw_series(measured.into_iter().map(|point| Circle::new(point, 4, colour.filled())))?;
    Ok(())
}

/// Wall times in seconds over latencies in milliseconds, from left to right.
fn points(column: &BandwidthColumn, wanted: impl Fn(bool) -> bool) -> Vec<(f64, f64)> {
    let wanted = column.points.iter().filter(|point| wanted(point.is_measured));
    let mut points: Vec<(f64, f64)> =
        wanted.filter_map(|point| Some((point.latency_ms, point.wall_ns? / SECOND))).collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    points
}

/// The axes of all panels: the smallest and the largest wall time in seconds with some room, and the largest latency.
fn extent(network: &Network) -> (f64, f64, f64) {
    let columns = || network.strategies.iter().flat_map(|of| &of.columns);
    let all: Vec<(f64, f64)> = columns().flat_map(|column| points(column, |_| true)).collect();
    let baselines = [network.empty_ns, network.full_ns].into_iter().flatten().map(|wall| wall / SECOND);
    let walls: Vec<f64> = all.iter().map(|point| point.1).chain(baselines).filter(|wall| *wall > 0.0).collect();
    let low = walls.iter().copied().fold(f64::MAX, f64::min);
    let high = walls.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let last = all.iter().map(|point| point.0).fold(1.0, f64::max);
    (low.min(high) / 1.5, high * 1.5, last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::network::tests::network;

    #[test]
    fn the_picture_has_a_line_for_each_strategy_and_dots_where_it_was_measured() {
        let folder = tempfile::tempdir().unwrap();
        write(&network(), folder.path()).unwrap();
        let svg = std::fs::read_to_string(folder.path().join(PLOT_FILE)).unwrap();
        for word in ["<svg", "pack", "async", "no cache", "latency, ms"] {
            assert!(svg.contains(word), "{word}");
        }
        assert_eq!((svg.matches("<circle").count(), svg.matches("<title>").count()), (5, 5));
    }

    #[test]
    fn a_grid_without_any_result_is_drawn_empty() {
        let mut network = network();
        network.empty_ns = None;
        for point in network.strategies.iter_mut().flat_map(|of| &mut of.columns).flat_map(|column| &mut column.points)
        {
            point.wall_ns = None;
        }
        let empty = svg(&network, FILE).unwrap();
        assert!(empty.contains("latency, ms") && !empty.contains("<circle") && !empty.contains("NaN"), "{empty}");
    }
}
