//! "Files": the files of the run, and the records of the rounds that the page shows, as links.

use maud::{Markup, html};

use crate::analysis::results::Results;
use crate::report::html::records::Folder;
use crate::report::html::sections::Section;
use crate::report::html::subjects::Subject;
use crate::scenario::cache_state::CacheState;

/// The program that draws traces.
pub const PERFETTO: &str = "https://ui.perfetto.dev";

/// Files of the whole run and their content.
const OF_THE_RUN: [(&str, &str); 3] = [
    ("results.json", "every number, with its samples"),
    ("results.csv", "the samples as a table, one number a line"),
    ("results.md", "all tables, to paste into a pull request"),
];
/// Name and path of each record below the folder of a round.
const OF_A_ROUND: [(&str, &str); 5] = [
    ("trace", "trace.json"),
    ("request log", "request.txt"),
    ("flame graph of wall time", "pprof/fg.svg"),
    ("session", "session.json"),
    ("output of go", "build.log"),
];
/// Name and path of each record below the folder of a state or a case.
const OF_A_SETUP: [(&str, &str); 3] = [
    ("flame graph of CPU time", "pprof/cpu.svg"),
    ("CPU profile for pprof", "pprof/cpu.pprof"),
    ("trace with go's own actions", "profile/trace.json"),
];

/// The section: files of the whole run, then the records of each state, case or machine.
pub fn section(folder: &Folder<'_>, results: &Results, subjects: &[Subject<'_>]) -> Section {
    let mut section = Section::new("files", "Files");
    let rows = records(folder, results, subjects);
    let whole = OF_THE_RUN.map(|(file, content)| html! { li { (folder.link(file, file)) ": " (content) } });
    section.add("run", None, html! { ul { @for file in &whole { (file) } } });
    section.add("trace", "A trace in Perfetto", trace(folder, subjects).map(|path| perfetto(folder, &path)));
    section.add(
        "records",
        "Records",
        (!rows.is_empty()).then(|| {
            html! {
                p.hint { "Of the round nearest to the median of each state." }
                dl.records { @for (name, links) in &rows { dt { (name) } dd { @for link in links { (link) " " } } } }
            }
        }),
    );
    section
}

/// Name and links of each state, case or machine that has records.
fn records(folder: &Folder<'_>, results: &Results, subjects: &[Subject<'_>]) -> Vec<(String, Vec<Markup>)> {
    let of_subject = |of: &Subject<'_>| {
        let round = of.round.map(|round| there(folder, &round.folder, &OF_A_ROUND)).unwrap_or_default();
        (of.named(), [round, there(folder, &of.folder(&results.run.plan.cases), &OF_A_SETUP)].concat())
    };
    let builds = results.run.machines.iter().flat_map(|group| &group.waves).flat_map(|wave| &wave.builds);
    let of_machines = builds.map(|build| (build.folder.clone(), there(folder, &build.folder, &OF_A_ROUND)));
    subjects.iter().map(of_subject).chain(of_machines).filter(|(_, links)| !links.is_empty()).collect()
}

/// The trace to look at first: that of a fresh machine, or of the last state that has one.
fn trace(folder: &Folder<'_>, subjects: &[Subject<'_>]) -> Option<String> {
    let of = |subject: &Subject<'_>| Some(format!("{}/trace.json", subject.round?.folder));
    let there = |subject: &Subject<'_>| of(subject).filter(|path| folder.file(path).is_some());
    let is_fresh = |subject: &&Subject<'_>| subject.setup.state == CacheState::RemoteHit;
    subjects.iter().filter(is_fresh).find_map(there).or_else(|| subjects.iter().rev().find_map(there))
}

fn perfetto(folder: &Folder<'_>, path: &str) -> Markup {
    html! {
        p {
            "Open " a href=(PERFETTO) { (PERFETTO) } " in a browser and drop the file " (folder.link(path, path))
            ", which lies in the folder of this page, on it."
        }
    }
}

/// Links to the records that are there.
fn there(folder: &Folder<'_>, below: &str, files: &[(&str, &str)]) -> Vec<Markup> {
    let paths = files.iter().map(|(name, file)| (name, format!("{below}/{file}")));
    paths.filter(|(_, path)| folder.file(path).is_some()).map(|(name, path)| folder.link(&path, name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::results::tests::results;
    use crate::analysis::study::summary::tests::measured;
    use crate::report::html::subjects::subjects;

    #[test]
    fn only_records_that_are_there_are_linked() {
        let run = tempfile::tempdir().unwrap();
        let mut results = results(measured(CacheState::LocalHit, &[100, 101, 102]));
        results.update();
        let folder = Folder(run.path());
        assert!(!section(&folder, &results, &subjects(&results)).render().into_string().contains("id=\"records\""));
        std::fs::create_dir_all(run.path().join("local-hit/2")).unwrap();
        std::fs::write(run.path().join("local-hit/2/trace.json"), "").unwrap();
        let page = section(&folder, &results, &subjects(&results)).render().into_string();
        assert!(page.contains("local-hit/2/trace.json") && !page.contains("request.txt"), "{page}");
        assert!(page.contains("drop the file <a href=\"local-hit/2/trace.json\">"), "{page}");
    }
}
