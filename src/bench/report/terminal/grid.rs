//! A table that fits: columns are dropped from the right until it does, and their names are told.

use crate::bench::report::text::units::Column;
use comfy_table::{Attribute, Cell, CellAlignment, Color, Table, presets};

/// How text may look.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Columns of the terminal.
    pub width: usize,
    pub colour: bool,
}

/// Headers and rows of plain text. The first column is aligned left, the others right.
#[derive(Debug, Default)]
pub struct Grid {
    /// Of one line or two.
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Grid {
    /// A table of columns with their titles, and their units below these.
    pub fn of_columns(columns: &[(&str, Column)]) -> Grid {
        let rows = columns.first().map_or(0, |(_, column)| column.cells.len());
        let title = |(name, column): &(&str, Column)| format!("{name}\n{}", column.unit.unwrap_or_default());
        let row = |index: usize| columns.iter().map(|(_, column)| column.cells[index].clone()).collect();
        Grid { rows: (0..rows).map(row).collect(), header: columns.iter().map(title).collect() }
    }

    /// The table in at most `view.width` columns; the first two columns always stay.
    pub fn render(&self, view: View) -> String {
        let fits = |columns: &usize| {
            let plain = self.table(*columns, false).trim_fmt();
            plain.lines().all(|line| line.chars().count() <= view.width)
        };
        let columns = (3..=self.header.len()).rev().find(fits).unwrap_or(2.min(self.header.len()));
        let table = self.table(columns, view.colour).trim_fmt();
        let dropped: Vec<&str> =
            self.header[columns..].iter().map(|title| title.lines().next().unwrap_or_default()).collect();
        match dropped[..] {
            [] => table,
            _ => format!("{table}\n (no room here for: {})", dropped.join(", ")),
        }
    }

    fn table(&self, columns: usize, colour: bool) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        match colour {
            true => table.enforce_styling(),
            false => table.force_no_tty(),
        };
        let header = self.header.iter().take(columns);
        table.set_header(header.map(|title| Cell::new(title).add_attribute(Attribute::Bold)));
        for row in &self.rows {
            table.add_row(row.iter().take(columns).map(cell));
        }
        for column in table.column_iter_mut() {
            column.set_padding((1, 1));
            if column.index > 0 {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }
}

fn cell(text: &String) -> Cell {
    match text {
        text if text.ends_with("faster") => Cell::new(text).fg(Color::Green),
        text if text.ends_with("slower") => Cell::new(text).fg(Color::Red),
        text => Cell::new(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        Grid {
            header: ["run", "wall", "against", "samples"].map(str::to_owned).to_vec(),
            rows: vec![["a", "0.29 s", "97× faster", "··:"].map(str::to_owned).to_vec()],
        }
    }

    #[test]
    fn columns_are_dropped_from_the_right() {
        let view = |width| View { width, colour: false };
        assert!(grid().render(view(100)).contains("samples"));
        let narrow = grid().render(view(32));
        assert!(narrow.contains("faster") && !narrow.contains("··:"), "{narrow}");
        assert!(narrow.ends_with("(no room here for: samples)"), "{narrow}");
        assert!(grid().render(view(1)).contains("0.29 s"));
    }

    #[test]
    fn colour_only_where_it_is_wanted() {
        let text = |colour| grid().render(View { width: 100, colour });
        assert!(text(true).contains("\u{1b}["));
        assert!(!text(false).contains('\u{1b}'));
    }
}
