//! "Did it get faster?": every sample, the map of a grid of links, and the tables of times and counts.

use anyhow::Result;
use maud::{Markup, html};

use crate::analysis::results::Results;
use crate::analysis::statistics::samples::{of_wave, samples};
use crate::report::html::charts::strips::Strip;
use crate::report::html::charts::{network_map, strips};
use crate::report::html::sections::Section;
use crate::report::html::sections::table::table;
use crate::report::html::subjects::Subject;
use crate::report::terminal::{ci as ci_table, network as network_table, tables};
use crate::report::text::units;

/// The section.
///
/// # Errors
/// When plotters fails.
pub fn section(results: &Results, subjects: &[Subject<'_>]) -> Result<Section> {
    let mut section = Section::new("faster", "Did it get faster?");
    section.add("samples", "Every build", sample_strips(results, subjects)?);
    section.add(
        "network",
        "Latency and bandwidth",
        results.analysis.network.as_ref().map(network_map::render).transpose()?,
    );
    section.add("tables", "Times and counts", all_tables(results));
    Ok(section)
}

fn sample_strips(results: &Results, subjects: &[Subject<'_>]) -> Result<Option<Markup>> {
    let of_subject = |of: &Subject<'_>| Strip {
        name: of.name.clone(),
        median_ns: of.figures.wall_median_ns,
        spread: of.figures.wall_spread.map_or(String::new(), |spread| format!("±{}", units::percent(spread))),
        samples: samples(&results.run.rounds, of.setup, &results.analysis.summary.outliers),
        is_baseline: !of.setup.state.uses_backend() && of.setup.case.is_none(),
    };
    let mut strips: Vec<Strip> = subjects.iter().map(of_subject).collect();
    strips.extend(of_machines(results));
    if strips.is_empty() { Ok(None) } else { strips::render(&strips).map(Some) }
}

/// A strip for each wave of machines.
fn of_machines(results: &Results) -> Vec<Strip> {
    let waves = results.run.machines.iter().flat_map(|group| &group.waves).zip(&results.analysis.waves);
    let strip = |(wave, summary)| {
        let (samples, median_ns) = of_wave(wave)?;
        Some(Strip {
            name: ci_table::wave_name(summary),
            median_ns,
            spread: String::new(),
            samples,
            is_baseline: false,
        })
    };
    waves.filter_map(strip).collect()
}

fn all_tables(results: &Results) -> Option<Markup> {
    let grids = tables::results_grids(results);
    (!grids.is_empty() || results.analysis.network.is_some()).then(|| {
        html! {
            @for grid in &grids { (table(grid)) }
            @if let Some(network) = &results.analysis.network {
                p { (network_table::baselines(network)) }
                @for (title, grid) in network_table::grids(network) { h4 { (title) } (table(&grid)) }
                p.hint { (network_table::OF_LINE) }
            }
        }
    })
}
