//! "Can I trust these numbers?": notes on the tables, missing records, and the machine.

use maud::{Markup, html};

use crate::analysis::results::Results;
use crate::report::html::records::{Missing, sentences};
use crate::report::html::sections::Section;
use crate::report::html::text::inline;
use crate::report::terminal::tables;
use crate::report::text::units;

/// The section; `missing` are the records that the page needs and does not find.
pub fn section(results: &Results, missing: &[Missing]) -> Section {
    let mut section = Section::new("trust", "Can I trust these numbers?");
    let notes = tables::notes(results);
    section.add(
        "notes",
        None,
        (!notes.is_empty()).then(|| html! { ul.notes { @for note in &notes { li { (inline(note)) } } } }),
    );
    let mut missing = sentences(missing);
    if !results.run.plan.records {
        missing.push(
            "The backend kept no records in this run (--no-records): charts that need them are left out.".to_owned(),
        );
    }
    let has_missing = !missing.is_empty();
    section.add("missing", "Missing", has_missing.then(|| html! { @for sentence in &missing { p { (sentence) } } }));
    section.add("environment", "Environment", environment(results));
    section
}

/// The machine, its software, and the start of the run.
fn environment(results: &Results) -> Markup {
    let of = &results.run.environment;
    let text = |value: &Option<String>| value.clone().unwrap_or(units::MISSING.to_owned());
    let started = i64::try_from(results.run.started_unix_ns / 1_000_000_000).ok();
    let started = started.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let rows = [
        ("run", results.run.name.clone()),
        ("started", started.map_or(units::MISSING.to_owned(), |time| time.to_string())),
        ("go", format!("{} {}, {}", of.go_version, of.go_platform, of.goroot)),
        ("processor", text(&of.cpu_model)),
        ("cores", of.cores.map_or(units::MISSING.to_owned(), |cores| cores.to_string())),
        ("memory", of.memory_bytes.map_or(units::MISSING.to_owned(), units::gibibytes)),
        ("system", text(&of.os)),
        ("kernel", text(&of.kernel)),
        ("file system of the caches", text(&of.file_system)),
    ];
    html! { dl { @for (name, value) in rows { dt { (name) } dd { (value) } } } }
}
