//! Latency of gets, by source and size: a row each, over a logarithmic axis.

use anyhow::Result;
use maud::Markup;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use crate::analysis::time::get_latency::{GetClass, Source};
use crate::report::html::charts::chart;
use crate::report::html::charts::chart::{Axis, Mark, Width};
use crate::report::html::charts::palette::{BLUE, GREEN, MUTED, ORANGE};
use crate::report::text::units;

/// The height of a row, pixels: a line of text, and the bar below it.
const ROW: u32 = 42;
const NAME: f64 = 10.0;
const BAR: f64 = 28.0;
/// Room at both ends of the axis, as a factor.
const BEYOND: f64 = 1.5;

/// The legend of the chart.
pub fn legend() -> Markup {
    let mark = |source| Mark::Dot(colour(source));
    chart::legend(&[(mark(Source::Local), "local"), (mark(Source::Remote), "remote"), (mark(Source::Miss), "miss")])
}

/// The ends of the axis that all charts of a page share, nanoseconds.
pub fn range<'a>(classes: impl Iterator<Item = &'a GetClass>) -> (f64, f64) {
    let start = (f64::MAX, f64::MIN_POSITIVE);
    let (low, high) = classes.fold(start, |(low, high), class| (low.min(class.fastest_ns), high.max(class.slowest_ns)));
    (low.clamp(1.0, high.max(1.0)) / BEYOND, high.max(1.0) * BEYOND)
}

/// The chart of one build.
///
/// # Errors
/// When plotters fails.
pub fn render(name: &str, classes: &[GetClass], range: (f64, f64)) -> Result<Markup> {
    chart::both(&format!("Latency of the gets of {name}"), |width| draw(width, classes, range))
}

fn draw(width: Width, classes: &[GetClass], (low, high): (f64, f64)) -> Result<String> {
    let height = ROW * classes.len() as u32;
    chart::svg(width, chart::height(height), |area, hover| {
        let axis = Axis { title: "latency of a get, from arrival to answer", format: &|ns| units::time_tick(*ns) };
        let chart = chart::rows(area, width, (low..high).log_scale(), height, &axis)?;
        for (class, top) in classes.iter().zip((0..height).step_by(ROW as usize).map(f64::from)) {
            chart::write(&chart, &name(class), (low, top + NAME), HPos::Left)?;
            let median = format!("{}, median {}", units::counted(class.count, "get"), units::duration(class.median_ns));
            chart::write(&chart, &median, (high, top + NAME), HPos::Right)?;
            let at = |ns: f64| (ns.max(low), top + BAR);
            let colour = colour(class.source);
            chart::line(&chart, at(class.fastest_ns), at(class.slowest_ns), MUTED, 1)?;
            chart::line(&chart, at(class.p10_ns), at(class.p90_ns), colour, 6)?;
            chart.plotting_area().draw(&Circle::new(at(class.median_ns), 6, colour.filled()))?;
            let (left, right) = (at(class.fastest_ns).0, at(class.slowest_ns).0);
            hover.area(&chart, (left, top), (right, top + f64::from(ROW)), title(class));
        }
        Ok(())
    })
}

fn colour(source: Source) -> RGBColor {
    match source {
        Source::Local => BLUE,
        Source::Remote => ORANGE,
        Source::Miss => GREEN,
    }
}

/// The distribution in words.
fn title(class: &GetClass) -> String {
    let times = [class.fastest_ns, class.p10_ns, class.median_ns, class.p90_ns, class.slowest_ns].map(units::duration);
    let [fastest, p10, median, p90, slowest] = times;
    format!("{}: fastest {fastest}, p10 {p10}, median {median}, p90 {p90}, slowest {slowest}", name(class))
}

/// `remote, to 64 KiB`.
fn name(class: &GetClass) -> String {
    let source = match class.source {
        Source::Local => "local",
        Source::Remote => "remote",
        Source::Miss => "miss",
    };
    let size = class.size.map(units::size_class);
    size.map_or(source.to_owned(), |size| format!("{source}, {size}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(source: Source, size: Option<&'static str>, ns: f64) -> GetClass {
        let [fastest_ns, p10_ns, median_ns, p90_ns, slowest_ns] = [0.5, 0.8, 1.0, 2.0, 8.0].map(|times| times * ns);
        GetClass { source, size, count: 7, fastest_ns, p10_ns, median_ns, p90_ns, slowest_ns }
    }

    #[test]
    fn each_class_has_a_row_with_its_median() {
        let classes = [class(Source::Remote, Some("to-64KiB"), 2e6), class(Source::Miss, None, 10e3)];
        let range = range(classes.iter());
        assert_eq!(range, (5e3 / BEYOND, 16e6 * BEYOND));
        let page = render("b", &classes, range).unwrap().into_string();
        assert!(page.contains("remote, to 64 KiB") && page.contains("7 gets, median 10.0 µs"), "{page}");
        assert_eq!(page.matches("<circle").count(), 4);
        assert!(
            page.contains("<title>miss: fastest 5.0 µs, p10 8.0 µs, median 10.0 µs, p90 20.0 µs, slowest 80.0 µs<")
        );
    }

    #[test]
    fn gets_that_took_no_time_are_drawn_all_the_same() {
        let classes = [class(Source::Local, Some("to-4KiB"), 0.0)];
        let page = render("a", &classes, range(classes.iter())).unwrap().into_string();
        assert!(page.contains("local, to 4 KiB") && page.contains("7 gets, median 0 ns"), "{page}");
        assert_eq!(page.matches("<circle").count(), 2, "the median has its dot");
        assert!(!page.contains("NaN") && !page.contains("inf"), "no point lies outside of the picture: {page}");
    }
}
