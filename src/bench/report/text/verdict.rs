//! The verdict on each state as text: what holds it back, where that was seen, and what to try.

use crate::bench::analysis::verdict::rules::{Finding, StateVerdict};
use crate::bench::report::text::units;
use crate::bench::report::text::wrap::wrapped;

/// Findings of a state that are told; the rest is in `results.json` and the report.
const MOST: usize = 3;

/// One paragraph a state.
pub fn render(verdicts: &[StateVerdict], width: usize) -> String {
    verdicts.iter().map(|verdict| state(verdict, width)).collect::<Vec<String>>().join("\n\n")
}

fn state(verdict: &StateVerdict, width: usize) -> String {
    let StateVerdict { name, folder, wall_ns, ranked, beside, too_little, missing, gets: _ } = verdict;
    let mut lines = vec![format!("What holds {name} back ({folder}, {})", units::duration(*wall_ns as f64))];
    if let Some(why) = too_little {
        lines.extend(hanging("  ", &format!("Nothing can be said: {why}."), width));
    }
    for (finding, number) in ranked.iter().take(MOST).zip(1..) {
        lines.extend(told(finding, number, *wall_ns, width));
    }
    match (ranked.len(), too_little) {
        (0, None) => lines.push("  Nothing stands out.".to_owned()),
        (more, _) if more > MOST => lines.push(format!("  And {} more: report.html.", more - MOST)),
        (0, _) => {}
        _ => lines.push("  Nothing else stands out.".to_owned()),
    }
    for finding in beside {
        lines.extend(hanging("  ", &format!("Beside that: {}.", finding.title), width));
    }
    if !missing.is_empty() {
        lines.extend(hanging("  ", &format!("Not there to judge by: {}.", missing.join("; ")), width));
    }
    lines.join("\n")
}

fn told(finding: &Finding, number: usize, wall_ns: u64, width: usize) -> Vec<String> {
    let saves_ns = finding.saves_ns.unwrap_or(0) as f64;
    let share = units::percent(saves_ns / wall_ns.max(1) as f64);
    let most = format!("at most {} ({share})", units::duration(saves_ns));
    let title = format!("  {number}  {}", finding.title);
    let first = match title.chars().count() + most.chars().count() + 2 <= width {
        true => {
            let gap = width - title.chars().count() - most.chars().count();
            vec![format!("{title}{}{most}", " ".repeat(gap))]
        }
        false => hanging(&format!("  {number}  "), &finding.title, width).chain([format!("     {most}")]).collect(),
    };
    let seen = finding.seen.first().map(|seen| format!("{} ({})", seen.what, seen.file));
    let seen = seen.iter().flat_map(|seen| hanging("     seen  ", seen, width));
    first.into_iter().chain(seen).chain(hanging("     try   ", &finding.next, width)).collect()
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
    use crate::bench::analysis::verdict::rules::Evidence;

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
            next: "something".to_owned(),
            saves_ns: Some(250_000_000),
            caveats: Vec::new(),
        }
    }

    #[test]
    fn a_finding_says_what_it_could_bring_where_it_was_seen_and_what_to_try() {
        let text = render(&[verdict(vec![finding("the remote is far")])], 60);
        let expected = "What holds remote-hit back (remote-hit/3, 1.0 s)\n  1  the remote is far                 at most 250 ms (25 %)\n     seen  9 \
                        waits (results.json)\n     try   something\n  Nothing else stands out.";
        assert_eq!(text, expected);
    }

    #[test]
    fn no_line_is_wider_than_it_may() {
        let mut long = finding("the end of the build waits for the compression of what is uploaded");
        long.next = "no fsync (a body is checked, and can be made again), or a faster disk".to_owned();
        let text = render(&[verdict(vec![long])], 48);
        assert!(text.lines().all(|line| line.chars().count() <= 48), "{text}");
        assert!(
            text.contains(
                "\n     try   no fsync (a body is checked, and can\n           be made again), or a faster disk\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn nothing_and_too_little_are_answers() {
        assert!(render(&[verdict(Vec::new())], 60).ends_with("Nothing stands out."));
        let mut short = verdict(Vec::new());
        short.too_little = Some("40 ms are too short to tell".to_owned());
        assert!(render(&[short], 60).ends_with("Nothing can be said: 40 ms are too short to tell."));
    }
}
