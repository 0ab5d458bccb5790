//! The tables of the terminal as HTML; the script of the page makes them sortable.

use maud::{Markup, html};

use crate::report::terminal::grid::Grid;
use crate::report::text::cell::Tone;

/// A table in a box that scrolls where it is too wide.
pub fn table(grid: &Grid) -> Markup {
    let shown = grid.without_drawing();
    let left = |at: usize| if grid.left.contains(&at) { Some("left") } else { None };
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { @for at in &shown { th scope="col" class=[left(*at)] { (title(&grid.header[*at])) } } } }
                tbody {
                    @for row in &grid.rows {
                        tr {
                            @for at in &shown {
                                @if *at == 0 { th scope="row" { (row[*at].text) } }
                                @else { td class=[class(row[*at].tone).or(left(*at))] { (row[*at].text) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A name, and its unit below it.
fn title(header: &str) -> Markup {
    let (name, unit) = header.split_once('\n').unwrap_or((header, ""));
    html! { (name) @if !unit.is_empty() { br; span.unit { (unit) } } }
}

/// The class of a text of this tone.
pub fn class(tone: Tone) -> Option<&'static str> {
    match tone {
        Tone::Good => Some("faster"),
        Tone::Bad => Some("slower"),
        Tone::Warning => Some("caution"),
        Tone::Plain => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::cell::Cell;

    #[test]
    fn cells_are_text_and_samples_are_left_out() {
        let header = ["run", "get p50\nµs", "samples", "full"];
        let slower = Cell { text: "2x slower".to_owned(), tone: Tone::Bad };
        let rows = vec![vec!["<a>".into(), "1.0".into(), "··:".into(), slower]];
        let grid = Grid { drawing: Some(2), ..Grid::new(&header, rows) };
        let table = table(&grid).into_string();
        assert!(table.contains("get p50<br><span class=\"unit\">µs</span>"), "{table}");
        assert!(table.contains("&lt;a&gt;") && !table.contains("··:"), "{table}");
        assert!(table.contains("<td class=\"slower\">2x slower</td><") && table.contains("<td>1.0</td>"), "{table}");
    }
}
