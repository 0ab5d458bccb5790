//! The plan as text, for `--dry-run`.

use crate::plan::duration;
use crate::plan::run_plan::Plan;
use crate::plan::steps::{Kind, Step};
use crate::plan::study::Study;
use crate::report::text::units;
use crate::report::text::wrap::joined;
use crate::scenario::link::bandwidth::Limit;

/// Columns of the whole text, and of the names at its left.
const WIDTH: usize = 80;
const NAME: usize = 10;

/// The steps in their order, and how long they take on this many cores.
pub fn render(plan: &Plan, cores: usize) -> String {
    let records = if plan.records { "on" } else { "off" };
    let seconds = duration::of_plan(plan, cores);
    let duration = format!("about {} on {} (a guess)", units::rough_duration(seconds), units::counted(cores, "core"));
    let mut lines = vec![
        line("scenario", [plan.scenario.as_str()], ""),
        line("command", timed(plan).split(' '), " "),
        line("backend", [format!("strategy {}, records {records}", plan.strategy.name()).as_str()], ""),
        line("remote", remote(plan).split(' '), " "),
        line("takes", [duration.as_str()], ""),
    ];
    for group in plan.study.groups() {
        let waves: Vec<String> = group.waves.iter().map(|wave| wave.packages.join(", ")).collect();
        let words = format!("{}: {}", group.folder(), waves.join("; then "));
        lines.push(line("machines", words.split(' '), " "));
    }
    for (name, steps) in groups(&plan.steps) {
        let states = steps.chunk_by(|one, other| named(plan, one) == named(plan, other)).map(|alike| {
            let times = if alike.len() > 1 { format!(" ({} times)", alike.len()) } else { String::new() };
            format!("{}{times}", named(plan, &alike[0]))
        });
        let states: Vec<String> = states.collect();
        lines.push(line(&name, states.iter().map(String::as_str), ", "));
    }
    lines.concat()
}

/// A name, and parts that are continued below each other.
fn line<'a>(name: &str, parts: impl IntoIterator<Item = &'a str>, separator: &str) -> String {
    // The separator ends a line that is continued.
    let width = WIDTH - NAME - separator.trim_end().len();
    let lines = joined(parts, separator, width);
    let between = format!("{}\n{:NAME$}", separator.trim_end(), "");
    format!("{name:NAME$}{}\n", lines.join(&between))
}

fn timed(plan: &Plan) -> String {
    let module = plan.module.as_ref().map(|module| format!(" in {}", module.display()));
    let generated =
        plan.generated_packages.map(|packages| format!(" in a module of {packages} packages that bench writes"));
    format!("{}{}{}", plan.what_is_timed(), module.unwrap_or_default(), generated.unwrap_or_default())
}

fn remote(plan: &Plan) -> String {
    match plan.link {
        _ if !plan.needs_remote() => "none needed".to_owned(),
        None => "the S3 of the S3_ variables, under a separate prefix".to_owned(),
        Some(_) if matches!(plan.study, Study::Network { .. }) => {
            "embedded S3, at each latency and bandwidth of the grid".to_owned()
        }
        Some(link) => {
            let jitter = if link.jitter_ms > 0.0 { format!(", jitter {} ms", link.jitter_ms) } else { String::new() };
            let bandwidth = Limit(link.bandwidth).name();
            format!("embedded S3, latency {} ms{jitter}, bandwidth {bandwidth}", link.latency_ms)
        }
    }
}

fn named(plan: &Plan, step: &Step) -> String {
    let setup = step.setup().folder(&plan.cases);
    if step.kind == Kind::Again { format!("{setup} again") } else { setup }
}

/// Neighbouring steps of one kind and one round, with a name for them; profiles have no rounds.
fn groups(steps: &[Step]) -> Vec<(String, &[Step])> {
    let kind = |step: &Step| if step.kind == Kind::Again { Kind::Measured } else { step.kind };
    let round = |step: &Step| if step.kind == Kind::Profile { 0 } else { step.round };
    let alike = |one: &Step, other: &Step| (kind(one), round(one)) == (kind(other), round(other));
    let name = |step: &Step| match step.kind {
        Kind::Measured | Kind::Again => format!("round {}", step.round),
        Kind::WarmUp => "warm up".to_owned(),
        Kind::Preparation => "prepare".to_owned(),
        Kind::Profile => "profile".to_owned(),
        Kind::Heap => "heap".to_owned(),
    };
    steps.chunk_by(alike).map(|steps| (name(&steps[0]), steps)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::run_plan::tests::resolve;

    #[test]
    fn every_scenario_fits_in_80_columns_and_says_how_long_it_takes() {
        for scenario in ["workshop", "small", "strategies", "network", "ci", "bottlenecks"] {
            let text = render(&resolve(&["--scenario", scenario]).unwrap(), 2);
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
            assert!(text.contains("\ntakes     about ") && text.contains(" on 2 cores (a guess)\n"), "{text}");
        }
    }

    #[test]
    fn the_states_are_in_their_order() {
        let text = render(&resolve(&["--only", "local-hit", "--rounds", "1"]).unwrap(), 1);
        assert!(text.contains("\nprofile   local-hit (9 times)\n"), "{text}");
        assert!(text.contains("\nremote    embedded S3, latency 20 ms, bandwidth not limited\n"), "{text}");
        assert!(
            text.contains("\nprepare   cold\n") && text.contains("local-hit") && text.contains("on 1 core "),
            "{text}"
        );
    }
}
