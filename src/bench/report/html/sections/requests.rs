//! Charts with a panel for each state or case: requests in flight, latency of gets, critical path.

use anyhow::Result;
use maud::{Markup, html};

use crate::analysis::results::Results;
use crate::analysis::time::critical_path::CriticalPath;
use crate::report::html::charts::{in_flight, latency, waterfall};
use crate::report::html::records::{Folder, FromLog, Missing, request_log};
use crate::report::html::subjects::Subject;
use crate::report::text::units;

/// Panels of one kind that are open; the others are folded.
const OPEN: usize = 6;

/// The title of a state or a case, and its chart.
type Panel = (Markup, Markup);

/// The charts' data from request logs, by subject.
#[derive(Default)]
pub struct Logs<'a> {
    read: Vec<(&'a Subject<'a>, FromLog)>,
    /// Logs that could not be read.
    pub missing: Vec<Missing>,
}

/// Reads the request logs of all subjects.
pub fn logs<'a>(folder: &Folder<'_>, subjects: &'a [Subject<'a>], results: &Results) -> Logs<'a> {
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

/// Requests in flight, over the time of each build.
///
/// # Errors
/// When plotters fails.
pub fn flight(folder: &Folder<'_>, logs: &Logs<'_>) -> Result<Option<Markup>> {
    let panel = |(of, read): &(&Subject<'_>, FromLog)| -> Result<Panel> {
        let most = read.in_flight.most();
        let chart = in_flight::render(&of.name, &read.in_flight)?;
        Ok((
            source(folder, of),
            html! { (chart) p.hint { "At most " (units::counted(most as usize, "request")) " at once." } },
        ))
    };
    let panels = logs.read.iter().map(panel).collect::<Result<Vec<Panel>>>()?;
    Ok((!panels.is_empty()).then(|| html! { (in_flight::legend()) (stacked(panels)) }))
}

/// The latency of gets.
///
/// # Errors
/// When plotters fails.
pub fn gets(folder: &Folder<'_>, logs: &Logs<'_>) -> Result<Option<Markup>> {
    let range = latency::range(logs.read.iter().flat_map(|(_, read)| &read.gets));
    let with_gets = logs.read.iter().filter(|(_, read)| !read.gets.is_empty());
    let panel = |(of, read): &(&Subject<'_>, FromLog)| -> Result<Panel> {
        Ok((source(folder, of), latency::render(&of.name, &read.gets, range)?))
    };
    let panels = with_gets.map(panel).collect::<Result<Vec<Panel>>>()?;
    Ok((!panels.is_empty()).then(|| {
        html! {
            (latency::legend())
            p.hint { "Dot: median. Bar: p10 to p90. Line: fastest to slowest." }
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
    let one = |(title, chart): &Panel| html! { h4 { (title) } (chart) };
    let (open, more) = panels.split_at(panels.len().min(OPEN));
    html! {
        @for panel in open { (one(panel)) }
        @if !more.is_empty() {
            details { summary { (more.len()) " more" } @for panel in more { (one(panel)) } }
        }
    }
}

/// The critical paths.
///
/// # Errors
/// When plotters fails.
pub fn paths(results: &Results, folder: &Folder<'_>) -> Result<Option<Markup>> {
    if results.analysis.critical_paths.is_empty() {
        return Ok(None);
    }
    let panel = |path: &CriticalPath| -> Result<Panel> {
        let graph = format!("{}/go-actiongraph.json", path.folder);
        Ok((
            html! { (path.folder) " " span.source { (folder.link(&graph, "go-actiongraph.json")) } },
            waterfall::render(path)?,
        ))
    };
    let panels = results.analysis.critical_paths.iter().map(panel).collect::<Result<Vec<Panel>>>()?;
    Ok(Some(html! { (waterfall::legend()) (stacked(panels)) }))
}
