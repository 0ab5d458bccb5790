//! The plan as text, for `--dry-run`.

use std::fmt::Write;

use crate::bench::plan::run_plan::Plan;
use crate::bench::plan::steps::{Kind, Step};
use crate::bench::plan::study::Study;

/// What would be run, in order.
pub fn render(plan: &Plan) -> String {
    let mut text = format!("scenario  {}\ncommand   {}", plan.scenario, plan.what_is_timed());
    if let Some(module) = &plan.module {
        write_to(&mut text, format_args!(" in {}", module.display()));
    }
    if let Some(packages) = plan.generated_packages {
        write_to(&mut text, format_args!(" in a module of {packages} packages that bench writes"));
    }
    let strategy = plan.strategy.name();
    let records = if plan.records { "on" } else { "off" };
    write_to(&mut text, format_args!("\nbackend   strategy {strategy}, records {records}\n"));
    write_to(&mut text, format_args!("remote    {}\n", remote(plan)));
    if let Study::Machines { groups, .. } = &plan.study {
        for group in groups {
            let waves: Vec<String> = group.waves.iter().map(|wave| wave.packages.join(", ")).collect();
            write_to(&mut text, format_args!("machines  {}: {}\n", group.folder(), waves.join("; then ")));
        }
    }
    for (name, steps) in groups(&plan.steps) {
        let states: Vec<String> = steps.iter().map(|step| named(plan, step)).collect();
        write_to(&mut text, format_args!("{name:<10}{}\n", states.join(", ")));
    }
    text
}

fn remote(plan: &Plan) -> String {
    match plan.link {
        _ if !plan.needs_remote() => "none needed".to_owned(),
        None => "the S3 of the S3_* variables, under a prefix of its own".to_owned(),
        Some(_) if matches!(plan.study, Study::Network { .. }) => {
            "embedded S3, at each latency and bandwidth of the grid".to_owned()
        }
        Some(link) => format!("embedded S3, {}", link.words()),
    }
}

fn named(plan: &Plan, step: &Step) -> String {
    let setup = step.setup().folder(&plan.cases);
    if step.kind == Kind::Again { format!("{setup} again") } else { setup }
}

/// Neighbouring steps of one kind and one round, with a name for them.
fn groups(steps: &[Step]) -> Vec<(String, &[Step])> {
    let kind = |step: &Step| if step.kind == Kind::Again { Kind::Measured } else { step.kind };
    let alike = |one: &Step, other: &Step| (kind(one), one.round) == (kind(other), other.round);
    let name = |step: &Step| match step.kind {
        Kind::Measured | Kind::Again => format!("round {}", step.round),
        Kind::WarmUp => "warm up".to_owned(),
        Kind::Preparation => "prepare".to_owned(),
        Kind::Profile => "profile".to_owned(),
        Kind::Heap => "heap profile".to_owned(),
    };
    steps.chunk_by(alike).map(|steps| (name(&steps[0]), steps)).collect()
}

fn write_to(text: &mut String, what: std::fmt::Arguments<'_>) {
    // A String takes everything.
    let _ = text.write_fmt(what);
}
