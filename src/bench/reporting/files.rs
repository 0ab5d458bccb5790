//! What a run left to look at, with what opens it.

use std::path::Path;

use super::html::HTML_FILE;
use super::network_plot::PLOT_FILE;
use crate::bench::planning::case::Case;

/// A file of the run, as a person would type it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub path: String,
    pub says: &'static str,
}

/// In the order in which they help; the folder of each leg stands for its other rounds.
const WORTH_A_LOOK: [(&str, &str); 16] = [
    (PLOT_FILE, "wall over latency, a panel a bandwidth: open in a browser"),
    ("b/1/trace.json", "trace of b: open in https://ui.perfetto.dev"),
    ("a/1/trace.json", "trace of a: open in https://ui.perfetto.dev"),
    ("c/1/trace.json", "trace of c: open in https://ui.perfetto.dev"),
    ("b/1/pprof/fg.svg", "wall-clock time of b by span: open in a browser"),
    ("c/1/pprof/fg.svg", "wall-clock time of c by span: open in a browser"),
    ("c/profile/trace.json", "trace of c with go's own actions beside it"),
    ("c/pprof/cpu.svg", "flame graph of the backend's CPU in c: open in a browser"),
    ("b/pprof/cpu.svg", "flame graph of the backend's CPU in b: open in a browser"),
    ("a/pprof/cpu.svg", "flame graph of the backend's CPU in a: open in a browser"),
    ("c/pprof/cpu.pprof", "go tool pprof -http=:8080 FILE"),
    ("c/heap/pprof/mem.svg", "heap of the backend in c at its peak: open in a browser"),
    ("b/1/request.txt", "log of b: one line a request, one an answer"),
    ("results.md", "these tables for a pull request"),
    ("results.csv", "every number of every round, one a line"),
    ("results.json", "every sample"),
];

/// What the folder of a case has, for the first case.
const OF_A_CASE: [(&str, &str); 2] = [
    ("trace.json", "trace of b under the first case: open in https://ui.perfetto.dev"),
    ("pprof/fg.svg", "wall-clock time of b under the first case: open in a browser"),
];

/// The files below `run` that are there; `shown` is the name under which they are listed.
pub fn to_look_at(run: &Path, shown: &Path, cases: &[Case]) -> Vec<File> {
    let of_case = cases
        .iter()
        .take(1)
        .flat_map(|case| OF_A_CASE.into_iter().map(|(file, says)| (format!("b/{}/1/{file}", case.slug), says)));
    let first = std::iter::once((HTML_FILE.to_owned(), "the same to look at: open in a browser"));
    let all = first.chain(of_case).chain(WORTH_A_LOOK.into_iter().map(|(path, says)| (path.to_owned(), says)));
    let there = all.filter(|(path, _)| run.join(path).is_file());
    there.map(|(path, says)| File { path: shown.join(path).display().to_string(), says }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_there_is_listed() {
        let run = tempfile::tempdir().unwrap();
        for file in ["results.json", HTML_FILE] {
            std::fs::write(run.path().join(file), "{}").unwrap();
        }
        let files = to_look_at(run.path(), Path::new("metrics/latest"), &[]);
        let file = |path: &str, says| File { path: path.to_owned(), says };
        let first = file("metrics/latest/report.html", "the same to look at: open in a browser");
        assert_eq!(files, [first, file("metrics/latest/results.json", "every sample")]);
    }
}
