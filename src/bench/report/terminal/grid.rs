//! A table that fits: columns are dropped from the right until it does, and their names are told.

use crate::bench::report::text::units::Column;
use comfy_table::{Attribute, CellAlignment, Color, Table, presets};

/// How text may look.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Columns of the terminal.
    pub width: usize,
    pub colour: bool,
}

/// Good news, bad news, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Faster,
    Slower,
}

/// One cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub text: String,
    pub tone: Tone,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell { text: text.into(), tone: Tone::Plain }
    }
}

/// Headers and rows.
#[derive(Debug)]
pub struct Grid {
    /// Each has one or two lines.
    pub header: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
    /// Number of columns that are aligned left; the others are aligned right.
    pub left: usize,
    /// The last column is drawn with characters, for a terminal only.
    pub has_picture: bool,
}

impl Grid {
    /// A table whose first column is aligned left.
    pub fn new<T: Into<String>, C: Into<Cell>>(
        header: impl IntoIterator<Item = T>,
        rows: impl IntoIterator<Item = Vec<C>>,
    ) -> Grid {
        Grid {
            header: header.into_iter().map(Into::into).collect(),
            rows: rows.into_iter().map(|row| row.into_iter().map(Into::into).collect()).collect(),
            left: 1,
            has_picture: false,
        }
    }

    /// A table of columns with their titles, of one line or two, and their units in the second line.
    pub fn of_columns(columns: &[(&str, Column)]) -> Grid {
        let rows = columns.first().map_or(0, |(_, column)| column.cells.len());
        let title = |(name, column): &(&str, Column)| {
            let between = if name.contains('\n') { ' ' } else { '\n' };
            format!("{name}{between}{}", column.unit.unwrap_or_default())
        };
        let row =
            |index: usize| -> Vec<String> { columns.iter().map(|(_, column)| column.cells[index].clone()).collect() };
        Grid::new(columns.iter().map(title), (0..rows).map(row))
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
        table.set_header(header.map(|title| comfy_table::Cell::new(title).add_attribute(Attribute::Bold)));
        for row in &self.rows {
            table.add_row(row.iter().take(columns).map(styled));
        }
        for column in table.column_iter_mut() {
            column.set_padding((1, 1));
            if column.index >= self.left {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }
}

fn styled(cell: &Cell) -> comfy_table::Cell {
    let styled = comfy_table::Cell::new(&cell.text);
    match cell.tone {
        Tone::Plain => styled,
        Tone::Faster => styled.fg(Color::Green),
        Tone::Slower => styled.fg(Color::Red),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let factor = Cell { text: "97× faster".to_owned(), tone: Tone::Faster };
        let row = vec!["local-hit".into(), "0.29 s".into(), factor, "··:".into()];
        Grid::new(["state", "wall", "against", "samples"], [row])
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
