//! `results.md`: what the terminal shows, for a pull request.

use std::path::Path;

use anyhow::{Context, Result};

use super::answer;
use super::grid::Grid;
use super::results::Results;
use super::table;

/// Its name in the folder of a run.
pub const MARKDOWN_FILE: &str = "results.md";

/// Writes the file into `folder`.
///
/// # Errors
/// When it cannot be written.
pub fn write(results: &Results, folder: &Path) -> Result<()> {
    let path = folder.join(MARKDOWN_FILE);
    std::fs::write(&path, render(results)).with_context(|| format!("cannot write {}", path.display()))
}

fn render(results: &Results) -> String {
    let mut parts = Vec::new();
    if results.cases.is_empty() && !results.summary.legs.is_empty() {
        parts.push(format!("**{}**", answer::sentence(&results.summary)));
    }
    parts.push(table::header(results).lines().map(|line| format!("{line}  ")).collect::<Vec<String>>().join("\n"));
    parts.extend(table::grids(results).iter().map(of_grid));
    parts.extend(table::notes(results).iter().map(|note| format!("- {}", escaped(note))));
    parts.join("\n\n") + "\n"
}

/// The table in GitHub's dialect; samples are drawn for a terminal and left out.
pub fn of_grid(grid: &Grid) -> String {
    let shown: Vec<usize> = (0..grid.header.len()).filter(|at| grid.header[*at] != "samples").collect();
    let line = |cells: &[String]| {
        let cells: Vec<String> = shown.iter().map(|at| escaped(&cells[*at].replace('\n', " "))).collect();
        format!("| {} |", cells.join(" | "))
    };
    let rule: Vec<&str> = shown.iter().map(|at| if *at == 0 { "---" } else { "--:" }).collect();
    let mut lines = vec![line(&grid.header), format!("| {} |", rule.join(" | "))];
    lines.extend(grid.rows.iter().map(|row| line(row)));
    lines.join("\n")
}

/// The text with what would be markup escaped.
pub fn escaped(text: &str) -> String {
    text.trim_end()
        .replace('\\', "\\\\")
        .replace('|', "\\|")
        .replace('*', "\\*")
        .replace('_', "\\_")
        .replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_no_markup_of_its_cells() {
        let grid = Grid {
            header: ["run", "get p50\nµs", "samples"].map(str::to_owned).to_vec(),
            rows: vec![["a|b_c", "1.0", "··:"].map(str::to_owned).to_vec()],
        };
        assert_eq!(of_grid(&grid), "| run | get p50 µs |\n| --- | --: |\n| a\\|b\\_c | 1.0 |");
    }
}
