//! The page: the answer, then a section for each thing that there is something of.

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::flames;
use super::links;
use super::palette::dark_css;
use super::records::{Folder, FromLog, Missing, request_log, sentences};
use super::strips::{self, Strip};
use super::subjects::{Subject, subjects};
use super::tables::table;
use super::{account_bars, in_flight, latency, verdict, waterfall};
use crate::bench::analysis::ci::CiResults;
use crate::bench::analysis::critical_path::CriticalPath;
use crate::bench::analysis::samples::{of_wave, samples};
use crate::bench::analysis::stats::median;
use crate::bench::reporting::results::Results;
use crate::bench::reporting::{answer, ci_table, network_plot, network_table, notes, table, units};

/// Panels of one kind that are open; the others take a click.
const OPEN: usize = 6;

/// A part of the page.
struct Section {
    id: &'static str,
    title: &'static str,
    body: Markup,
}

/// A leg or a case, and its chart.
type Panel = (Markup, Markup);

/// The whole page.
///
/// # Errors
/// Those of plotters.
pub fn render(results: &Results, folder: &Folder<'_>) -> Result<Markup> {
    let (sections, missing) = sections(results, folder)?;
    Ok(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "bench: " (results.run) }
                style { (PreEscaped(include_str!("style.css"))) "@media (prefers-color-scheme: dark) {\n" (PreEscaped(dark_css())) "}" }
            }
            body {
                (head(results, folder))
                nav { @for section in &sections { a href={ "#" (section.id) } { (section.title) } " " } }
                @for section in &sections {
                    section id=(section.id) { h2 { (section.title) } (section.body) }
                }
                @if !missing.is_empty() {
                    section id="missing" { h2 { "What is missing" } @for sentence in missing { p { (sentence) } } }
                }
                footer { (results.run) " · bench " (results.environment.bench_version) }
            }
        }
    })
}

/// The answer, what was run, and whether it came to its end.
fn head(results: &Results, folder: &Folder<'_>) -> Markup {
    let says = table::sentences(results);
    let (title, says) = match answer::of_run(results) {
        Some(answer) => (answer::QUESTION.to_owned(), vec![answer]),
        None => (format!("{}.toml", results.plan.scenario), says),
    };
    html! {
        header {
            h1 { (title) }
            @for sentence in &says { p.answer { (strong_start(sentence)) } }
            @if let Some(why) = notes::incomplete(results) {
                p.warning { "This run " (why) ": what was measured until then is shown." }
            }
            @for line in table::header(results).lines() { p.hint { (line) } }
            p.hint {
                @for file in ["results.json", "results.csv", "results.md"] { (folder.link(file, file)) " " }
            }
        }
    }
}

/// The first sentence is the answer to the question.
fn strong_start(sentence: &str) -> Markup {
    match sentence.split_once(". ") {
        Some((start, rest)) => html! { strong { (start) "." } " " (rest) },
        None => html! { (sentence) },
    }
}

/// All sections that have something to show, and what is missing.
fn sections(results: &Results, folder: &Folder<'_>) -> Result<(Vec<Section>, Vec<String>)> {
    // The points of a grid are in its map.
    let subjects = if results.network.is_none() { subjects(results) } else { Vec::new() };
    let logs = if results.plan.records { logs(folder, &subjects, results) } else { Logs::default() };
    let (flames, no_flames) =
        if results.plan.records { flames::read(folder, &subjects, results) } else { (Vec::new(), Vec::new()) };
    let mut sections = Vec::new();
    let mut add = |id, title, body: Option<Markup>| sections.extend(body.map(|body| Section { id, title, body }));
    add("samples", "Every sample", sample_strips(results, &subjects)?);
    add("time", "Where the wall clock went", accounts(&subjects)?);
    add("flight", "Requests in flight", flight(folder, &logs)?);
    add("latency", "How long gets took", gets(folder, &logs)?);
    add("path", "Critical path", paths(results, folder)?);
    add("network", "Latency and bandwidth", map(results)?);
    let has_verdict = !results.verdicts.is_empty();
    add("verdict", "What held it back", has_verdict.then(|| verdict::render(folder, &results.verdicts)));
    add("tables", "Tables", tables(results));
    add("flames", "Flame graphs", (!flames.is_empty()).then(|| flames::render(folder, &flames)));
    add("environment", "Environment", Some(environment(results)));
    add("records", "Records", links::render(folder, results, &subjects));
    let mut missing = sentences(&[logs.missing, no_flames].concat());
    if !results.plan.records {
        missing.push(
            "The backend kept no records in this run (--no-records): what is drawn from them is left out.".to_owned(),
        );
    }
    Ok((sections, missing))
}

/// What the request logs tell, by subject.
#[derive(Default)]
struct Logs<'a> {
    read: Vec<(&'a Subject<'a>, FromLog)>,
    missing: Vec<Missing>,
}

fn logs<'a>(folder: &Folder<'_>, subjects: &'a [Subject<'a>], results: &Results) -> Logs<'a> {
    let mut logs = Logs::default();
    for of in subjects {
        match request_log(folder, of, results) {
            Some(Ok(read)) => logs.read.push((of, read)),
            Some(Err(missing)) => logs.missing.push(missing),
            None => (),
        }
    }
    logs
}

