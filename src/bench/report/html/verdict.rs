//! The bottlenecks of each state, the largest first, each with its evidence.

use maud::{Markup, html};

use crate::analysis::verdict::finding::{Evidence, Finding, StateVerdict};
use crate::plan::run_plan::Plan;
use crate::report::html::records::Folder;
use crate::report::html::text::inline;
use crate::report::text::units;
use crate::report::text::verdict::finding;
use crate::report::text::verdict::next;
use crate::report::text::verdict::state;

/// All of them, the state with the largest saving first.
pub fn render(folder: &Folder<'_>, verdicts: &[StateVerdict], plan: &Plan) -> Markup {
    let mut largest: Vec<&StateVerdict> = verdicts.iter().collect();
    largest.sort_by(|one, other| other.largest_share().total_cmp(&one.largest_share()));
    html! {
        @if verdicts.iter().any(|verdict| verdict.ranked.len() > 1) {
            p.hint { "Each moment of waiting counts once, so the savings of waits in one state may be added up." }
        }
        @for verdict in largest { (of_state(folder, verdict, plan)) }
    }
}

fn of_state(folder: &Folder<'_>, verdict: &StateVerdict, plan: &Plan) -> Markup {
    let session = format!("{}/session.json", verdict.folder);
    html! {
        h3 { (verdict.name) }
        p.hint { "Judged by " (folder.link(&session, &verdict.folder)) ", which took " (units::duration(verdict.wall_ns as f64)) "." }
        @if let Some(why) = &verdict.too_little { p { "Cannot be judged: " (finding::too_little(*why)) } }
        @if verdict.is_quiet() { p { (state::nothing_found(verdict)) } }
        @if !verdict.ranked.is_empty() {
            ol.findings { @for found in &verdict.ranked { li { (of_finding(folder, found, verdict.wall_ns, plan)) } } }
        }
        @if !verdict.beside.is_empty() {
            h4 { "Also" }
            ul.findings { @for found in &verdict.beside { li { (of_finding(folder, found, verdict.wall_ns, plan)) } } }
        }
        @for record in &verdict.missing { p.hint { "Not judged: " (finding::missing(*record)) } }
    }
}

fn of_finding(folder: &Folder<'_>, found: &Finding, wall_ns: u64, plan: &Plan) -> Markup {
    html! {
        p.finding { strong { (finding::title(&found.bottleneck)) } @if let Some(ns) = found.saves_ns { span.saves { (finding::saving(ns, wall_ns)) } } }
        ul.evidence { @for evidence in &found.evidence { li { (of_evidence(folder, evidence)) } } }
        p { (inline(finding::why(&found.bottleneck))) }
        (todo(found, plan))
        @if let Some(caveat) = finding::caveat(&found.bottleneck) { p.hint { "Note: " (caveat) } }
    }
}

fn of_evidence(folder: &Folder<'_>, evidence: &Evidence) -> Markup {
    html! {
        (finding::evidence(evidence)) " "
        span.source { (folder.link(&evidence.file, &evidence.file)) }
        details.query { summary { "the jq filter that gives this number" } code { (evidence.query) } }
    }
}

/// A command that runs when it is pasted, or an idea.
fn todo(found: &Finding, plan: &Plan) -> Markup {
    match next::command(found, plan) {
        Some(command) => html! { p { "Next:" } pre { code { (command) } } },
        None => html! { p { "Next, an " (inline(&next::idea(found))) } },
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::analysis::verdict::finding::{Bottleneck, Missing, Quantity, TooLittle};
    use crate::plan::run_plan::tests::resolve;
    use crate::scenario::cache_state::CacheState;
    use crate::scenario::rule::Rule;

    /// A verdict with a finding of each sort.
    pub fn verdict() -> StateVerdict {
        let evidence = Evidence {
            quantity: Quantity::CostOfFirstBytes,
            value: 4e8,
            part_ns: Some(1.8e8),
            file: "remote-hit/6/request.txt".to_owned(),
            query: "grep -- '<-'".to_owned(),
        };
        let found = Finding::new(Rule::Latency, Bottleneck::Latency { first_byte_ns: 2e7 }, vec![evidence]);
        let memory = Bottleneck::Memory { first_bytes: 1_000_000, last_bytes: 9_000_000 };
        let beside = Finding::new(Rule::Memory, memory, Vec::new());
        StateVerdict {
            gets: None,
            manifests_ns: None,
            name: "remote-hit".to_owned(),
            setup: CacheState::RemoteHit.into(),
            folder: "remote-hit/6".to_owned(),
            wall_ns: 1_000_000_000,
            ranked: vec![found],
            beside: vec![beside],
            too_little: None,
            missing: vec![Missing::LongSamples],
        }
    }

    fn page(verdict: StateVerdict) -> String {
        render(&Folder(std::path::Path::new("/nowhere")), &[verdict], &resolve(&[]).unwrap()).into_string()
    }

    #[test]
    fn a_finding_has_all_that_lets_a_reader_check_it() {
        let page = page(verdict());
        for words in [
            "could save about 180 ms (18 %)",
            "S3 is slow to respond: 20.0 ms to first byte",
            "waiting for first bytes cost 400 ms (180 ms of it could be saved)",
            "<code>grep -- '&lt;-'</code>",
            "Next, an idea: a bucket in the same region",
            "Note: a part of it is the server's own time",
            "<h4>Also</h4>",
            "memory grew from 1.0 MB to 9.0 MB",
            "Not judged: CPU contention (the build was shorter than 0.5 s)",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert_eq!(page.matches("could save about").count(), 1);
    }

    #[test]
    fn nothing_and_too_little_are_answers() {
        let empty = StateVerdict { ranked: Vec::new(), beside: Vec::new(), missing: Vec::new(), ..verdict() };
        assert!(page(empty.clone()).contains("No bottleneck found."));
        let too_little = StateVerdict { too_little: Some(TooLittle::TooShort(20_000_000)), ..empty };
        let page = page(too_little);
        assert!(
            page.contains("Cannot be judged: the build took only 20.0 ms") && !page.contains("No bottleneck"),
            "{page}"
        );
    }
}
