//! The bottlenecks of each state as text: what each could save, its evidence, and what to do next.

use crate::bench::analysis::verdict::rules::{Finding, StateVerdict};
use crate::bench::plan::run_plan::Plan;
use crate::bench::report::terminal::tables;
use crate::bench::report::text::next;
use crate::bench::report::text::units;

/// Bottlenecks of a state that are printed; the others are in `results.json` and the report.
const MOST: usize = 3;

/// One paragraph a state.
pub fn render(verdicts: &[StateVerdict], plan: &Plan, width: usize) -> String {
    verdicts.iter().map(|verdict| state(verdict, plan, width)).collect::<Vec<String>>().join("\n\n")
}

fn state(verdict: &StateVerdict, plan: &Plan, width: usize) -> String {
    let StateVerdict { name, folder, wall_ns, ranked, beside, too_little, missing, gets: _ } = verdict;
    let mut lines = vec![format!("Bottlenecks of {name} ({folder}, {})", units::duration(*wall_ns as f64))];
    if let Some(why) = too_little {
        lines.extend(hanging("  ", &format!("Cannot be judged: {why}."), width));
    }
    for (finding, number) in ranked.iter().take(MOST).zip(1..) {
        lines.extend(bottleneck(finding, number, plan, *wall_ns, width));
    }
    match (ranked.len(), too_little) {
        (0, None) => lines.push("  No bottleneck found.".to_owned()),
        (more, _) if more > MOST => lines.push(format!("  And {} more: report.html.", more - MOST)),
        (0, _) => {}
        _ => lines.push("  No other bottleneck found.".to_owned()),
    }
    for finding in beside {
        lines.extend(hanging("  ", &format!("Also: {}.", finding.title), width));
    }
    if !missing.is_empty() {
        lines.extend(hanging("  ", &format!("Cannot judge: {}.", missing.join("; ")), width));
    }
    lines.join("\n")
}

fn bottleneck(finding: &Finding, number: usize, plan: &Plan, wall_ns: u64, width: usize) -> Vec<String> {
    let saves_ns = finding.saves_ns.unwrap_or(0) as f64;
    let share = units::percent(saves_ns / wall_ns.max(1) as f64);
    let most = format!("could save about {} ({share})", units::duration(saves_ns));
    let title = format!("  {number}  {}", finding.title);
    let first = match title.chars().count() + most.chars().count() + 2 <= width {
        true => {
            let gap = width - title.chars().count() - most.chars().count();
            vec![format!("{title}{}{most}", " ".repeat(gap))]
        }
        false => hanging(&format!("  {number}  "), &finding.title, width).chain([format!("     {most}")]).collect(),
    };
    let seen = finding.seen.first().map(|seen| format!("{} ({})", seen.what, seen.file));
    let seen = seen.iter().flat_map(|seen| hanging("     evidence  ", seen, width));
    first
        .into_iter()
        .chain(seen)
        .chain(hanging("     next      ", &next::sentence(&finding.next, plan), width))
        .collect()
}

/// The text behind a label, its further lines below its first.
fn hanging(label: &str, text: &str, width: usize) -> impl Iterator<Item = String> {
    let indent = label.chars().count();
    let lines = tables::wrapped(&[text.to_owned()], width.saturating_sub(indent));
    let text = lines.replace('\n', &format!("\n{:indent$}", ""));
    format!("{label}{text}").lines().map(str::to_owned).collect::<Vec<String>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::analysis::verdict::rules::{Evidence, Next};
    use crate::bench::plan::run_plan::tests::resolve;

    fn text_of(verdicts: &[StateVerdict], width: usize) -> String {
        render(verdicts, &resolve(&[]).unwrap(), width)
    }

    fn verdict(ranked: Vec<Finding>) -> StateVerdict {
        StateVerdict {
            name: "remote-hit".to_owned(),
            folder: "remote-hit/3".to_owned(),
            wall_ns: 1_000_000_000,
            gets: None,
            ranked,
            beside: Vec::new(),
            too_little: None,
            missing: Vec::new(),
        }
    }

    fn finding(title: &str) -> Finding {
        let seen = Evidence {
            what: "9 waits".to_owned(),
            value: 9.0,
            file: "results.json".to_owned(),
            query: ".x".to_owned(),
        };
        Finding {
            rule: "latency",
            title: title.to_owned(),
            seen: vec![seen],
            why: String::new(),
            next: Next::idea("something"),
            saves_ns: Some(250_000_000),
            caveats: Vec::new(),
        }
    }

    #[test]
    fn a_finding_says_what_it_could_bring_where_it_was_seen_and_what_to_try() {
        let text = text_of(&[verdict(vec![finding("the remote is far")])], 60);
        let expected = "\
Bottlenecks of remote-hit (remote-hit/3, 1.0 s)
  1  the remote is far        could save about 250 ms (25 %)
     evidence  9 waits (results.json)
     next      idea: something
  No other bottleneck found.";
        assert_eq!(text, expected);
    }

    #[test]
    fn no_line_is_wider_than_it_may() {
        let mut long = finding("the end of the build waits for the compression of what is uploaded");
        long.next = Next::idea("no fsync (a body is checked, and can be made again), or a faster disk");
        let text = text_of(&[verdict(vec![long])], 48);
        assert!(text.lines().all(|line| line.chars().count() <= 48), "{text}");
        assert!(text.contains("\n     next      idea: no fsync (a body is\n               checked, and"), "{text}");
    }

    #[test]
    fn nothing_and_too_little_are_answers() {
        assert!(text_of(&[verdict(Vec::new())], 60).ends_with("No bottleneck found."));
        let mut short = verdict(Vec::new());
        short.too_little = Some("40 ms are too short to tell".to_owned());
        assert!(text_of(&[short], 60).ends_with("Cannot be judged: 40 ms are too short to tell."));
    }
}
