//! Data that the report takes from the records beside `results.json`. A missing record is named on the page, and is no error.

use std::path::{Component, Path, PathBuf};

use maud::{Markup, html};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::analysis::time::get_latency::{GetClass, classes};
use crate::analysis::time::in_flight::InFlight;

use crate::analysis::results::Results;
use crate::report::html::subjects::Subject;
use gocacheprog::telemetry::read_request_log;

/// Parts of the wall time in a chart of requests in flight.
const PARTS: usize = 240;
/// Characters that have a meaning in a link.
const IN_LINKS: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b':').add(b'\\');

/// The folder of a run, or of a copy of some of its files.
pub struct Folder<'a>(pub &'a Path);

/// The data of a request log that charts need.
pub struct FromLog {
    pub in_flight: InFlight,
    pub gets: Vec<GetClass>,
}

/// A record that could not be used, and the part of the page that needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The path, with the reason.
    pub record: String,
    pub without: &'static str,
}

impl Folder<'_> {
    /// A file below the folder, if it is there. A results.json can come from anywhere: paths out of the folder are ignored.
    pub fn file(&self, below: &str) -> Option<PathBuf> {
        let is_below = Path::new(below).components().all(|part| matches!(part, Component::Normal(_)));
        let path = self.0.join(below);
        (is_below && path.is_file()).then_some(path)
    }

    /// A link to a file below the folder; the text alone where it is not there.
    pub fn link(&self, below: &str, text: &str) -> Markup {
        match self.file(below) {
            Some(_) => html! { a href=(utf8_percent_encode(below, IN_LINKS)) { (text) } },
            None => html! { span.gone { (text) } },
        }
    }
}

/// Reads the request log of the typical round of a subject; None where it has no backend.
pub fn request_log(folder: &Folder<'_>, of: &Subject<'_>, results: &Results) -> Option<Result<FromLog, Missing>> {
    let round = of.round?;
    let session = round.session.as_ref()?;
    let below = format!("{}/request.txt", round.folder);
    let missing =
        |what: String| Missing { record: format!("{below} {what}"), without: "Requests in flight and latency of gets" };
    let workers = of.figures.time_breakdown.as_ref().map(|of| of.parts.workers).or(results.run.environment.cores);
    let read = || {
        let path = folder.file(&below).ok_or("is not there")?;
        let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read ({error})"))?;
        let log = read_request_log(&text).map_err(|error| format!("cannot be read ({error})"))?;
        let cores = results.run.environment.cores.or(workers);
        let known = workers.zip(cores).ok_or("has no number of cores")?;
        let frame = round.times(session, known.0, known.1);
        Ok(FromLog { in_flight: InFlight::of(frame, &log, PARTS), gets: classes(&log) })
    };
    Some(read().map_err(missing))
}

/// The parts that are left out, each with the missing records.
pub fn sentences(missing: &[Missing]) -> Vec<String> {
    let mut parts: Vec<&'static str> = missing.iter().map(|missing| missing.without).collect();
    parts.dedup();
    let sentence = |without: &&'static str| {
        let records = missing.iter().filter(|missing| missing.without == *without);
        let records: Vec<&str> = records.map(|missing| missing.record.as_str()).collect();
        format!("{without}: {}.", records.join(", "))
    };
    parts.iter().map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_the_folder_is_read_and_linked() {
        let parent = tempfile::tempdir().unwrap();
        let run = parent.path().join("run");
        std::fs::create_dir_all(run.join("b/javascript:x")).unwrap();
        for file in ["outside.txt", "run/b/a file.txt", "run/b/javascript:x/y"] {
            std::fs::write(parent.path().join(file), "").unwrap();
        }
        let folder = Folder(&run);
        assert!(folder.file("b/a file.txt").is_some());
        let outside = parent.path().join("outside.txt").display().to_string();
        for wrong in ["../outside.txt", outside.as_str(), "b/../../outside.txt", "b", "b/gone"] {
            assert_eq!(folder.file(wrong), None, "{wrong}");
        }
        assert_eq!(folder.link("b/a file.txt", "<it>").into_string(), "<a href=\"b/a%20file.txt\">&lt;it&gt;</a>");
        assert!(folder.link("b/javascript:x/y", "it").into_string().contains("b/javascript%3Ax/y"));
        assert_eq!(folder.link("b/gone", "it").into_string(), "<span class=\"gone\">it</span>");
    }

    #[test]
    fn missing_records_are_named_once_for_each_part_left_out() {
        let missing = |record: &str, without| Missing { record: record.to_owned(), without };
        let all =
            [missing("b/1/x is not there", "this"), missing("a/1/x is not there", "this"), missing("y is cut", "that")];
        assert_eq!(sentences(&all), ["this: b/1/x is not there, a/1/x is not there.", "that: y is cut."]);
    }
}
