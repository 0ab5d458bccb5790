//! The base of all charts: two widths, text, rows over one axis, and the way into the page.

use anyhow::{Context, Result};
use maud::{Markup, PreEscaped, html};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::report::html::charts::hover::{DOT, Hover, Rows};
use crate::report::html::charts::palette::{GRID, INK, MUTED, hex};

/// The canvas of a chart.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// plotters takes the height of a line for the size of its text.
pub const LINE: f64 = 1.24;
/// Size of text, pixels.
pub const TEXT: f64 = 13.0;
/// Room for the axis and its title below the rows, and beside the rows for the halves of the outermost numbers.
const AXIS: u32 = 44;
const SIDE: u32 = 14;

/// Each chart is drawn twice, so that its text has the same size on a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    Wide,
    Narrow,
}

impl Width {
    /// The width of the whole chart, pixels.
    pub fn pixels(self) -> u32 {
        match self {
            Width::Wide => 860,
            Width::Narrow => 360,
        }
    }

    /// The width of the axis in a chart of rows, pixels.
    pub fn plot(self) -> f64 {
        f64::from(self.pixels() - 2 * SIDE)
    }

    /// The number of labels on an axis.
    pub fn numbers(self) -> usize {
        match self {
            Width::Wide => 10,
            Width::Narrow => 5,
        }
    }
}

/// The axis of a chart of rows.
pub struct Axis<'a> {
    /// The quantity, with its unit.
    pub title: &'a str,
    pub format: &'a dyn Fn(&f64) -> String,
}

/// Draws one chart into SVG, with the titles that `paint` leaves in [`Hover`].
///
/// # Errors
/// When plotters fails.
pub fn svg(width: Width, height: u32, paint: impl FnOnce(&Area<'_>, &mut Hover) -> Result<()>) -> Result<String> {
    let (mut svg, mut hover) = (String::new(), Hover::default());
    let area = SVGBackend::with_string(&mut svg, (width.pixels(), height)).into_drawing_area();
    paint(&area, &mut hover)?;
    area.present().context("cannot draw a chart")?;
    drop(area);
    Ok(hover.over(&svg))
}

/// A chart in both widths; the page shows the one that fits. Screen readers read `label`.
///
/// # Errors
/// When `draw` fails.
pub fn both(label: &str, draw: impl Fn(Width) -> Result<String>) -> Result<Markup> {
    let (wide, narrow) = (draw(Width::Wide)?, draw(Width::Narrow)?);
    Ok(html! {
        div.chart role="img" aria-label=(label) {
            div.wide { (PreEscaped(wide)) }
            div.narrow { (PreEscaped(narrow)) }
        }
    })
}

/// The mark of an entry in a legend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mark {
    Area(RGBColor),
    Dot(RGBColor),
    Line(RGBColor),
    /// A line of dashes.
    Dashes(RGBColor),
}

/// The legend of a chart.
pub fn legend(entries: &[(Mark, &str)]) -> Markup {
    html! {
        ul.legend {
            @for (mark, name) in entries {
                li { svg width="14" height="12" aria-hidden="true" { (drawn(*mark)) } (name) }
            }
        }
    }
}

fn drawn(mark: Mark) -> Markup {
    html! {
        @match mark {
            Mark::Area(colour) => rect width="12" height="12" rx="2" fill=(hex(colour)) {},
            Mark::Dot(colour) => circle cx="7" cy="6" r=(DOT) fill=(hex(colour)) {},
            Mark::Line(colour) => line x1="7" x2="7" y1="0" y2="12" stroke=(hex(colour)) stroke-width="2" {},
            Mark::Dashes(colour) => line x1="0" x2="14" y1="6" y2="6" stroke=(hex(colour)) stroke-dasharray="4 1" stroke-width="2" {},
        }
    }
}

/// Text in a chart, around its middle line.
pub fn style(colour: RGBColor, anchor: HPos) -> TextStyle<'static> {
    ("sans-serif", TEXT * LINE).into_font().color(&colour).pos(Pos::new(anchor, VPos::Center))
}

/// The width of a text in pixels, roughly: plotters cannot know the font either.
pub fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * TEXT * 0.56
}

/// The height of a chart whose rows are `rows` pixels high together.
pub fn height(rows: u32) -> u32 {
    rows + AXIS
}

/// Rows over one axis, `height` pixels high together.
///
/// # Errors
/// When plotters fails.
pub fn rows<'a, 'b, X>(
    area: &'a Area<'b>,
    width: Width,
    x: X,
    height: u32,
    axis: &Axis<'_>,
) -> Result<Rows<'a, 'b, X::CoordDescType>>
where
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area)
        .margin_left(SIDE)
        .margin_right(SIDE)
        .x_label_area_size(AXIS)
        .build_cartesian_2d(x, f64::from(height)..0.0)?;
    let mut mesh = chart.configure_mesh();
    mesh.disable_y_mesh().disable_y_axis().bold_line_style(GRID).light_line_style(TRANSPARENT).axis_style(GRID);
    mesh.x_labels(width.numbers()).x_label_formatter(axis.format).x_desc(axis.title);
    let small = ("sans-serif", (TEXT - 1.0) * LINE).into_font().color(&MUTED);
    mesh.label_style(small.clone()).axis_desc_style(small).draw()?;
    Ok(chart)
}

/// Writes a text into a chart of rows.
///
/// # Errors
/// When plotters fails.
pub fn write<X>(chart: &Rows<'_, '_, X>, text: &str, at: (f64, f64), anchor: HPos) -> Result<()>
where
    X: Ranged<ValueType = f64>,
{
    chart.plotting_area().draw(&Text::new(text.to_owned(), at, style(INK, anchor)))?;
    Ok(())
}

/// An area from one point to another.
///
/// # Errors
/// When plotters fails.
pub fn fill<X>(chart: &Rows<'_, '_, X>, from: (f64, f64), to: (f64, f64), colour: RGBColor) -> Result<()>
where
    X: Ranged<ValueType = f64>,
{
    chart.plotting_area().draw(&Rectangle::new([from, to], colour.filled()))?;
    Ok(())
}

/// A line from one point to another, `wide` pixels wide.
///
/// # Errors
/// When plotters fails.
pub fn line<X>(chart: &Rows<'_, '_, X>, from: (f64, f64), to: (f64, f64), colour: RGBColor, wide: u32) -> Result<()>
where
    X: Ranged<ValueType = f64>,
{
    chart.plotting_area().draw(&PathElement::new([from, to], colour.stroke_width(wide)))?;
    Ok(())
}

/// A thin line of dashes from one point to another: a value that others are compared with.
///
/// # Errors
/// When plotters fails.
pub fn dashed<X>(chart: &Rows<'_, '_, X>, from: (f64, f64), to: (f64, f64)) -> Result<()>
where
    X: Ranged<ValueType = f64>,
{
    chart.plotting_area().draw(&DashedPathElement::new([from, to], 4, 4, MUTED.stroke_width(1)))?;
    Ok(())
}
