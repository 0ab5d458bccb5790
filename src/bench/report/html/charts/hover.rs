//! Values that a browser shows where the pointer rests on a chart: a title for each rectangle.

use maud::{Markup, html};
use plotters::chart::ChartContext;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::SVGBackend;

/// A chart of rows: y is pixels from the top.
pub type Rows<'a, 'b, X> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, RangedCoordf64>>;

/// Radius of the dot of a sample, pixels.
pub const DOT: i32 = 4;

/// The rectangles of one chart that have a title, pixels.
#[derive(Default)]
pub struct Hover {
    spots: Vec<Spot>,
}

struct Spot {
    left: i32,
    top: i32,
    width: i32,
    height: i32,
    title: String,
}

impl Hover {
    /// A rectangle between two points of a chart of rows.
    pub fn area<X: Ranged<ValueType = f64>>(
        &mut self,
        chart: &Rows<'_, '_, X>,
        from: (f64, f64),
        to: (f64, f64),
        title: String,
    ) {
        let (from, to) = (chart.plotting_area().map_coordinate(&from), chart.plotting_area().map_coordinate(&to));
        let (left, top) = (from.0.min(to.0), from.1.min(to.1));
        // A bar thinner than a pointer could not be hit.
        let (width, height) = ((from.0 - to.0).abs().max(2), (from.1 - to.1).abs().max(2));
        self.spots.push(Spot { left, top, width, height, title });
    }

    /// A square around a dot at a pixel.
    pub fn dot(&mut self, (x, y): (i32, i32), title: String) {
        self.spots.push(Spot { left: x - DOT, top: y - DOT, width: 2 * DOT, height: 2 * DOT, title });
    }

    /// A picture with these titles on top of it.
    pub fn over(&self, svg: &str) -> String {
        match svg.rsplit_once("</svg>") {
            Some((picture, rest)) => format!("{picture}{}</svg>{rest}", self.render().into_string()),
            None => svg.to_owned(),
        }
    }

    fn render(&self) -> Markup {
        html! {
            @if !self.spots.is_empty() {
                g fill="none" pointer-events="all" {
                    @for Spot { left, top, width, height, title } in &self.spots {
                        rect x=(left) y=(top) width=(width) height=(height) { title { (title) } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_lies_over_the_picture_as_text() {
        let mut hover = Hover::default();
        assert_eq!(hover.over("<svg>x</svg>\n"), "<svg>x</svg>\n");
        hover.dot((10, 20), "<a> took 3 ms".to_owned());
        let expected = "<svg>x<g fill=\"none\" pointer-events=\"all\"><rect x=\"6\" y=\"16\" width=\"8\" height=\"8\">\
                        <title>&lt;a&gt; took 3 ms</title></rect></g></svg>\n";
        assert_eq!(hover.over("<svg>x</svg>\n"), expected);
    }
}
