//! Requests in flight over the time of a build: gets and puts as areas, go's workers as a line.

use anyhow::Result;
use maud::Markup;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use crate::analysis::time::in_flight::{InFlight, Part};
use crate::report::html::charts::chart;
use crate::report::html::charts::chart::{Axis, Mark, Width};
use crate::report::html::charts::palette::{BLUE, MUTED, ORANGE};
use crate::report::text::units;

/// The height of the plot, pixels.
const HEIGHT: u32 = 130;
/// Room for a line of text above the highest value, pixels.
const ABOVE: f64 = 20.0;
/// Neighbouring parts of the picture that share a title.
const TOGETHER: usize = 4;

/// The legend of the chart.
pub fn legend() -> Markup {
    chart::legend(&[
        (Mark::Area(BLUE), "gets open"),
        (Mark::Area(ORANGE), "puts open (stacked)"),
        (Mark::Dashes(MUTED), "go's workers: as many open requests block it"),
    ])
}

/// The chart of one build.
///
/// # Errors
/// When plotters fails.
pub fn render(name: &str, of: &InFlight) -> Result<Markup> {
    chart::both(&format!("Requests in flight of {name}"), |width| draw(width, of))
}

fn draw(width: Width, of: &InFlight) -> Result<String> {
    let (size, unit) = units::time_unit(of.wall_ns as f64);
    let last = of.wall_ns as f64 / size;
    let open = of.parts.iter().map(|part| part.gets + part.puts).fold(of.workers as f64, f64::max).max(1.0);
    let base = f64::from(HEIGHT);
    let y = |requests: f64| base - requests / open * (base - ABOVE);
    chart::svg(width, chart::height(HEIGHT), |area, hover| {
        let axis = Axis { title: &format!("since the start of go, {unit}"), format: &|value| units::tick(*value) };
        let chart = chart::rows(area, width, 0.0..last.max(f64::MIN_POSITIVE), HEIGHT, &axis)?;
        let top = |pick: &dyn Fn(usize) -> f64| -> Vec<(f64, f64)> {
            let step = last / of.parts.len() as f64;
            let steps = (0..of.parts.len()).flat_map(|at| {
                let height = y(pick(at));
                [(at as f64 * step, height), ((at + 1) as f64 * step, height)]
            });
            steps.collect()
        };
        let gets = top(&|at| of.parts[at].gets);
        let both = top(&|at| of.parts[at].gets + of.parts[at].puts);
        let ground = [(last, base), (0.0, base)];
        let area_of_gets: Vec<(f64, f64)> = gets.iter().copied().chain(ground).collect();
        let area_of_puts: Vec<(f64, f64)> = both.into_iter().chain(gets.into_iter().rev()).collect();
        chart.plotting_area().draw(&Polygon::new(area_of_gets, BLUE))?;
        chart.plotting_area().draw(&Polygon::new(area_of_puts, ORANGE))?;
        let workers = y(of.workers as f64);
        chart::dashed(&chart, (0.0, workers), (last, workers))?;
        chart::write(&chart, &of.workers.to_string(), (last * 0.005, workers - 9.0), HPos::Left)?;
        let step = last / of.parts.len() as f64;
        for (at, parts) in of.parts.chunks(TOGETHER).enumerate() {
            let from = (at * TOGETHER) as f64 * step;
            let to = from + parts.len() as f64 * step;
            hover.area(&chart, (from, 0.0), (to, base), title(from * size, parts));
        }
        Ok(())
    })
}

/// The time since the start of go, and the requests that were open then on average.
fn title(at_ns: f64, parts: &[Part]) -> String {
    let mean = |pick: &dyn Fn(&Part) -> f64| parts.iter().map(pick).sum::<f64>() / parts.len() as f64;
    let (gets, puts) = (mean(&|part| part.gets), mean(&|part| part.puts));
    format!("at {}: {gets:.1} gets and {puts:.1} puts open", units::duration(at_ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_and_the_line_of_the_workers_are_drawn() {
        let part = |gets, puts| Part { gets, puts, most: 3 };
        let of = InFlight { wall_ns: 2_000_000_000, workers: 2, parts: vec![part(1.0, 0.0), part(0.5, 2.0)] };
        let page = render("b", &of).unwrap().into_string();
        assert_eq!(page.matches("<polygon").count(), 4);
        assert!(page.contains("<title>at 0 ns: 0.8 gets and 1.0 puts open</title>"), "{page}");
        assert!(page.contains(">\n2\n<") && page.contains("since the start of go, s"), "{page}");
    }

    #[test]
    fn a_build_of_no_length_is_drawn_empty() {
        let page = render("b", &InFlight { wall_ns: 0, workers: 0, parts: vec![Part::default()] }).unwrap();
        let page = page.into_string();
        assert!(page.contains("aria-label=\"Requests in flight of b\"") && page.contains(">\n0\n<"), "{page}");
        assert!(page.contains("0.0 gets and 0.0 puts open"), "{page}");
        assert!(!page.contains("NaN") && !page.contains("inf"), "no point lies outside of the picture: {page}");
    }
}
