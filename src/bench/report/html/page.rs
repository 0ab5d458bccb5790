//! The page: the answer with its table, what to fix, then a section for each further question.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::analysis::results::Results;
use crate::report::html::charts::palette::dark_css;
use crate::report::html::records::Folder;
use crate::report::html::sections::requests::{Logs, logs};
use crate::report::html::sections::table::{class, table};
use crate::report::html::sections::{Section, builds, files, packages, time, trust};
use crate::report::html::subjects::{Subject, subjects};
use crate::report::html::text::inline;
use crate::report::html::{flames, verdict};
use crate::report::terminal::{first_screen, tables};
use crate::report::text::{answer, conditions, warnings};
use crate::results::run::write_whole;

/// The name of the page in the folder of a run.
pub const HTML_FILE: &str = "report.html";
/// Sorts a table by the column whose title is clicked.
const SCRIPT: &str = include_str!("sort.js");

/// Writes the page into `folder`, by rename; the records are read from there.
///
/// # Errors
/// When it cannot be drawn or written.
pub fn write(results: &Results, folder: &Path) -> Result<()> {
    let page = render(results, &Folder(folder))?.into_string();
    write_whole(&folder.join(HTML_FILE), |file| Ok(file.write_all(page.as_bytes())?))
}

/// The whole page.
///
/// # Errors
/// When plotters fails.
pub fn render(results: &Results, folder: &Folder<'_>) -> Result<Markup> {
    let sections = sections(results, folder)?;
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
                (head(results))
                nav { @for section in &sections { a href={ "#" (section.id) } { (section.title) } " " } }
                main { @for section in &sections { (section.render()) } }
                footer { (results.run.name) " · bench " (results.run.environment.bench_version) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    })
}

/// The answer, the table below it, the conditions, and a warning where the run did not come to its end.
fn head(results: &Results) -> Markup {
    let screen = first_screen::screen_of(results);
    // The table says all that there is to say of states.
    let is_of_states = answer::of_run(results).is_some() && results.analysis.differences.is_none();
    let question = is_of_states.then_some(answer::QUESTION);
    let says = if question.is_some() { Vec::new() } else { tables::sentences(results) };
    html! {
        header {
            p.hint { (tables::scenario(&results.run.plan)) @if let Some(question) = question { " · " (question) } }
            h1 class=[class(screen.answer.tone)] { (screen.answer.text) }
            @if let Some(why) = warnings::incomplete(results) {
                p.warning { "Note: " (why) "; what was measured until then is shown." }
            }
            @if !screen.table.rows.is_empty() { (table(&screen.table)) }
            p.hint { (conditions::parts(results).join(" · ")) }
            @for sentence in &says { p { (inline(sentence)) } }
            @for line in tables::header(results).lines() { p.hint { (line) } }
        }
    }
}

/// All sections that have something to show.
fn sections(results: &Results, folder: &Folder<'_>) -> Result<Vec<Section>> {
    let all = subjects(results);
    // The points of a grid are in its map.
    let drawn: &[Subject<'_>] = if results.analysis.network.is_none() { &all } else { &[] };
    let (logs, (flames, no_flames)) = if results.run.plan.records {
        (logs(folder, drawn, results), flames::read(folder, drawn, results))
    } else {
        (Logs::default(), (Vec::new(), Vec::new()))
    };
    let mut fix = Section::new("fix", "What should I fix first?");
    fix.add(
        "verdict",
        None,
        (!results.analysis.verdicts.is_empty())
            .then(|| verdict::render(folder, &results.analysis.verdicts, &results.run.plan)),
    );
    let mut sections = vec![
        fix,
        builds::section(results, drawn)?,
        time::section(folder, results, drawn, &logs, &flames)?,
        packages::section(&results.analysis.savings),
        trust::section(results, &[&logs.missing[..], &no_flames].concat()),
        files::section(folder, results, &all),
    ];
    sections.retain(|section| !section.parts.is_empty());
    Ok(sections)
}

#[cfg(test)]
#[path = "page_tests.rs"]
pub mod tests;
