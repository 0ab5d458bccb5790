//! "Where did the time go?": the wall-time breakdown, requests, the critical path and flame graphs.

use anyhow::Result;
use maud::{Markup, html};

use crate::analysis::results::Results;
use crate::report::html::charts::time_breakdown;
use crate::report::html::flames::{self, Flame};
use crate::report::html::records::Folder;
use crate::report::html::sections::Section;
use crate::report::html::sections::requests::{Logs, flight, gets, paths};
use crate::report::html::sections::table::table;
use crate::report::html::subjects::Subject;
use crate::report::terminal::tables;

/// The section.
///
/// # Errors
/// When plotters fails.
pub fn section(
    folder: &Folder<'_>,
    results: &Results,
    subjects: &[Subject<'_>],
    logs: &Logs<'_>,
    flames: &[Flame],
) -> Result<Section> {
    let mut section = Section::new("time", "Where did the time go?");
    section.add("breakdown", "Wall-time breakdown", breakdown(results, subjects)?);
    section.add("flight", "Requests in flight", flight(folder, logs)?);
    section.add("latency", "Latency of gets", gets(folder, logs)?);
    section.add("path", "Critical path", paths(results, folder)?);
    section.add("flames", "Flame graphs", (!flames.is_empty()).then(|| flames::render(folder, flames)));
    Ok(section)
}

fn breakdown(results: &Results, subjects: &[Subject<'_>]) -> Result<Option<Markup>> {
    let accounts: Vec<_> =
        subjects.iter().filter_map(|of| Some((of.named(), &of.figures.time_breakdown.as_ref()?.parts))).collect();
    if accounts.is_empty() {
        return Ok(None);
    }
    let bars = time_breakdown::render(&accounts)?;
    Ok(Some(html! {
        (bars)
        p.hint {
            "The round nearest to the median of each. Startup: until the handshake. Go only: no request is open. Overlapped: some are \
             open, and go works meanwhile. Blocked on cache: as many are open as go has workers, or go uses no CPU time meanwhile (an \
             estimate). Rest the pointer on a part for its time."
        }
        @if let Some(grid) = tables::breakdown_grid(results) { (table(&grid)) }
    }))
}