fn sample_strips(results: &Results, subjects: &[Subject<'_>]) -> Result<Option<Markup>> {
    let of_subject = |of: &Subject<'_>| Strip {
        name: of.name.clone(),
        median_ns: of.figures.wall_median_ns,
        spread: of.figures.wall_spread.map_or(String::new(), |spread| format!("±{}", units::percent(spread))),
        samples: samples(&results.rounds, of.setup, &results.summary.outliers),
        is_baseline: !of.setup.leg.uses_backend() && of.setup.case.is_none(),
    };
    let mut strips: Vec<Strip> = subjects.iter().map(of_subject).collect();
    strips.extend(results.ci.iter().flat_map(of_machines));
    if strips.is_empty() { Ok(None) } else { strips::render(&strips).map(Some) }
}

/// A strip a wave: its machines.
fn of_machines(ci: &CiResults) -> Vec<Strip> {
    let waves = ci.groups.iter().flat_map(|group| &group.waves).zip(&ci.waves);
    let strip = |(wave, summary)| {
        let samples = of_wave(wave);
        let median_ns = median(&samples.iter().map(|sample| sample.wall_ns as f64).collect::<Vec<f64>>())?;
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

fn accounts(subjects: &[Subject<'_>]) -> Result<Option<Markup>> {
    let accounts: Vec<_> =
        subjects.iter().filter_map(|of| Some((of.named(), &of.figures.account.as_ref()?.account))).collect();
    if accounts.is_empty() {
        return Ok(None);
    }
    let bars = account_bars::render(&accounts)?;
    Ok(Some(html! {
        (bars)
        p.hint {
            "Of the round nearest to the median. Go alone: no request open; both: some open, but fewer than go has workers; \
             go waits: as many as that."
        }
    }))
}

fn flight(folder: &Folder<'_>, logs: &Logs<'_>) -> Result<Option<Markup>> {
    let panel = |(of, read): &(&Subject<'_>, FromLog)| -> Result<Panel> {
        let most = read.in_flight.most();
        let chart = in_flight::render(&of.name, &read.in_flight)?;
        Ok((source(folder, of), html! { (chart) p.hint { "At most " (most) " at once." } }))
    };
    let panels = logs.read.iter().map(panel).collect::<Result<Vec<Panel>>>()?;
    Ok((!panels.is_empty()).then(|| html! { (in_flight::legend()) (stacked(panels)) }))
}

fn gets(folder: &Folder<'_>, logs: &Logs<'_>) -> Result<Option<Markup>> {
    let range = latency::range(logs.read.iter().flat_map(|(_, read)| &read.gets));
    let with_gets = logs.read.iter().filter(|(_, read)| !read.gets.is_empty());
    let panel = |(of, read): &(&Subject<'_>, FromLog)| -> Result<Panel> {
        Ok((source(folder, of), latency::render(&of.name, &read.gets, range)?))
    };
    let panels = with_gets.map(panel).collect::<Result<Vec<Panel>>>()?;
    Ok((!panels.is_empty()).then(|| {
        html! {
            (latency::legend())
            p.hint { "Dot: median. Bar: from a tenth to nine tenths of the gets. Line: from the fastest to the slowest." }
            (stacked(panels))
        }
    }))
}

/// The name of a subject, with a link to the log that its chart is from.
fn source(folder: &Folder<'_>, of: &Subject<'_>) -> Markup {
    let below = of.round.map(|round| format!("{}/request.txt", round.folder)).unwrap_or_default();
    html! { (of.name) " " span.source { (folder.link(&below, &below)) } }
}

/// One below the other, the first ones open.
fn stacked(panels: Vec<Panel>) -> Markup {
    let one = |(title, chart): &Panel| html! { h3 { (title) } (chart) };
    let (open, more) = panels.split_at(panels.len().min(OPEN));
    html! {
        @for panel in open { (one(panel)) }
        @if !more.is_empty() {
            details { summary { (more.len()) " more" } @for panel in more { (one(panel)) } }
        }
    }
}

fn paths(results: &Results, folder: &Folder<'_>) -> Result<Option<Markup>> {
    if results.critical_paths.is_empty() {
        return Ok(None);
    }
    let panel = |path: &CriticalPath| -> Result<Panel> {
        let graph = format!("{}/go-actiongraph.json", path.folder);
        Ok((
            html! { (path.folder) " " span.source { (folder.link(&graph, "go-actiongraph.json")) } },
            waterfall::render(path)?,
        ))
    };
    let panels = results.critical_paths.iter().map(panel).collect::<Result<Vec<Panel>>>()?;
    Ok(Some(html! { (waterfall::legend()) (stacked(panels)) }))
}

fn map(results: &Results) -> Result<Option<Markup>> {
    let Some(network) = &results.network else { return Ok(None) };
    let map = super::chart::both("Wall clock over latency, a panel a bandwidth", |width| {
        network_plot::svg(network, width.panels())
    })?;
    Ok(Some(html! {
        (map)
        p.hint { "Dots were measured. A line that crosses the one of no cache: from there on no cache is faster." }
    }))
}

fn tables(results: &Results) -> Option<Markup> {
    let (grids, notes) = (table::grids(results), table::notes(results));
    let has_some = !grids.is_empty() || !notes.is_empty() || results.network.is_some();
    has_some.then(|| {
        html! {
            @for grid in &grids { (table(grid)) }
            @if let Some(network) = &results.network {
                @for (title, grid) in network_table::grids(network) { h3 { (title) } (table(&grid)) }
                p.hint { (network_table::OF_LINE) }
            }
            ul.notes { @for note in &notes { li { (note) } } }
        }
    })
}

fn environment(results: &Results) -> Markup {
    let of = &results.environment;
    let text = |value: &Option<String>| value.clone().unwrap_or(units::MISSING.to_owned());
    let started = i64::try_from(results.started_unix_ns / 1_000_000_000).ok();
    let started = started.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let rows = [
        ("run", results.run.clone()),
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
