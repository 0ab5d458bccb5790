//! The tables of a grid of links, one for each strategy, and the sentences on where a build without a cache is faster.

use crate::analysis::study::network::{BandwidthColumn, Crossover, LeastBandwidth, Network, Point, StrategyGrid};
use crate::report::terminal::grid::{Grid, View};
use crate::report::text::units;
use crate::scenario::link::bandwidth::Bandwidth;

/// The meaning of a mark in the tables.
pub const OF_LINE: &str = "~ not measured: from the line through the measured latencies of that column.";

/// The baselines, a titled table for each strategy, and the legend.
pub fn render(network: &Network, view: View) -> Vec<String> {
    let mut parts = vec![baselines(network)];
    parts.extend(grids(network).iter().map(|(title, grid)| format!("{title}\n{}", grid.render(view))));
    parts.push(OF_LINE.to_owned());
    parts
}

/// The table of each strategy, with its title.
pub fn grids(network: &Network) -> Vec<(String, Grid)> {
    let strategies = network.strategies.iter();
    strategies.map(|of| (format!("{}, remote-hit", of.strategy.name()), table(of))).collect()
}

/// A sentence for each strategy and bandwidth: where a build without a cache would have been faster.
pub fn sentences(network: &Network) -> Vec<String> {
    let of_strategy = |of: &StrategyGrid| -> Vec<String> {
        let by_latency = of.columns.iter().map(|column| sentence(of.strategy.name(), column));
        by_latency.chain(least(of)).collect()
    };
    network.strategies.iter().flat_map(of_strategy).collect()
}

/// The times of go without a backend.
pub fn baselines(network: &Network) -> String {
    let cell = |wall: Option<f64>| wall.map_or(units::MISSING.to_owned(), units::duration);
    format!("go-cold: {} · go-warm: {}", cell(network.empty_ns), cell(network.full_ns))
}

fn table(of: &StrategyGrid) -> Grid {
    let mut header = vec!["latency".to_owned()];
    header.extend(of.columns.iter().map(|column| column.bandwidth.name()));
    let latencies = of.columns.first().map(|column| column.points.as_slice()).unwrap_or_default();
    let columns: Vec<Vec<String>> = of.columns.iter().map(cells).collect();
    let row = |(at, point): (usize, &Point)| {
        let cells = columns.iter().map(|column| column[at].as_str().into());
        std::iter::once(format!("{} ms", point.latency_ms).into()).chain(cells).collect()
    };
    Grid { header, rows: latencies.iter().enumerate().map(row).collect(), ..Grid::default() }
}

fn cells(column: &BandwidthColumn) -> Vec<String> {
    let walls: Vec<Option<f64>> = column.points.iter().map(|point| point.wall_ns).collect();
    let is_of_line = |point: &Point| point.wall_ns.is_some() && !point.is_measured;
    let marked = units::durations(&walls).into_iter().zip(&column.points);
    marked.map(|(wall, point)| if is_of_line(point) { format!("~{wall}") } else { wall }).collect()
}

fn sentence(strategy: &str, column: &BandwidthColumn) -> String {
    let bandwidth = match column.bandwidth.0 {
        Some(bandwidth) => bandwidth.to_string(),
        None => "bandwidth not limited".to_owned(),
    };
    let says = match column.crossover {
        Crossover::At(latency) => format!("above {} a build without a cache is faster", latency_text(latency)),
        Crossover::Beyond(latency) => {
            format!("faster than no cache on the whole grid; by its line up to {}", latency_text(latency))
        }
        Crossover::Always => "a build without a cache is faster at any latency".to_owned(),
        Crossover::Never => "faster than no cache on the whole grid, and by its line far beyond".to_owned(),
        Crossover::Unknown => "unknown: that takes go-cold and two latencies".to_owned(),
    };
    format!("{strategy}, {bandwidth}: {says}.")
}

/// The bandwidths below which a build without a cache is faster, at the lowest and the highest latency that were measured.
fn least(of: &StrategyGrid) -> Option<String> {
    let told = |least: &LeastBandwidth| {
        let bandwidth = Bandwidth::nearest(least.bytes_per_s?);
        Some(format!("below about {bandwidth} at {}", latency_text(least.latency_ms)))
    };
    let ends = [of.least.first()?, of.least.last()?];
    let told: Vec<String> = ends[..ends.len().min(of.least.len())].iter().filter_map(|least| told(least)).collect();
    let line = "by the line wall = base + bytes / bandwidth";
    (!told.is_empty())
        .then(|| format!("{}: a build without a cache is faster {} ({line}).", of.strategy.name(), told.join(", and ")))
}

fn latency_text(latency_ms: f64) -> String {
    match latency_ms {
        ms if ms < 9.95 => format!("{ms:.1} ms"),
        ms if ms < 995.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::network::tests::network;

    #[test]
    fn fitted_cells_are_marked_and_crossovers_are_sentences() {
        let network = network();
        let text = render(&network, View { width: 100, colour: false }).join("\n");
        assert!(text.contains("go-cold: 1.1 s"), "{text}");
        assert!(text.contains("~1.20 s") && text.contains(" 0.40 s"), "{text}");
        let sentences = sentences(&network);
        assert_eq!(sentences[1], "async, bandwidth not limited: above 18 ms a build without a cache is faster.");
        assert!(sentences[0].starts_with("pack, bandwidth not limited: faster than no cache on"), "{sentences:?}");
    }
}
