//! The flame graphs inside the page: each a document of its own in a frame, so that it can be clicked and searched.

use maud::{Markup, html};

use crate::analysis::results::Results;
use crate::plan::steps::Kind;
use crate::report::html::charts::palette::DARK_FLAMES;
use crate::report::html::records::{Folder, Missing};
use crate::report::html::subjects::Subject;
use crate::scenario::case::Case;

/// A picture of more bytes is linked only.
const LARGEST: usize = 1 << 20;
/// Pictures in one page take at most this many bytes; the others are linked.
const ALL: usize = 6 << 20;
/// Height of a frame whose picture does not say its own, pixels.
const HEIGHT: &str = "600";

/// One flame graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flame {
    pub title: String,
    /// Below the folder of the run.
    pub path: String,
    /// None where it is only linked.
    pub svg: Option<String>,
}

/// The flame graphs of all subjects, CPU before wall clock, and the names of those that are missing.
pub fn read(folder: &Folder<'_>, subjects: &[Subject<'_>], results: &Results) -> (Vec<Flame>, Vec<Missing>) {
    let (mut flames, mut missing) = (Vec::new(), Vec::new());
    let mut room = ALL;
    for of in subjects.iter().filter(|of| of.figures.backend.is_some()) {
        for (title, path) in wanted(folder, of, results) {
            match svg(folder, &path) {
                Ok(svg) => {
                    let fits = svg.len() <= LARGEST.min(room);
                    room -= if fits { svg.len() } else { 0 };
                    flames.push(Flame { title, path, svg: Some(svg).filter(|_| fits) });
                }
                Err(what) => missing.push(Missing { record: format!("{path} {what}"), without: "Flame graphs" }),
            }
        }
    }
    (flames, missing)
}

/// Titles and paths of the pictures that a subject should have.
fn wanted(folder: &Folder<'_>, of: &Subject<'_>, results: &Results) -> Vec<(String, String)> {
    let cases: &[Case] = &results.run.plan.cases;
    let is_profiled =
        results.run.rounds.iter().any(|round| round.step.setup() == of.setup && round.step.kind == Kind::Profile);
    let cpu = is_profiled.then(|| {
        let title = format!("{}: CPU of the backend, of all its profile rounds", of.name);
        (title, format!("{}/pprof/cpu.svg", of.folder(cases)))
    });
    let mut pictures = Vec::from_iter(cpu);
    if let Some(round) = of.round {
        let requests = format!("{}: wall clock of the requests", of.named());
        pictures.push((requests, format!("{}/pprof/fg.svg", round.folder)));
        let background = format!("{}/pprof/fg-background.svg", round.folder);
        if folder.file(&background).is_some() {
            pictures.push((format!("{}: wall clock of the work beside the requests", of.named()), background));
        }
    }
    pictures
}

fn svg(folder: &Folder<'_>, path: &str) -> Result<String, String> {
    match folder.file(path) {
        Some(file) => std::fs::read_to_string(file).map_err(|error| format!("cannot be read ({error})")),
        // A profile with too few samples for a picture has a text in its place.
        None => Err(match folder.file(&path.replace(".svg", ".txt")) {
            Some(_) => "has too few samples".to_owned(),
            None => "is not there".to_owned(),
        }),
    }
}

/// All of them, closed.
pub fn render(folder: &Folder<'_>, flames: &[Flame]) -> Markup {
    html! {
        p.hint {
            "Click a frame to zoom, ctrl-F searches. Each is a file beside this page, too. The profile fg.prof beside fg.svg has \
             all spans; the requests alone: "
            code { "go tool pprof -focus='^request$' -http=:8080 FILE" }
        }
        @for flame in flames {
            @match &flame.svg {
                Some(svg) => details {
                    summary { (flame.title) }
                    iframe title=(flame.title) sandbox="allow-scripts" loading="lazy" height=(height(svg)) src=(embedded(svg)) {}
                    p.hint { (folder.link(&flame.path, &flame.path)) }
                },
                None => p { (flame.title) ", too large for this page: " (folder.link(&flame.path, &flame.path)) },
            }
        }
    }
}

fn embedded(svg: &str) -> String {
    let svg = svg.replacen("</style>", &format!("{DARK_FLAMES}</style>"), 1);
    format!("data:image/svg+xml;base64,{}", base64_simd::STANDARD.encode_to_string(svg))
}

/// The height that the picture declares.
fn height(svg: &str) -> &str {
    let after = svg.split_once("<svg").and_then(|(_, rest)| rest.split_once(" height=\""));
    let value = after.and_then(|(_, rest)| rest.split_once('"')).map(|(value, _)| value);
    value.filter(|value| value.parse::<u32>().is_ok()).unwrap_or(HEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_a_frame_of_its_height() {
        let svg = "<?xml version=\"1.0\"?><svg width=\"1200\" height=\"310\" onload=\"init(evt)\">x</svg>";
        let flame = Flame { title: "a & b".to_owned(), path: "b/pprof/cpu.svg".to_owned(), svg: Some(svg.to_owned()) };
        let large = Flame { svg: None, ..flame.clone() };
        let page = render(&Folder(std::path::Path::new("/nowhere")), &[flame, large]).into_string();
        assert!(page.contains("height=\"310\" src=\"data:image/svg+xml;base64,PD94"), "{page}");
        assert!(page.contains("a &amp; b") && page.contains("too large for this page"), "{page}");
        assert_eq!(height("<svg height=\"1 onload=x\">"), HEIGHT);
        assert_eq!(height("no picture"), HEIGHT);
    }
}
