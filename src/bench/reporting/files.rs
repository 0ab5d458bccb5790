//! What a run left to look at, with what opens it.

use std::path::Path;

/// A file of the run, as a person would type it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub path: String,
    pub says: &'static str,
}

/// In the order in which they help; the folder of each leg stands for its other rounds.
const WORTH_A_LOOK: [(&str, &str); 13] = [
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
    ("results.json", "every sample"),
];

/// The files below `run` that are there; `shown` is the name under which they are listed.
pub fn to_look_at(run: &Path, shown: &Path) -> Vec<File> {
    let there = WORTH_A_LOOK.into_iter().filter(|(path, _)| run.join(path).is_file());
    there.map(|(path, says)| File { path: shown.join(path).display().to_string(), says }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_there_is_listed() {
        let run = tempfile::tempdir().unwrap();
        std::fs::write(run.path().join("results.json"), "{}").unwrap();
        let files = to_look_at(run.path(), Path::new("metrics/latest"));
        let expected = File { path: "metrics/latest/results.json".to_owned(), says: "every sample" };
        assert_eq!(files, [expected]);
    }
}
