//! The bottlenecks of a run on the first screen: a line each, and the command that confirms the first.

use crate::bench::analysis::verdict::finding::{Finding, StateVerdict};
use crate::bench::plan::run_plan::Plan;
use crate::bench::report::text::finding;
use crate::bench::report::text::next;
use crate::bench::report::text::units;

/// Bottlenecks that are listed, over all states.
const MOST: usize = 4;
/// The column of the title, and what stands behind it.
const HEADER: &str = "Bottlenecks";
const COLUMN: &str = "could save about";

/// The largest bottlenecks, by state; empty where no state was judged, or more than anybody reads.
pub fn short(verdicts: &[StateVerdict], plan: &Plan, width: usize) -> String {
    let mut largest: Vec<(&StateVerdict, &Finding)> =
        verdicts.iter().flat_map(|verdict| verdict.ranked.iter().map(move |finding| (verdict, finding))).collect();
    largest.sort_by(|one, other| share(*other).total_cmp(&share(*one)));
    let confirm = largest.iter().find_map(|(_, finding)| next::command(finding, plan));
    largest.truncate(MOST);
    let mut lines = Vec::new();
    if !largest.is_empty() {
        let gap = width.saturating_sub(HEADER.len() + COLUMN.len());
        lines.push(format!("{HEADER}{}{COLUMN}", " ".repeat(gap)));
    }
    let names = verdicts.iter().map(|verdict| verdict.name.chars().count()).max().unwrap_or(0);
    let mut last = "";
    for verdict in verdicts {
        for (of, finding) in largest.iter().filter(|(of, _)| std::ptr::eq(*of, verdict)) {
            let name = if last == of.name { "" } else { of.name.as_str() };
            last = &of.name;
            lines.push(line(name, names, finding, of.wall_ns, width));
        }
    }
    lines.extend(without(verdicts, |verdict| verdict.ranked.is_empty() && verdict.too_little.is_none(), "none found"));
    lines.extend(without(verdicts, |verdict| verdict.too_little.is_some(), "cannot judge: --details says why"));
    lines.extend(confirm.map(|command| format!("confirm: {command}")));
    lines.join("\n")
}

fn share((verdict, finding): (&StateVerdict, &Finding)) -> f64 {
    finding.saves_ns.unwrap_or(0) as f64 / verdict.wall_ns.max(1) as f64
}

fn line(name: &str, names: usize, finding: &Finding, wall_ns: u64, width: usize) -> String {
    let saves_ns = finding.saves_ns.unwrap_or(0) as f64;
    let saves = format!("{:>9} {:>6}", units::duration(saves_ns), units::percent(saves_ns / wall_ns.max(1) as f64));
    let room = width.saturating_sub(names + 4 + saves.chars().count());
    let whole = finding::title(&finding.bottleneck);
    let mut title: String = whole.chars().take(room).collect();
    if title.len() < whole.len() {
        title.pop();
        title.push('…');
    }
    format!("{name:names$}  {title:room$}  {saves}")
}

/// The states for which something holds, on one line.
fn without(verdicts: &[StateVerdict], holds: impl Fn(&StateVerdict) -> bool, says: &str) -> Option<String> {
    let names: Vec<&str> =
        verdicts.iter().filter(|verdict| holds(verdict)).map(|verdict| verdict.name.as_str()).collect();
    if names.is_empty() { None } else { Some(format!("{}: {says}", names.join(", "))) }
}
