//! The page: the answer, then a section for each thing that there is something of.

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::bench::report::html::palette::dark_css;
use crate::bench::report::html::panels::{Logs, flight, gets, logs, paths};
use crate::bench::report::html::parts::{accounts, environment, sample_strips, tables};
use crate::bench::report::html::records::{Folder, sentences};
use crate::bench::report::html::subjects::{Subject, subjects};
use crate::bench::report::html::text::inline;
use crate::bench::report::html::{flames, links, network_map, verdict};
use crate::bench::report::terminal::tables;
use crate::bench::report::text::{answer, conditions, notes};
use crate::bench::results::run::Results;

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
    let (title, answer, says) = match answer::of_run(results) {
        Some(sentences) => (answer::QUESTION.to_owned(), Some(answer::headline(&results.summary)), vec![sentences]),
        None => (tables::scenario(&results.plan), None, tables::sentences(results)),
    };
    let warning = results.summary.machine.and_then(conditions::warning);
    html! {
        header {
            h1 { (title) }
            @if let Some(warning) = warning { p.warning { (warning) } }
            @if let Some(answer) = answer { p.answer { strong { (answer) } } }
            @for sentence in &says { p.answer { (inline(sentence)) } }
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

/// All sections that have something to show, and what is missing.
fn sections(results: &Results, folder: &Folder<'_>) -> Result<(Vec<Section>, Vec<String>)> {
    let all = subjects(results);
    // The points of a grid are in its map.
    let drawn: &[Subject<'_>] = if results.network.is_none() { &all } else { &[] };
    let logs = if results.plan.records { logs(folder, drawn, results) } else { Logs::default() };
    let (flames, no_flames) =
        if results.plan.records { flames::read(folder, drawn, results) } else { (Vec::new(), Vec::new()) };
    let mut sections = Vec::new();
    let mut add = |id, title, body: Option<Markup>| sections.extend(body.map(|body| Section { id, title, body }));
    let has_verdict = !results.verdicts.is_empty();
    add(
        "verdict",
        "What should be fixed first?",
        has_verdict.then(|| verdict::render(folder, &results.verdicts, &results.plan)),
    );
    add("samples", "How sure is that: every build", sample_strips(results, drawn)?);
    add("time", "Where did the time go?", accounts(drawn)?);
    add("flight", "How many requests were open at once?", flight(folder, &logs)?);
    add("latency", "How long did gets take?", gets(folder, &logs)?);
    add("path", "Which packages decided the time? (critical path)", paths(results, folder)?);
    add(
        "network",
        "On which networks does a cache help?",
        results.network.as_ref().map(network_map::render).transpose()?,
    );
    add("tables", "All tables and notes", tables(results));
    add("flames", "Flame graphs", (!flames.is_empty()).then(|| flames::render(folder, &flames)));
    add("environment", "What was it measured on?", Some(environment(results)));
    add("records", "Files of each build", links::render(folder, results, &all));
    let mut missing = sentences(&[logs.missing, no_flames].concat());
    if !results.plan.records {
        missing.push(
            "The backend kept no records in this run (--no-records): what is drawn from them is left out.".to_owned(),
        );
    }
    Ok((sections, missing))
}
