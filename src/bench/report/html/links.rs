//! The records of the rounds that the page shows, and of machines, as links.

use maud::{Markup, html};

use crate::bench::analysis::results::Results;
use crate::bench::report::html::records::Folder;
use crate::bench::report::html::subjects::Subject;

/// Below the folder of a round: what it is called, and its file.
const OF_A_ROUND: [(&str, &str); 5] = [
    ("trace", "trace.json"),
    ("request log", "request.txt"),
    ("wall clock", "pprof/fg.svg"),
    ("session", "session.json"),
    ("what go printed", "build.log"),
];
/// Below the folder of a state or a case.
const OF_A_SETUP: [(&str, &str); 3] = [
    ("CPU", "pprof/cpu.svg"),
    ("CPU for pprof", "pprof/cpu.pprof"),
    ("trace with go's own actions", "profile/trace.json"),
];

/// One line a state, case or machine; None where no record is there.
pub fn render(folder: &Folder<'_>, results: &Results, subjects: &[Subject<'_>]) -> Option<Markup> {
    let of_subject = |of: &Subject<'_>| {
        let round = of.round.map(|round| there(folder, &round.folder, &OF_A_ROUND)).unwrap_or_default();
        (of.named(), [round, there(folder, &of.folder(&results.run.plan.cases), &OF_A_SETUP)].concat())
    };
    let builds = results.run.machines.iter().flat_map(|group| &group.waves).flat_map(|wave| &wave.builds);
    let of_machines = builds.map(|build| (build.folder.clone(), there(folder, &build.folder, &OF_A_ROUND)));
    let rows: Vec<_> =
        subjects.iter().map(of_subject).chain(of_machines).filter(|(_, links)| !links.is_empty()).collect();
    (!rows.is_empty()).then(|| {
        html! {
            p.hint { "Traces open in https://ui.perfetto.dev. The round nearest to the median stands for the others." }
            dl.records {
                @for (name, links) in &rows {
                    dt { (name) }
                    dd { @for link in links { (link) " " } }
                }
            }
        }
    })
}

/// Links to those that are there.
fn there(folder: &Folder<'_>, below: &str, files: &[(&str, &str)]) -> Vec<Markup> {
    let paths = files.iter().map(|(name, file)| (name, format!("{below}/{file}")));
    paths.filter(|(_, path)| folder.file(path).is_some()).map(|(name, path)| folder.link(&path, name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::analysis::results::tests::results;
    use crate::bench::analysis::study::summary::tests::measured;
    use crate::bench::report::html::subjects::subjects;
    use crate::bench::scenario::cache_state::CacheState;

    #[test]
    fn only_records_that_are_there_are_linked() {
        let run = tempfile::tempdir().unwrap();
        let mut results = results(measured(CacheState::LocalHit, &[100, 101, 102]));
        results.update();
        let folder = Folder(run.path());
        assert!(render(&folder, &results, &subjects(&results)).is_none());
        std::fs::create_dir_all(run.path().join("local-hit/2")).unwrap();
        std::fs::write(run.path().join("local-hit/2/trace.json"), "").unwrap();
        let page = render(&folder, &results, &subjects(&results)).unwrap().into_string();
        assert!(page.contains("local-hit/2/trace.json") && !page.contains("request.txt"), "{page}");
    }
}
