//! A table that fits: columns are dropped from the right until it does, and their names are listed.

use comfy_table::{Attribute, Cell as TableCell, CellAlignment, Color, Table, presets};

use crate::report::text::cell::{Cell, Tone};
use crate::report::text::units::Column;

/// How text may look.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Columns of the terminal.
    pub width: usize,
    pub colour: bool,
}

impl View {
    /// The text as its tone looks on the terminal.
    pub fn painted(self, text: &str, tone: Tone) -> String {
        let code = match tone {
            Tone::Good => 32,
            Tone::Bad => 31,
            Tone::Warning => 33,
            Tone::Plain => 0,
        };
        if self.colour && tone != Tone::Plain { format!("\u{1b}[1;{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Headers and rows. The first column is aligned left, the others right.
#[derive(Debug, Default)]
pub struct Grid {
    /// Titles of one line or two.
    pub header: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
    /// Further columns that are aligned left.
    pub left: Vec<usize>,
    /// The column that is a drawing for the terminal; other reports leave it out.
    pub drawing: Option<usize>,
}

impl Grid {
    /// A table with these titles.
    pub fn new(header: &[&str], rows: Vec<Vec<Cell>>) -> Grid {
        let header = header.iter().map(|title| (*title).to_owned()).collect();
        Grid { header, rows, ..Grid::default() }
    }

    /// A table of columns with their titles, and their units below these.
    pub fn of_columns(columns: &[(&str, Column)]) -> Grid {
        let rows = columns.first().map_or(0, |(_, column)| column.cells.len());
        let title = |(name, column): &(&str, Column)| {
            // The second line has place for a word beside the unit.
            let separator = if name.contains('\n') { " " } else { "\n" };
            format!("{name}{separator}{}", column.unit.unwrap_or_default())
        };
        let row = |index: usize| columns.iter().map(|(_, column)| column.cells[index].clone().into()).collect();
        let (rows, header) = ((0..rows).map(row).collect(), columns.iter().map(title).collect());
        Grid { header, rows, ..Grid::default() }
    }

    /// The columns that a report shows which draws nothing.
    pub fn without_drawing(&self) -> Vec<usize> {
        (0..self.header.len()).filter(|at| Some(*at) != self.drawing).collect()
    }

    /// The table in at most `view.width` columns; the first two columns always stay. The names of those that do not fit are
    /// listed below.
    pub fn render(&self, view: View) -> String {
        let columns = self.fitting(view.width);
        let table = self.table(columns, view.colour).trim_fmt();
        let names = self.header[columns..].iter().map(|title| title.lines().next().unwrap_or_default());
        let dropped: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
        match dropped[..] {
            [] => table,
            _ => format!("{table}\n (too narrow for: {})", dropped.join(", ")),
        }
    }

    /// How many of the columns fit.
    fn fitting(&self, width: usize) -> usize {
        let fits = |columns: &usize| {
            let plain = self.table(*columns, false).trim_fmt();
            plain.lines().all(|line| line.chars().count() <= width)
        };
        (3..=self.header.len()).rev().find(fits).unwrap_or(2.min(self.header.len()))
    }

    fn table(&self, columns: usize, colour: bool) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        match colour {
            true => table.enforce_styling(),
            false => table.force_no_tty(),
        };
        let header = self.header.iter().take(columns);
        table.set_header(header.map(|title| TableCell::new(title).add_attribute(Attribute::Bold)));
        for row in &self.rows {
            table.add_row(row.iter().take(columns).map(cell));
        }
        for column in table.column_iter_mut() {
            column.set_padding((1, 1));
            if column.index > 0 && !self.left.contains(&column.index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }
}

fn cell(cell: &Cell) -> TableCell {
    let shown = TableCell::new(&cell.text);
    match cell.tone {
        Tone::Plain => shown,
        Tone::Good => shown.fg(Color::Green),
        Tone::Bad => shown.fg(Color::Red),
        Tone::Warning => shown.fg(Color::Yellow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let against = Cell { text: "97x faster".to_owned(), tone: Tone::Good };
        Grid::new(
            &["run", "wall", "against", "samples"],
            vec![vec!["a".into(), "0.29 s".into(), against, "··:".into()]],
        )
    }

    #[test]
    fn columns_are_dropped_from_the_right() {
        let view = |width| View { width, colour: false };
        assert!(grid().render(view(100)).contains("samples"));
        let narrow = grid().render(view(32));
        assert!(narrow.contains("faster") && !narrow.contains("··:"), "{narrow}");
        assert!(narrow.ends_with("(too narrow for: samples)"), "{narrow}");
        assert!(grid().render(view(1)).contains("0.29 s"));
    }

    #[test]
    fn colour_is_of_the_tone_and_only_where_it_is_wanted() {
        let text = |grid: Grid, colour| grid.render(View { width: 100, colour });
        assert!(text(grid(), true).contains("\u{1b}[38;5;10m 97x faster"), "{:?}", text(grid(), true));
        assert!(!text(grid(), false).contains('\u{1b}'));
        let mut plain = grid();
        plain.rows[0][2].tone = Tone::Plain;
        assert!(!text(plain, true).contains("[38;5;10m"));
    }
}
