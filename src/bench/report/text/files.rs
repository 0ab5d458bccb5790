//! The files of a run to look at first, and the commands that go on from it. The other files are in `metrics/README.md`.

use std::path::Path;

use crate::analysis::results::Results;
use crate::analysis::study::summary::RoundBreakdown;
use crate::scenario::cache_state::CacheState;

/// A file of the run, as a person would type it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub path: String,
    pub says: String,
}

/// Pictures of the whole run, the best first.
const PICTURES: [(&str, &str); 2] =
    [("report.html", "everything, to look at"), ("results.md", "everything, for a pull request")];
/// States by what their trace tells: in remote-hit go waits the most for the cache.
const TELLING: [CacheState; 3] = [CacheState::RemoteHit, CacheState::Cold, CacheState::LocalHit];

/// A picture and the trace of the most telling state, of those that are below `run`. `shown` is the run as a user would type it: its
/// folder, or a file in that.
pub fn to_look_at(results: &Results, run: &Path, shown: &Path) -> Vec<File> {
    let picture = PICTURES.iter().find(|(name, _)| run.join(name).is_file());
    let picture = picture.map(|(name, says)| ((*name).to_owned(), (*says).to_owned()));
    let shown = if shown.is_file() { shown.parent().unwrap_or(shown) } else { shown };
    let there = picture.into_iter().chain(trace(results)).filter(|(path, _)| run.join(path).is_file());
    there.map(|(path, says)| File { path: shown.join(path).display().to_string(), says }).collect()
}

/// The most telling state that has a breakdown of its time.
pub fn telling(results: &Results) -> Option<(CacheState, &RoundBreakdown)> {
    let states =
        || results.analysis.summary.states.iter().chain(results.analysis.cases.iter().map(|case| &case.figures));
    TELLING.into_iter().find_map(|state| {
        let breakdown = states().find(|found| found.state == state)?.time_breakdown.as_ref()?;
        Some((state, breakdown))
    })
}

/// The trace of the round nearest to the median.
fn trace(results: &Results) -> Option<(String, String)> {
    let (_, breakdown) = telling(results)?;
    Some((format!("{}/trace.json", breakdown.folder), "open in https://ui.perfetto.dev".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::results::tests::results;
    use crate::analysis::study::summary::tests::measured;
    use crate::results::time_breakdown::BuildTimes;
    use crate::results::time_breakdown::TimeBreakdown;
    use gocacheprog::telemetry::LoggedSession;

    fn run() -> Results {
        let mut rounds = measured(CacheState::LocalHit, &[100]);
        rounds.extend(measured(CacheState::RemoteHit, &[100, 120, 190]));
        let frame = BuildTimes {
            backend_ns: 0,
            handshake_ns: 0,
            released_ns: 1,
            wall_ns: 1,
            workers: 1,
            cores: 1,
            go_cpu_ns: 0,
        };
        let log = LoggedSession { start_unix_ns: 0, pid: 1, go: None, lines: Vec::new() };
        rounds.iter_mut().for_each(|round| round.time_breakdown = Some(TimeBreakdown::of(frame, &log)));
        let mut run = results(rounds);
        run.update();
        run
    }

    fn paths(folder: &Path, there: &[&str]) -> Vec<String> {
        for file in there {
            std::fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
            std::fs::write(folder.join(file), "").unwrap();
        }
        to_look_at(&run(), folder, Path::new("m/latest")).into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn a_picture_and_a_trace_of_those_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        assert!(paths(folder.path(), &["results.json"]).is_empty());
        let all = ["results.md", "local-hit/1/trace.json", "remote-hit/1/trace.json", "remote-hit/2/trace.json"];
        let expected = ["m/latest/results.md", "m/latest/remote-hit/2/trace.json"];
        assert_eq!(paths(folder.path(), &all), expected);
        assert_eq!(paths(folder.path(), &["report.html"])[0], "m/latest/report.html");
    }
}
