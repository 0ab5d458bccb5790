//! The bottlenecks of each state as text: what each could save, its evidence, and what to do next.

use crate::analysis::verdict::finding::{Finding, StateVerdict};
use crate::plan::run_plan::Plan;
use crate::report::text::units;
use crate::report::text::verdict::finding;
use crate::report::text::verdict::next;
use crate::report::text::wrap::wrapped;

/// Bottlenecks of a state that are printed; the others are in `results.json` and the report.
const MOST: usize = 3;

/// One paragraph a state.
pub fn render(verdicts: &[StateVerdict], plan: &Plan, width: usize) -> String {
    verdicts.iter().map(|verdict| state(verdict, plan, width)).collect::<Vec<String>>().join("\n\n")
}

fn state(verdict: &StateVerdict, plan: &Plan, width: usize) -> String {
    let StateVerdict { name, folder, wall_ns, ranked, beside, too_little, missing, .. } = verdict;
    let mut lines = vec![format!("Bottlenecks of {name} ({folder}, {})", units::duration(*wall_ns as f64))];
    if let Some(why) = too_little {
        lines.extend(hanging("  ", &format!("Cannot be judged: {}.", finding::too_little(*why)), width));
    }
    for (finding, number) in ranked.iter().take(MOST).zip(1..) {
        lines.extend(bottleneck(finding, number, plan, *wall_ns, width));
    }
    match (ranked.len(), too_little) {
        (0, None) => lines.push(format!("  {}", nothing_found(verdict))),
        (more, _) if more > MOST => lines.push(format!("  And {} more: report.html.", more - MOST)),
        (0, _) => {}
        _ if missing.is_empty() => lines.push("  No other bottleneck found.".to_owned()),
        _ => lines.push("  No other bottleneck found in what could be judged.".to_owned()),
    }
    for finding in beside {
        lines.extend(hanging("  ", &format!("Also: {}.", finding::title(&finding.bottleneck)), width));
    }
    for record in missing {
        lines.extend(hanging("  ", &format!("Not judged: {}.", finding::missing(*record)), width));
    }
    lines.join("\n")
}

/// The words for a state in which nothing was found.
pub fn nothing_found(verdict: &StateVerdict) -> &'static str {
    if verdict.missing.is_empty() { "No bottleneck found." } else { "No bottleneck found in what could be judged." }
}

fn bottleneck(finding: &Finding, number: usize, plan: &Plan, wall_ns: u64, width: usize) -> Vec<String> {
    let saving = finding::saving(finding.saves_ns.unwrap_or(0), wall_ns);
    let words = finding::title(&finding.bottleneck);
    let title = format!("  {number}  {words}");
    let mut lines = match width.saturating_sub(title.chars().count() + saving.chars().count()) {
        0 | 1 => hanging(&format!("  {number}  "), &words, width).chain([format!("     {saving}")]).collect(),
        gap => vec![format!("{title}{}{saving}", " ".repeat(gap))],
    };
    lines.extend(hanging("     evidence  ", &finding::evidence_in_one_line(finding), width));
    match next::command(finding, plan) {
        // Unbroken, so that it can be pasted.
        Some(command) => lines.push(format!("     run       {command}")),
        None => lines.extend(hanging("     next      ", &next::idea(finding), width)),
    }
    lines
}

/// The text behind a label, its further lines below its first.
fn hanging(label: &str, text: &str, width: usize) -> impl Iterator<Item = String> {
    let indent = label.chars().count();
    let lines = wrapped(&[text.to_owned()], width.saturating_sub(indent));
    let text = lines.replace('\n', &format!("\n{:indent$}", ""));
    format!("{label}{text}").lines().map(str::to_owned).collect::<Vec<String>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::verdict::finding::{Bottleneck, Evidence, Quantity, TooLittle};
    use crate::plan::run_plan::tests::resolve;
    use crate::scenario::cache_state::CacheState;
    use crate::scenario::rule::Rule;

    fn text_of(verdicts: &[StateVerdict], width: usize) -> String {
        render(verdicts, &resolve(&[]).unwrap(), width)
    }

    fn verdict(ranked: Vec<Finding>) -> StateVerdict {
        StateVerdict {
            name: "remote-hit".to_owned(),
            setup: CacheState::RemoteHit.into(),
            folder: "remote-hit/3".to_owned(),
            wall_ns: 1_000_000_000,
            gets: None,
            manifests_ns: None,
            ranked,
            beside: Vec::new(),
            too_little: None,
            missing: Vec::new(),
        }
    }

    fn finding(bottleneck: Bottleneck) -> Finding {
        let evidence = Evidence {
            quantity: Quantity::CostOfFirstBytes,
            value: 5e8,
            part_ns: Some(2.5e8),
            file: "results.json".to_owned(),
            query: ".x".to_owned(),
        };
        Finding::new(Rule::Latency, bottleneck, vec![evidence])
    }

    #[test]
    fn a_finding_has_its_saving_its_evidence_and_what_to_do() {
        let text = text_of(&[verdict(vec![finding(Bottleneck::Connections)])], 72);
        let expected = "\
Bottlenecks of remote-hit (remote-hit/3, 1.0 s)
  1  downloads go one after the other     could save about 250 ms (25 %)
     evidence  waiting for first bytes cost 500 ms (250 ms of it could
               be saved)
     next      idea: download several at the same time: 8 connections
               are not too many
  No other bottleneck found.";
        let joined = |text: &str| text.split_whitespace().collect::<Vec<&str>>().join(" ");
        assert_eq!(joined(&text), joined(expected));
        assert!(text.lines().nth(1).is_some_and(|line| line.chars().count() == 72), "{text}");
    }

    #[test]
    fn no_line_is_wider_than_it_may() {
        let text = text_of(&[verdict(vec![finding(Bottleneck::LocalDisk), finding(Bottleneck::Lock)])], 48);
        assert!(text.lines().all(|line| line.chars().count() <= 48), "{text}");
        assert!(text.contains("\n     could save about 250 ms (25 %)\n"), "{text}");
    }

    #[test]
    fn nothing_and_too_little_are_answers() {
        assert!(text_of(&[verdict(Vec::new())], 60).ends_with("No bottleneck found."));
        let mut short = verdict(Vec::new());
        short.too_little = Some(TooLittle::TooShort(40_000_000));
        assert!(text_of(&[short], 60).ends_with("Cannot be judged: the build took only 40.0 ms."));
    }
}
