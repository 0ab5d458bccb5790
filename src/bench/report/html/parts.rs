//! The parts of the page that are drawn from `results.json` alone.

use anyhow::Result;
use maud::{Markup, html};

use crate::bench::analysis::results::Results;
use crate::bench::analysis::statistics::samples::{of_wave, samples};
use crate::bench::report::html::strips;
use crate::bench::report::html::strips::Strip;
use crate::bench::report::html::subjects::Subject;
use crate::bench::report::html::tables::table;
use crate::bench::report::html::text::inline;
use crate::bench::report::html::time_breakdown;
use crate::bench::report::terminal::{ci as ci_table, network as network_table, tables as table};
use crate::bench::report::text::units;

/// Every sample.
///
/// # Errors
/// Those of plotters.
pub fn sample_strips(results: &Results, subjects: &[Subject<'_>]) -> Result<Option<Markup>> {
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

/// A strip a wave: its machines.
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

/// Where the wall clock went.
///
/// # Errors
/// Those of plotters.
pub fn time_breakdowns(subjects: &[Subject<'_>]) -> Result<Option<Markup>> {
    let breakdowns: Vec<_> =
        subjects.iter().filter_map(|of| Some((of.named(), &of.figures.time_breakdown.as_ref()?.parts))).collect();
    if breakdowns.is_empty() {
        return Ok(None);
    }
    let bars = time_breakdown::render(&breakdowns)?;
    Ok(Some(html! {
        (bars)
        p.hint {
            "Of the round nearest to the median. Go alone: no request open; both: some open, but fewer than go has workers; \
             go waits: as many as that."
        }
    }))
}

/// The tables of the terminal, and what a reader has to know.
pub fn tables(results: &Results) -> Option<Markup> {
    let (grids, notes) = (table::grids(results), table::notes(results));
    let has_some = !grids.is_empty() || !notes.is_empty() || results.analysis.network.is_some();
    has_some.then(|| {
        html! {
            @for grid in &grids { (table(grid)) }
            @if let Some(network) = &results.analysis.network {
                p { (network_table::baselines(network)) }
            @for (title, grid) in network_table::grids(network) { h3 { (title) } (table(&grid)) }
                p.hint { (network_table::OF_LINE) }
            }
            ul.notes { @for note in &notes { li { (inline(note)) } } }
        }
    })
}

/// Where the run took place.
pub fn environment(results: &Results) -> Markup {
    let of = &results.run.environment;
    let text = |value: &Option<String>| value.clone().unwrap_or(units::MISSING.to_owned());
    let started = i64::try_from(results.run.started_unix_ns / 1_000_000_000).ok();
    let started = started.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let rows = [
        ("run", results.run.name.clone()),
        ("started", started.map_or(units::MISSING.to_owned(), |time| time.to_string())),
        ("go", format!("{} {}, {}", of.go_version, of.go_platform, of.goroot)),
        ("processor", text(&of.cpu_model)),
        ("cores", of.cores.map_or(units::MISSING.to_owned(), |cores| cores.to_string())),
        ("memory", of.memory_bytes.map_or(units::MISSING.to_owned(), units::gibibytes)),
        ("system", text(&of.os)),
        ("kernel", text(&of.kernel)),
        ("file system of the caches", text(&of.file_system)),
    ];
    html! { dl { @for (name, value) in rows { dt { (name) } dd { (value) } } } }
}
