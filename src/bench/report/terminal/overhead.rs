//! The table of `bench overhead`, and the line that reports have of it.

use std::path::Path;

use crate::analysis::study::overhead::{differences, middle, of_setting};
use crate::plan::run_plan::Plan;
use crate::report::terminal::grid::{Grid, View};
use crate::report::text::cell::Cell;
use crate::report::text::units;
use crate::report::text::verdict::next;
use crate::results::overhead::{AGAIN, OverheadRun, Setting};
use crate::results::run::RecordOverhead;

const COLUMNS: &str = "more: the median of the ratios or differences within each round, and its interval (99 % from eight rounds on).\n\
                       cpu: CPU time of the backend while go waits for it; after: CPU time after the answer to close.";

/// All that `bench overhead` prints, with the path of the file of its samples.
pub fn printed(run: &OverheadRun, path: &Path, view: View) -> String {
    let (table, noise, path) = (table(run, view), noise(run), path.display());
    format!("{}: go build {}\n\n{table}\n\n{COLUMNS}\n{noise}{path}  every sample\n", run.state, run.packages)
}

/// A row for each setting: the first one's times, and the differences of the others round by round.
fn table(run: &OverheadRun, view: View) -> String {
    let rows = run.settings.iter().map(|setting| row(run, setting));
    let header = ["instruments on", "wall", "more than none", "cpu", "more than none", "after", "peak", "more"];
    let second = ["", "ms", "", "ms", "ms", "ms", "MB", "MB"];
    let header = header.iter().zip(second).map(|(one, two)| format!("{one}\n{two}")).collect();
    Grid { header, rows: rows.collect(), ..Grid::default() }.render(view)
}

fn row(run: &OverheadRun, setting: &Setting) -> Vec<Cell> {
    let missing = || units::MISSING.to_owned();
    let millions = |values: &[u64]| middle(values).map_or_else(missing, |value| format!("{:.1}", value / 1e6));
    let first = run.settings.first().filter(|first| *first != setting);
    let wall = first.and_then(|_| of_setting(run, &setting.name)).map_or_else(missing, |overhead| {
        format!("{} ({} to {})", signed(overhead.ratio), signed(overhead.low), signed(overhead.high))
    });
    let cpu = first.and_then(|first| differences(&setting.cpu_ns, &first.cpu_ns));
    let memory = first.and_then(|first| differences(&setting.peak_rss_bytes, &first.peak_rss_bytes));
    let cells = [
        setting.name.clone(),
        millions(&setting.walls_ns),
        wall,
        millions(&setting.cpu_ns),
        cpu.map_or_else(missing, |[middle, low, high]| format!("{} ({} to {})", more(middle), more(low), more(high))),
        millions(&setting.cpu_after_ns),
        millions(&setting.peak_rss_bytes),
        memory.map_or_else(missing, |[middle, ..]| more(middle)),
    ];
    cells.map(Cell::from).to_vec()
}

fn noise(run: &OverheadRun) -> String {
    of_setting(run, AGAIN).map_or(String::new(), |again| {
        format!(
            "none: only the summary of the session. {AGAIN}: the same settings a second time, so its interval ({} to {})\n\
             is the noise of {} rounds.\n",
            signed(again.low),
            signed(again.high),
            again.rounds
        )
    })
}

/// The overhead of the records in one line, as every report has it.
pub fn in_words(overhead: Option<&RecordOverhead>, plan: &Plan) -> String {
    match overhead {
        Some(RecordOverhead { run, packages, rounds, ratio, interval, noise }) => format!(
            "The records cost `go build {packages}` that hits locally {} of its wall time ({} to {}; noise {} to {}; {rounds} rounds: {run}).",
            signed(*ratio),
            signed(interval[0]),
            signed(interval[1]),
            signed(noise[0]),
            signed(noise[1]),
        ),
        None => {
            let command = next::overhead(plan);
            format!("The overhead of the records on this machine has not been measured. Run: `{command}`")
        }
    }
}

/// A ratio as its difference from one.
fn signed(ratio: f64) -> String {
    format!("{} %", more((ratio - 1.0) * 100.0))
}

fn more(difference: f64) -> String {
    format!("{difference:+.1}").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::run_plan::tests::resolve;
    use crate::results::overhead::tests::overhead;

    #[test]
    fn a_run_is_shown_as_a_table() {
        let text = printed(&overhead(), Path::new("overhead.json"), View { width: 100, colour: false });
        for part in ["all", "+2.0 % (+1.0 % to +3.0 %)", "40.0", "+0.0 (+0.0 to +0.0)", "(−1.0 % to +1.0 %)"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn reports_have_the_overhead_in_one_line() {
        let (run, packages) = ("20261123T000000Z-overhead".to_owned(), "std".to_owned());
        let overhead =
            RecordOverhead { run, packages, rounds: 12, ratio: 1.02, interval: [1.01, 1.03], noise: [0.99, 1.01] };
        let line = in_words(Some(&overhead), &resolve(&[]).unwrap());
        assert!(
            line.contains("+2.0 % of its wall time (+1.0 % to +3.0 %; noise −1.0 % to +1.0 %; 12 rounds"),
            "{line}"
        );
        let line = in_words(None, &resolve(&["--out", "/my runs", "net/http"]).unwrap());
        assert!(
            line.contains("has not been measured. Run: `") && line.ends_with(" overhead --out '/my runs'`"),
            "{line}"
        );
    }
}
