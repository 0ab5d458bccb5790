//! `results.md`: what the terminal shows, for a pull request.

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use crate::bench::analysis::results::Results;
use crate::bench::report::terminal::grid::Grid;
use crate::bench::report::terminal::network;
use crate::bench::report::terminal::tables;
use crate::bench::results::run::write_whole;

/// Its name in the folder of a run.
pub const MARKDOWN_FILE: &str = "results.md";
/// Columns of what is shown as the terminal has it.
const WIDTH: usize = 100;
/// What begins and ends such a text.
const FENCE: &str = "```";

/// Writes the file into `folder`, by rename.
///
/// # Errors
/// When it cannot be written.
pub fn write(results: &Results, folder: &Path) -> Result<()> {
    write_whole(&folder.join(MARKDOWN_FILE), |file| Ok(file.write_all(render(results).as_bytes())?))
}

/// All parts of [`tables::render`], but for the files beside it: what it comes to first, because that is what a reader looks for.
fn render(results: &Results) -> String {
    let mut parts: Vec<String> =
        tables::sentences(results).iter().map(|said| format!("**{}**", escaped(said))).collect();
    let header = tables::header(results);
    parts.push(header.lines().map(|line| format!("{}  ", escaped(line))).collect::<Vec<String>>().join("\n"));
    parts.extend(tables::grids(results).iter().map(of_grid));
    if let Some(network) = &results.analysis.network {
        parts.push(escaped(&network::baselines(network)));
        let titled = network::grids(network).into_iter();
        parts.extend(titled.flat_map(|(title, grid)| [escaped(&title), of_grid(&grid)]));
        parts.push(escaped(network::OF_LINE));
    }
    parts.extend(tables::notes(results).iter().map(|note| format!("- {}", escaped(note))));
    let verdicts = tables::verdicts(results, WIDTH);
    if !verdicts.is_empty() {
        parts.push(format!("{FENCE}text\n{}\n{FENCE}", verdicts.replace(FENCE, "'''")));
    }
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
    let mut escaped = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::analysis::results::tests::results;
    use crate::bench::analysis::study::network::tests::network;
    use crate::bench::analysis::study::summary::tests::measured;
    use crate::bench::report::html::verdict::tests::verdict;
    use crate::bench::scenario::cache_state::CacheState;

    #[test]
    fn a_table_has_no_markup_of_its_cells() {
        let grid = Grid {
            header: ["run", "get p50\nµs", "samples"].map(str::to_owned).to_vec(),
            rows: vec![["a|b_c", "1.0", "··:"].map(str::to_owned).to_vec()],
        };
        assert_eq!(of_grid(&grid), "| run | get p50 µs |\n| --- | --: |\n| a\\|b\\_c | 1.0 |");
    }

    #[test]
    fn names_of_the_user_are_no_markup() {
        assert_eq!(escaped("[x](http://y) `z` & <b>"), "\\[x\\](http://y) \\`z\\` &amp; &lt;b>");
        let mut run = results(measured(CacheState::LocalHit, &[100]));
        run.run.plan.module = Some("/m/a_b*c".into());
        assert!(render(&run).contains(" in a\\_b\\*c · "), "{}", render(&run));
    }

    #[test]
    fn all_that_the_terminal_shows_is_in_it() {
        let mut run = results(measured(CacheState::LocalHit, &[100]));
        run.update();
        run.analysis.network = Some(network());
        run.analysis.verdicts = vec![verdict()];
        let text = render(&run);
        assert!(text.starts_with("**pack, bandwidth not limited: faster than no cache over"), "{text}");
        assert!(text.contains("\npack, b (all in the remote)\n\n| latency | "), "{text}");
        assert!(text.contains("no cache at all: 1.1 s"), "{text}");
        assert!(text.contains(&format!("```text\n{}\n```\n", tables::verdicts(&run, WIDTH))), "{text}");
    }
}
