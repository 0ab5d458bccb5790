//! The verdicts: what held each state back, ranked, each with its evidence.

use maud::{Markup, html};

use crate::bench::analysis::verdict::rules::{Evidence, Finding, StateVerdict};
use crate::bench::report::html::records::Folder;
use crate::bench::report::html::text::inline;
use crate::bench::report::text::units;

/// All of them, one after the other.
pub fn render(folder: &Folder<'_>, verdicts: &[StateVerdict]) -> Markup {
    html! { @for verdict in verdicts { (of_state(folder, verdict)) } }
}

fn of_state(folder: &Folder<'_>, verdict: &StateVerdict) -> Markup {
    let session = format!("{}/session.json", verdict.folder);
    let is_quiet = verdict.ranked.is_empty() && verdict.too_little.is_none();
    html! {
        h3 { (verdict.name) }
        p.hint { "By " (folder.link(&session, &verdict.folder)) ", which took " (units::duration(verdict.wall_ns as f64)) "." }
        @if let Some(why) = &verdict.too_little { p { "Nothing can be said: " (inline(why)) } }
        @if is_quiet { p { "Nothing stands out." } }
        @if !verdict.ranked.is_empty() {
            ol.findings { @for found in &verdict.ranked { li { (finding(folder, found, verdict.wall_ns)) } } }
        }
        @if !verdict.beside.is_empty() {
            h4 { "Beside that" }
            ul.findings { @for found in &verdict.beside { li { (finding(folder, found, verdict.wall_ns)) } } }
        }
        @for missing in &verdict.missing { p.hint { (inline(missing)) } }
    }
}

fn finding(folder: &Folder<'_>, found: &Finding, wall_ns: u64) -> Markup {
    html! {
        p.finding { strong { (inline(&found.title)) } @if let Some(ns) = found.saves_ns { span.saves { (saves(ns, wall_ns)) } } }
        ul.evidence { @for evidence in &found.seen { li { (seen(folder, evidence)) } } }
        p { (inline(&found.why)) }
        p { "Next: " (inline(&found.next)) }
        @for caveat in &found.caveats { p.hint { "But: " (inline(caveat)) } }
    }
}

fn seen(folder: &Folder<'_>, evidence: &Evidence) -> Markup {
    html! {
        (inline(&evidence.what)) " "
        span.source { (folder.link(&evidence.file, &evidence.file)) }
        details.query { summary { "query" } code { (evidence.query) } }
    }
}

/// `most it could bring: 0.2 s (18 %)`.
fn saves(ns: u64, wall_ns: u64) -> String {
    let share = units::percent(ns as f64 / wall_ns.max(1) as f64);
    format!("most it could bring: {} ({share})", units::duration(ns as f64))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A verdict with a finding of each sort.
    pub fn verdict() -> StateVerdict {
        let seen = Evidence {
            value: 9.0,
            what: "1072 gets waited 0.4 s <together>".to_owned(),
            file: "remote-hit/6/request.txt".to_owned(),
            query: "grep -- '<-'".to_owned(),
        };
        let found = Finding {
            rule: "round-trips",
            title: "The remote is far & slow".to_owned(),
            seen: vec![seen],
            why: "Each hit takes two requests.".to_owned(),
            next: "cargo run --bin bench -- --strategy pack".to_owned(),
            saves_ns: Some(180_000_000),
            caveats: vec!["Loopback only.".to_owned()],
        };
        let beside = Finding { saves_ns: None, title: "Memory grows".to_owned(), ..found.clone() };
        StateVerdict {
            gets: None,
            name: "remote-hit".to_owned(),
            folder: "remote-hit/6".to_owned(),
            wall_ns: 1_000_000_000,
            ranked: vec![found],
            beside: vec![beside],
            too_little: None,
            missing: vec!["Without pprof/cpu.pprof nothing is known of the CPU.".to_owned()],
        }
    }

    fn page(verdict: StateVerdict) -> String {
        render(&Folder(std::path::Path::new("/nowhere")), &[verdict]).into_string()
    }

    #[test]
    fn a_finding_has_all_that_lets_a_reader_check_it() {
        let page = page(verdict());
        for words in [
            "most it could bring: 180 ms (18 %)",
            "far &amp; slow",
            "0.4 s &lt;together&gt;",
            "<code>grep -- '&lt;-'</code>",
            "Next: cargo run",
            "But: Loopback only.",
            "Beside that",
            "Memory grows",
            "nothing is known of the CPU",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert_eq!(page.matches("most it could bring").count(), 1);
    }

    #[test]
    fn nothing_and_too_little_are_answers() {
        let empty = StateVerdict { ranked: Vec::new(), beside: Vec::new(), missing: Vec::new(), ..verdict() };
        assert!(page(empty.clone()).contains("Nothing stands out."));
        let too_little = StateVerdict { too_little: Some("it took 20 ms.".to_owned()), ..empty };
        let page = page(too_little);
        assert!(page.contains("Nothing can be said: it took 20 ms.") && !page.contains("stands out"), "{page}");
    }
}
