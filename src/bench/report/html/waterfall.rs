//! The critical path as a waterfall: a row an action, in the order of time, with what it waited for the cache.

use anyhow::Result;
use maud::{Markup, html};
use plotters::style::text_anchor::HPos;

use crate::bench::analysis::time::critical_path::{CriticalPath, PathStep};
use crate::bench::report::html::chart;
use crate::bench::report::html::chart::{Axis, Mark, Width};
use crate::bench::report::html::palette::{BLUE_AREA, GREY_AREA, ORANGE_AREA};
use crate::bench::report::text::units;

/// Of a row, pixels.
const ROW: u32 = 20;
const BAR: (f64, f64) = (3.0, 17.0);
/// Between a bar and its name.
const GAP: f64 = 5.0;
/// So many rows are drawn; of a longer path those that took longest.
const MOST: usize = 60;

/// What the colours mean.
pub fn legend() -> Markup {
    chart::legend(&[
        (Mark::Area(ORANGE_AREA), "its requests open (how long, not when)"),
        (Mark::Area(BLUE_AREA), "the rest of it"),
        (Mark::Area(GREY_AREA), "ready, not begun"),
    ])
}

/// The waterfall of one build.
///
/// # Errors
/// Those of plotters.
pub fn render(path: &CriticalPath) -> Result<Markup> {
    let steps = longest(&path.steps);
    let chart = chart::both("Waterfall of the critical path", |width| draw(width, path.wall_ns, &steps))?;
    let (wall, cache) = (units::duration(path.wall_ns as f64), units::duration(path.cache_ns as f64));
    Ok(html! {
        p { "The steps waited " (cache) " of " (wall) " for the cache, together; go's close is not in it." }
        (chart)
        @if steps.len() < path.steps.len() {
            p.hint { (path.steps.len() - steps.len()) " shorter steps are not drawn." }
        }
    })
}

/// Those that took longest, in the order of the path.
fn longest(steps: &[PathStep]) -> Vec<&PathStep> {
    let took = |step: &PathStep| step.done_ns.saturating_sub(step.ready_ns);
    let mut times: Vec<u64> = steps.iter().map(took).collect();
    times.sort_unstable_by(|one, other| other.cmp(one));
    let least = times.get(MOST - 1).copied().unwrap_or(0);
    steps.iter().filter(|step| took(step) >= least).take(MOST).collect()
}

fn draw(width: Width, wall_ns: u64, steps: &[&PathStep]) -> Result<String> {
    let longest = steps.iter().map(|step| step.done_ns).fold(wall_ns, u64::max).max(1) as f64;
    let (size, unit) = units::time_unit(longest);
    let height = ROW * steps.len() as u32;
    chart::svg(width, chart::height(height), |area| {
        let axis = Axis { title: &format!("since the start of go, {unit}"), format: &|value| units::tick(*value) };
        let last = longest / size;
        let chart = chart::rows(area, width, 0.0..last, height, &axis)?;
        for (step, top) in steps.iter().zip((0..height).step_by(ROW as usize).map(f64::from)) {
            let bar = |from_ns: u64, to_ns: u64, colour| {
                let (from, to) = (from_ns as f64 / size, to_ns.max(from_ns) as f64 / size);
                chart::fill(&chart, (from, top + BAR.0), (to, top + BAR.1), colour)
            };
            bar(step.ready_ns, step.start_ns, GREY_AREA)?;
            bar(step.start_ns, step.done_ns, BLUE_AREA)?;
            let cached = step.cache_ns.map(|ns| (step.start_ns + ns).min(step.done_ns));
            cached.map_or(Ok(()), |end_ns| bar(step.start_ns, end_ns, ORANGE_AREA))?;
            let (at, anchor, room) = beside(step, longest, width);
            chart::write(&chart, &name(step, room), (at * last, top + f64::from(ROW) / 2.0), anchor)?;
        }
        Ok(())
    })
}

/// Where the name of a step stands, as a share of the axis: on the side of its bar with more room, in pixels.
fn beside(step: &PathStep, longest: f64, width: Width) -> (f64, HPos, f64) {
    let gap = GAP / width.plot();
    let (begin, end) = (step.ready_ns.min(step.start_ns) as f64 / longest, step.done_ns as f64 / longest);
    match begin > 1.0 - end {
        true => (begin - gap, HPos::Right, (begin - gap) * width.plot()),
        false => (end + gap, HPos::Left, (1.0 - end - gap) * width.plot()),
    }
}

/// Package and what is done with it, cut to the room there is: the end of an import path tells most.
fn name(step: &PathStep, room: f64) -> String {
    let whole = if step.mode == "build" { step.package.clone() } else { format!("{} {}", step.mode, step.package) };
    if chart::text_width(&whole) <= room {
        return whole;
    }
    let cut = whole.char_indices().map(|(at, _)| format!("…{}", &whole[at..])).skip(1);
    cut.into_iter().find(|cut| chart::text_width(cut) <= room).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(package: &str, ready_ns: u64, start_ns: u64, done_ns: u64) -> PathStep {
        let (mode, package) = ("build".to_owned(), package.to_owned());
        PathStep { mode, package, ready_ns, start_ns, done_ns, cache_ns: Some(10), queue_cache_ns: 0, commands_ns: 0 }
    }

    fn path(steps: Vec<PathStep>) -> CriticalPath {
        CriticalPath { folder: "remote-hit/profile".to_owned(), wall_ns: 1000, cache_ns: 20, worker_ns: 0, steps }
    }

    #[test]
    fn each_step_has_a_bar_and_its_name_where_there_is_room() {
        let page = render(&path(vec![step("internal/a&b", 0, 100, 300), step("fmt", 300, 300, 990)])).unwrap();
        let page = page.into_string();
        assert!(page.contains("internal/a&amp;b") && page.contains("fmt"), "{page}");
        assert!(page.contains("waited 20 ns of 1.0 µs"), "{page}");
    }

    #[test]
    fn of_a_long_path_the_longest_steps_are_drawn_in_order() {
        let steps: Vec<PathStep> = (0..80).map(|at| step("p", 0, 0, if at < 15 { 1 } else { 100 + at })).collect();
        let drawn = longest(&steps);
        assert_eq!((drawn.len(), drawn[0].done_ns), (60, 120));
        assert!(render(&path(steps)).unwrap().into_string().contains("20 shorter steps are not drawn"));
        assert_eq!(longest(&[]), Vec::<&PathStep>::new());
    }

    #[test]
    fn a_name_too_long_keeps_its_end() {
        let long = step("golang.org/x/net/http2/hpack", 0, 0, 1);
        assert_eq!(name(&long, 1000.0), "golang.org/x/net/http2/hpack");
        let cut = name(&long, 60.0);
        assert!(cut.starts_with('…') && cut.ends_with("hpack"), "{cut}");
        assert_eq!(name(&long, 1.0), "");
    }
}
