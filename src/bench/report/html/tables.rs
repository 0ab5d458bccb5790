//! The tables of the terminal as HTML.

use maud::{Markup, html};

use crate::bench::report::terminal::grid::Grid;

/// Drawn for a terminal; the page has the dots themselves.
const SAMPLES: &str = "samples";

/// A table in a box that scrolls where it is too wide.
pub fn table(grid: &Grid) -> Markup {
    let shown: Vec<usize> = (0..grid.header.len()).filter(|at| grid.header[*at] != SAMPLES).collect();
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { @for at in &shown { th scope="col" { (title(&grid.header[*at])) } } } }
                tbody {
                    @for row in &grid.rows {
                        tr {
                            @for at in &shown {
                                @if *at == 0 { th scope="row" { (row[*at]) } }
                                @else { td class=[class(&row[*at])] { (row[*at]) } }
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

fn class(cell: &str) -> Option<&'static str> {
    match cell {
        cell if cell.ends_with("faster") => Some("faster"),
        cell if cell.ends_with("slower") => Some("slower"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_text_and_samples_are_left_out() {
        let grid = Grid {
            header: ["run", "get p50\nµs", "samples", "full"].map(str::to_owned).to_vec(),
            rows: vec![["<a>", "1.0", "··:", "2× slower"].map(str::to_owned).to_vec()],
        };
        let table = table(&grid).into_string();
        assert!(table.contains("get p50<br><span class=\"unit\">µs</span>"), "{table}");
        assert!(table.contains("&lt;a&gt;") && !table.contains("··:"), "{table}");
        assert!(table.contains("<td class=\"slower\">2× slower</td><") && table.contains("<td>1.0</td>"), "{table}");
    }
}
