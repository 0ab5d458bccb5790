//! The critical path as a waterfall: a row for each action, in the order of time, with its wait for the cache.

use anyhow::Result;
use maud::{Markup, html};
use plotters::style::text_anchor::HPos;

use crate::analysis::time::critical_path::{CriticalPath, PathStep};
use crate::report::html::charts::chart;
use crate::report::html::charts::chart::{Axis, Mark, Width};
use crate::report::html::charts::palette::{BLUE_AREA, GREY_AREA, ORANGE_AREA};
use crate::report::text::units;

/// The height of a row, pixels.
const ROW: u32 = 20;
const BAR: (f64, f64) = (3.0, 17.0);
/// Between a bar and its name, pixels.
const GAP: f64 = 5.0;
/// Most rows; of a longer path those are drawn that took longest.
const MOST: usize = 60;
/// The shortest bar that can be seen, as a share of the axis: the row of a shorter step would look empty.
const SHORTEST: f64 = 0.002;

/// The legend of the chart.
pub fn legend() -> Markup {
    chart::legend(&[
        (Mark::Area(ORANGE_AREA), "requests open (how long, not when)"),
        (Mark::Area(BLUE_AREA), "other work"),
        (Mark::Area(GREY_AREA), "ready, waits for a worker"),
    ])
}

/// The waterfall of one build.
///
/// # Errors
/// When plotters fails.
pub fn render(path: &CriticalPath) -> Result<Markup> {
    let steps = drawn(path);
    let chart = chart::both("Waterfall of the critical path", |width| draw(width, axis_ns(path), &steps))?;
    let (wall, cache) = (units::duration(path.wall_ns as f64), units::duration(path.cache_ns as f64));
    Ok(html! {
        p { "Its steps waited " (cache) " of " (wall) " for the cache, without the close at the end." }
        (chart)
        @if steps.len() < path.steps.len() {
            p.hint { (units::counted(path.steps.len() - steps.len(), "shorter step")) " not drawn." }
        }
    })
}

/// The steps that can be seen, the longest if there are too many, in the order of the path.
fn drawn(path: &CriticalPath) -> Vec<&PathStep> {
    let mut times: Vec<u64> = path.steps.iter().map(took_ns).collect();
    times.sort_unstable_by(|one, other| other.cmp(one));
    let visible_ns = (axis_ns(path) * SHORTEST) as u64;
    let least_ns = times.get(MOST - 1).copied().unwrap_or(0).max(visible_ns);
    path.steps.iter().filter(|step| took_ns(step) >= least_ns).take(MOST).collect()
}

fn took_ns(step: &PathStep) -> u64 {
    step.done_ns.saturating_sub(step.ready_ns)
}

/// The length of the axis.
fn axis_ns(path: &CriticalPath) -> f64 {
    path.steps.iter().map(|step| step.done_ns).fold(path.wall_ns, u64::max).max(1) as f64
}

fn draw(width: Width, longest: f64, steps: &[&PathStep]) -> Result<String> {
    let (size, unit) = units::time_unit(longest);
    let height = ROW * steps.len() as u32;
    chart::svg(width, chart::height(height), |area, hover| {
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
            hover.area(&chart, (0.0, top), (last, top + f64::from(ROW)), title(step));
        }
        Ok(())
    })
}

/// The place of the name of a step, as a share of the axis: on the side of its bar with more room, in pixels.
fn beside(step: &PathStep, longest: f64, width: Width) -> (f64, HPos, f64) {
    let gap = GAP / width.plot();
    let (begin, end) = (step.ready_ns.min(step.start_ns) as f64 / longest, step.done_ns as f64 / longest);
    if begin > 1.0 - end {
        (begin - gap, HPos::Right, (begin - gap) * width.plot())
    } else {
        (end + gap, HPos::Left, (1.0 - end - gap) * width.plot())
    }
}

/// The times of a step in words.
fn title(step: &PathStep) -> String {
    let took = units::duration(step.done_ns.saturating_sub(step.start_ns) as f64);
    let waited = units::duration(step.start_ns.saturating_sub(step.ready_ns) as f64);
    let cache = step.cache_ns.map(|ns| format!(", requests open for {}", units::duration(ns as f64)));
    format!("{}: {took}{}, after {waited} of waiting for a worker", whole_name(step), cache.unwrap_or_default())
}

fn whole_name(step: &PathStep) -> String {
    if step.mode == "build" {
        step.package.clone()
    } else {
        format!("{} {}", step.mode, step.package).trim().to_owned()
    }
}

/// The mode and package of a step, cut to `room` pixels: the end of an import path matters most.
fn name(step: &PathStep, room: f64) -> String {
    let whole = whole_name(step);
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
        assert!(page.contains("waited 20 ns of 1.0 µs") && page.matches("<title>").count() == 4, "{page}");
    }

    #[test]
    fn of_a_long_path_the_longest_steps_are_drawn_in_order() {
        let steps: Vec<PathStep> = (0..80).map(|at| step("p", 0, 0, if at < 15 { 1 } else { 100 + at })).collect();
        let path = path(steps);
        let longest = drawn(&path);
        assert_eq!((longest.len(), longest[0].done_ns), (60, 120));
        assert!(render(&path).unwrap().into_string().contains("20 shorter steps not drawn"));
    }

    #[test]
    fn steps_too_short_to_be_seen_have_no_empty_rows() {
        let steps = vec![step("fmt", 0, 100, 900), step("errors", 900, 900, 901), step("io", 901, 901, 903)];
        let page = render(&path(steps)).unwrap().into_string();
        assert!(page.contains("fmt") && page.contains(">\nio\n<"), "{page}");
        assert!(!page.contains("errors") && page.contains("1 shorter step not drawn"), "{page}");
        assert!(render(&path(Vec::new())).unwrap().into_string().contains("role=\"img\""));
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
