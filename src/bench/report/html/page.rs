//! The page: the answer, then a section for each thing that there is something of.

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::bench::analysis::results::Results;
use crate::bench::report::html::palette::dark_css;
use crate::bench::report::html::panels::{Logs, flight, gets, logs, paths};
use crate::bench::report::html::parts::{environment, sample_strips, tables, time_breakdowns};
use crate::bench::report::html::records::{Folder, sentences};
use crate::bench::report::html::subjects::{Subject, subjects};
use crate::bench::report::html::text::inline;
use crate::bench::report::html::{flames, links, network_map, verdict};
use crate::bench::report::terminal::tables;
use crate::bench::report::text::{answer, notes};

/// A part of the page.
struct Section {
    id: &'static str,
    title: &'static str,
    body: Markup,
}

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
                title { "bench: " (results.run.name) }
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
                footer { (results.run.name) " · bench " (results.run.environment.bench_version) }
            }
        }
    })
}

/// The answer, what was run, and whether it came to its end.
fn head(results: &Results, folder: &Folder<'_>) -> Markup {
    let says = tables::sentences(results);
    let (title, says) = match answer::of_run(results) {
        Some(answer) => (answer::QUESTION.to_owned(), vec![answer]),
        None => (tables::scenario(&results.run.plan), says),
    };
    html! {
        header {
            h1 { (title) }
            @for sentence in &says { p.answer { (strong_start(sentence)) } }
            @if let Some(why) = notes::incomplete(results) {
                p.warning { "Note: " (why) "; what was measured until then is shown." }
            }
            @for line in tables::header(results).lines() { p.hint { (line) } }
            p.hint {
                @for file in ["results.json", "results.csv", "results.md"] { (folder.link(file, file)) " " }
            }
        }
    }
}

/// The first sentence is the answer to the question.
fn strong_start(sentence: &str) -> Markup {
    match sentence.split_once(". ") {
        Some((start, rest)) => html! { strong { (start) "." } " " (inline(rest)) },
        None => inline(sentence),
    }
}

/// All sections that have something to show, and what is missing.
fn sections(results: &Results, folder: &Folder<'_>) -> Result<(Vec<Section>, Vec<String>)> {
    let all = subjects(results);
    // The points of a grid are in its map.
    let drawn: &[Subject<'_>] = if results.analysis.network.is_none() { &all } else { &[] };
    let logs = if results.run.plan.records { logs(folder, drawn, results) } else { Logs::default() };
    let (flames, no_flames) =
        if results.run.plan.records { flames::read(folder, drawn, results) } else { (Vec::new(), Vec::new()) };
    let mut sections = Vec::new();
    let mut add = |id, title, body: Option<Markup>| sections.extend(body.map(|body| Section { id, title, body }));
    add("samples", "Every sample", sample_strips(results, drawn)?);
    add("time", "Where the wall clock went", time_breakdowns(drawn)?);
    add("flight", "Requests in flight", flight(folder, &logs)?);
    add("latency", "How long gets took", gets(folder, &logs)?);
    add("path", "Critical path", paths(results, folder)?);
    add("network", "Latency and bandwidth", results.analysis.network.as_ref().map(network_map::render).transpose()?);
    let has_verdict = !results.analysis.verdicts.is_empty();
    add("verdict", "What held it back", has_verdict.then(|| verdict::render(folder, &results.analysis.verdicts)));
    add("tables", "Tables", tables(results));
    add("flames", "Flame graphs", (!flames.is_empty()).then(|| flames::render(folder, &flames)));
    add("environment", "Environment", Some(environment(results)));
    add("records", "Records", links::render(folder, results, &all));
    let mut missing = sentences(&[logs.missing, no_flames].concat());
    if !results.run.plan.records {
        missing.push(
            "The backend kept no records in this run (--no-records): what is drawn from them is left out.".to_owned(),
        );
    }
    Ok((sections, missing))
}
