//! How long gets took, by source and size: a row each, over an axis that grows by factors.

use anyhow::Result;
use maud::Markup;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use crate::bench::analysis::time::get_latency::{GetClass, Source};
use crate::bench::report::html::chart;
use crate::bench::report::html::chart::{Axis, Mark, Width};
use crate::bench::report::html::palette::{BLUE, GREEN, MUTED, ORANGE};
use crate::bench::report::text::units;

/// Of a row, pixels: a line of text, and the bar below it.
const ROW: u32 = 42;
const NAME: f64 = 10.0;
const BAR: f64 = 28.0;
/// Room at both ends of the axis, as a factor.
const BEYOND: f64 = 1.5;

/// What the colours mean.
pub fn legend() -> Markup {
    let mark = |source| Mark::Dot(colour(source));
    chart::legend(&[(mark(Source::Local), "local"), (mark(Source::Remote), "remote"), (mark(Source::Miss), "miss")])
}

/// The fastest and the slowest get of all, nanoseconds: the charts of a page share an axis.
pub fn range<'a>(classes: impl Iterator<Item = &'a GetClass>) -> (f64, f64) {
    let start = (f64::MAX, f64::MIN_POSITIVE);
    let (low, high) = classes.fold(start, |(low, high), class| (low.min(class.fastest_ns), high.max(class.slowest_ns)));
    (low.clamp(1.0, high.max(1.0)) / BEYOND, high.max(1.0) * BEYOND)
}

/// The chart of one build.
///
/// # Errors
/// Those of plotters.
pub fn render(name: &str, classes: &[GetClass], range: (f64, f64)) -> Result<Markup> {
    chart::both(&format!("Latency of the gets of {name}"), |width| draw(width, classes, range))
}

fn draw(width: Width, classes: &[GetClass], (low, high): (f64, f64)) -> Result<String> {
    let height = ROW * classes.len() as u32;
    chart::svg(width, chart::height(height), |area| {
        let axis = Axis { title: "from arrival to answer", format: &|ns| units::time_tick(*ns) };
        let chart = chart::rows(area, width, (low..high).log_scale(), height, &axis)?;
        for (class, top) in classes.iter().zip((0..height).step_by(ROW as usize).map(f64::from)) {
            chart::write(&chart, &name(class), (low, top + NAME), HPos::Left)?;
            let says = format!("{} gets, median {}", class.count, units::duration(class.median_ns));
            chart::write(&chart, &says, (high, top + NAME), HPos::Right)?;
            let at = |ns: f64| (ns.max(low), top + BAR);
            let colour = colour(class.source);
            chart::line(&chart, at(class.fastest_ns), at(class.slowest_ns), MUTED, 1)?;
            chart::line(&chart, at(class.p10_ns), at(class.p90_ns), colour, 6)?;
            chart.plotting_area().draw(&Circle::new(at(class.median_ns), 6, colour.filled()))?;
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
    }

    #[test]
    fn gets_that_took_no_time_are_drawn_all_the_same() {
        let classes = [class(Source::Local, Some("to-4KiB"), 0.0)];
        render("a", &classes, range(classes.iter())).unwrap();
    }
}
