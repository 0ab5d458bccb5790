//! The tables of the terminal as HTML.

use maud::{Markup, html};

use crate::bench::report::terminal::grid::{Grid, Tone};

/// A table in a box that scrolls where it is too wide.
pub fn table(grid: &Grid) -> Markup {
    let shown = grid.header.len() - usize::from(grid.has_picture);
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { @for name in grid.header.iter().take(shown) { th scope="col" { (title(name)) } } } }
                tbody {
                    @for row in &grid.rows {
                        tr {
                            @for (at, cell) in row.iter().take(shown).enumerate() {
                                @if at == 0 { th scope="row" { (cell.text) } }
                                @else { td class=[class(cell.tone)] { (cell.text) } }
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

fn class(tone: Tone) -> Option<&'static str> {
    match tone {
        Tone::Faster => Some("faster"),
        Tone::Slower => Some("slower"),
        Tone::Plain => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::terminal::grid::Cell;

    #[test]
    fn cells_are_text_and_samples_are_left_out() {
        let slower = Cell { text: "2× slower".to_owned(), tone: Tone::Slower };
        let row = vec!["<a>".into(), "1.0".into(), slower, "··:".into()];
        let grid = Grid { has_picture: true, ..Grid::new(["state", "get p50\nµs", "full", "samples"], [row]) };
        let table = table(&grid).into_string();
        assert!(table.contains("get p50<br><span class=\"unit\">µs</span>"), "{table}");
        assert!(table.contains("&lt;a&gt;") && !table.contains("··:"), "{table}");
        assert!(table.contains("<td class=\"slower\">2× slower</td><") && table.contains("<td>1.0</td>"), "{table}");
    }
}
