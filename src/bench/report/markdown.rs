//! `results.md`: all that `--details` shows, for a pull request.

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use crate::analysis::results::Results;
use crate::analysis::study::differences::Differences;
use crate::report::terminal::differences;
use crate::report::terminal::grid::Grid;
use crate::report::terminal::network;
use crate::report::terminal::tables;
use crate::results::run::write_whole;

/// Its name in the folder of a run.
pub const MARKDOWN_FILE: &str = "results.md";
/// Columns of the text that is shown as on the terminal.
const WIDTH: usize = 100;
/// The line before and after such a text.
const FENCE: &str = "```";

/// Writes the file into `folder`, by rename.
///
/// # Errors
/// When it cannot be written.
pub fn write(results: &Results, folder: &Path) -> Result<()> {
    write_whole(&folder.join(MARKDOWN_FILE), |file| Ok(file.write_all(render(results).as_bytes())?))
}

/// All parts of [`tables::render`] without the list of files; the answer comes first, because readers look for it.
fn render(results: &Results) -> String {
    let said = tables::warning(results).into_iter().chain(tables::sentences(results));
    let mut parts: Vec<String> = said.map(|said| format!("**{}**", escaped(&said))).collect();
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

/// The comparison for a pull request: `header` says what was run and where, `more` are further notes.
pub fn of_differences(found: &Differences, header: &str, more: &[String]) -> String {
    let words = differences::words(found);
    let (first, rest) = words.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let mut parts = vec![format!("**{}**", escaped(first)), of_grid(&differences::grid(found))];
    let notes = header.lines().map(str::to_owned).chain(rest.to_vec()).chain(more.to_vec());
    parts.push(notes.map(|note| format!("- {}", escaped(&note))).collect::<Vec<String>>().join("\n"));
    parts.join("\n\n") + "\n"
}

/// The table in GitHub's dialect; samples are drawn for a terminal and left out.
fn of_grid(grid: &Grid) -> String {
    let shown = grid.without_drawing();
    let line = |cells: Vec<&str>| {
        let cells: Vec<String> = shown.iter().map(|at| escaped(&cells[*at].replace('\n', " "))).collect();
        format!("| {} |", cells.join(" | "))
    };
    let rule: Vec<&str> = shown.iter().map(|at| if *at == 0 { "---" } else { "--:" }).collect();
    let mut lines = vec![line(grid.header.iter().map(String::as_str).collect()), format!("| {} |", rule.join(" | "))];
    lines.extend(grid.rows.iter().map(|row| line(row.iter().map(|cell| cell.text.as_str()).collect())));
    lines.join("\n")
}

/// The text with what would be markup escaped.
fn escaped(text: &str) -> String {
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
    use crate::analysis::results::tests::results;
    use crate::analysis::study::network::tests::{network, study};
    use crate::analysis::study::summary::tests::measured;
    use crate::report::html::verdict::tests::verdict;
    use crate::report::text::cell::Cell;
    use crate::scenario::cache_state::CacheState;

    #[test]
    fn a_table_has_no_markup_of_its_cells() {
        let header = ["run", "get p50\nµs", "samples"];
        let rows = vec![["a|b_c", "1.0", "··:"].map(Cell::from).to_vec()];
        let grid = Grid { drawing: Some(2), ..Grid::new(&header, rows) };
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
        (run.analysis.network, run.run.plan.study) = (Some(network()), study());
        run.analysis.verdicts = vec![verdict()];
        let text = render(&run);
        assert!(text.starts_with("**pack, bandwidth not limited: faster than no cache on"), "{text}");
        assert!(text.contains("\npack, remote-hit\n\n| latency | "), "{text}");
        assert!(text.contains("go-cold: 1.1 s"), "{text}");
        assert!(text.contains(&format!("```text\n{}\n```\n", tables::verdicts(&run, WIDTH))), "{text}");
    }

    #[test]
    fn markdown_has_the_answer_first_and_no_markup_of_names() {
        let text =
            of_differences(&differences::tests::found(), "small.toml · go1.26\nremote: x", &["More.".to_owned()]);
        assert!(text.starts_with("**this build (second) against HEAD~3"), "{text}");
        assert!(text.contains("| b · a\\|b | the same |") && text.ends_with("- More.\n"), "{text}");
        assert!(text.contains("\n- small.toml · go1.26\n- remote: x\n"), "{text}");
    }
}
