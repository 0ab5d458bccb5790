//! All tables, notes and sentences of a run: what `--details` prints, and what the other reports are made of.

use crate::analysis::results::Results;
use crate::plan::run_plan::Plan;
use crate::plan::study::Study;
use crate::report::terminal::cases;
use crate::report::terminal::ci as ci_table;
use crate::report::terminal::counts;
use crate::report::terminal::differences;
use crate::report::terminal::first_screen::case_table;
use crate::report::terminal::grid::{Grid, View};
use crate::report::terminal::network as network_table;
use crate::report::terminal::overhead;
use crate::report::terminal::savings;
use crate::report::terminal::selftest;
use crate::report::terminal::states;
use crate::report::terminal::time_breakdown;
use crate::report::text::answer;
use crate::report::text::conditions;
use crate::report::text::files::File;
use crate::report::text::notes;
use crate::report::text::units;
use crate::report::text::verdict::state;
use crate::report::text::warnings;
use crate::report::text::wrap::wrapped;
use crate::results::environment::Environment;
use crate::scenario::link::bandwidth::Limit;

/// Verdicts on more states and cases than these are in the report alone.
const MOST_VERDICTS: usize = 5;

/// Everything that there is to say of a run, in at most `view.width` columns.
pub fn render(results: &Results, files: &[File], view: View) -> String {
    let mut parts = vec![wrapped(Vec::from_iter(warning(results)).as_slice(), view.width), header(results)];
    parts.extend(grids(results).iter().map(|grid| grid.render(view)));
    if let Some(network) = &results.analysis.network {
        parts.extend(network_table::render(network, view));
    }
    parts.push(wrapped(&notes(results), view.width));
    parts.push(wrapped(&sentences(results), view.width));
    parts.push(verdicts(results, view.width));
    parts.push(pointers(files));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n") + "\n"
}

/// The bottlenecks of each state; empty where there are more states and cases than anyone reads.
pub fn verdicts(results: &Results, width: usize) -> String {
    let shown = if results.analysis.verdicts.len() <= MOST_VERDICTS { &results.analysis.verdicts[..] } else { &[] };
    state::render(shown, &results.run.plan, width)
}

/// The tables of a run, but for those of a grid of links.
pub fn grids(results: &Results) -> Vec<Grid> {
    let mut grids = results_grids(results);
    grids.extend(breakdown_grid(results));
    if !results.analysis.savings.is_empty() {
        grids.push(savings::grid(&results.analysis.savings));
    }
    grids
}

/// The wall-time breakdown of each state or case; None where there is none.
pub fn breakdown_grid(results: &Results) -> Option<Grid> {
    let grid = time_breakdown::grid(&cases::figures(results));
    let is_shown = results.analysis.network.is_none() && results.analysis.selftest.is_empty() && !grid.rows.is_empty();
    is_shown.then_some(grid)
}

/// The tables of times and counts, but for those of a grid of links.
pub fn results_grids(results: &Results) -> Vec<Grid> {
    let (summary, analysis) = (&results.analysis.summary, &results.analysis);
    let mut grids = match &results.run.plan.study {
        Study::Machines { .. } => ci_table::grids(&analysis.waves).into(),
        Study::Injected { .. } if !analysis.selftest.is_empty() => vec![selftest::grid(&analysis.selftest)],
        Study::Network { .. } if analysis.network.is_some() => Vec::new(),
        Study::States => vec![states::times(summary), counts::grid(&summary.states)],
        _ => vec![cases::times(results), cases::counts(&analysis.cases)],
    };
    if let (Study::WhatIf, [first, changes @ ..]) = (&results.run.plan.study, &analysis.cases[..]) {
        grids.insert(0, case_table::changes(first, &case_table::judged(changes), &analysis.verdicts));
    }
    if !summary.pairs.is_empty() {
        grids.push(states::pairs(&summary.pairs));
    }
    grids.extend(analysis.differences.as_ref().map(differences::grid));
    grids.retain(|grid| !grid.rows.is_empty());
    grids
}

/// Notes on the tables.
pub fn notes(results: &Results) -> Vec<String> {
    let figures = cases::figures(results);
    let has_single = figures.iter().any(|(_, state)| state.wall_spread.is_none());
    let mut notes = warnings::of_run(results, &figures);
    notes.extend(notes::of_run(results, has_single));
    notes.extend(left_out(results));
    notes.extend(figures.iter().filter_map(|(name, state)| warnings::misses(name, state.backend.as_ref()?)));
    notes.extend(time_breakdown::sentence(&figures));
    notes.extend(savings::notes(&results.analysis.critical_paths, &results.analysis.savings, &results.run.rounds));
    if let (Study::Machines { prices, .. }, false) = (&results.run.plan.study, results.analysis.waves.is_empty()) {
        notes.extend(ci_table::notes(&results.analysis.waves, prices));
    }
    if results.run.plan.records && figures.iter().any(|(_, state)| state.backend.is_some()) {
        notes.push(overhead::in_words(results.run.record_overhead.as_ref(), &results.run.plan));
    }
    notes
}

/// The warning that comes first where the machine was disturbed.
pub fn warning(results: &Results) -> Option<String> {
    conditions::disturbance(results).map(|found| format!("{}.", answer::do_not_quote(found).text))
}

/// The results in words.
pub fn sentences(results: &Results) -> Vec<String> {
    let analysis = &results.analysis;
    match &results.run.plan.study {
        Study::SideBySide { .. } if let Some(found) = &analysis.differences => differences::words(found),
        Study::Network { .. } if let Some(network) = &analysis.network => network_table::sentences(network),
        Study::States if analysis.summary.states.is_empty() => Vec::new(),
        Study::States => vec![answer::sentence(&analysis.summary)],
        _ if analysis.cases.is_empty() => Vec::new(),
        _ => cases::sentences(&analysis.cases),
    }
}

/// The name of the scenario: that of a file, unless bench itself has put the cases together.
pub fn scenario(plan: &Plan) -> String {
    match plan.study {
        Study::WhatIf => plan.scenario.clone(),
        _ => format!("{}.toml", plan.scenario),
    }
}

/// Cores, and go's workers where they are not as many.
fn cores(environment: &Environment) -> String {
    let cores = environment.cores.map_or(units::MISSING.to_owned(), |cores| cores.to_string());
    match environment.go_workers.filter(|workers| Some(*workers) != environment.cores) {
        Some(workers) => format!("{cores} cores ({workers} go workers)"),
        None => format!("{cores} cores"),
    }
}

/// The scenario, the command and the machine.
pub fn header(results: &Results) -> String {
    let (plan, environment) = (&results.run.plan, &results.run.environment);
    let cores = cores(environment);
    let memory = environment.memory_bytes.map_or(units::MISSING.to_owned(), units::gibibytes);
    let module = plan.module.as_ref().and_then(|folder| Some(format!(" in {}", folder.file_name()?.display())));
    let module = module.unwrap_or_default();
    let first = format!(
        "{} · {}{module} · {} {} · {cores}, {memory} · {}",
        scenario(plan),
        plan.what_is_timed(),
        environment.go_version,
        environment.go_platform,
        match plan.cases.len() {
            0 => format!("strategy {}", plan.strategy.name()),
            1 => "1 case".to_owned(),
            cases => format!("{cases} cases"),
        },
    );
    let records = if plan.records { "" } else { " · records off" };
    let settings = match environment.settings_in_words() {
        words if words.is_empty() => words,
        words => format!("\ngo settings: {words}"),
    };
    format!("{first}{records}{settings}\n{}", remote(results))
}

/// Settings of the user that were not used: they do not explain the times.
fn left_out(results: &Results) -> Option<String> {
    let of_command = results.run.plan.command.iter().flat_map(|command| &command.left_out);
    let all: Vec<&str> =
        results.run.environment.go_settings_left_out.iter().chain(of_command).map(String::as_str).collect();
    if all.is_empty() { None } else { Some(format!("Not used of your settings: {}.", all.join(", "))) }
}

fn remote(results: &Results) -> String {
    let Some(link) = results.run.plan.link else {
        return "remote: the S3 of the S3_* variables".to_owned();
    };
    let measured =
        results.run.link.map_or(String::new(), |measured| format!(" (measured {:.1})", measured.first_byte_median_ms));
    let jitter = match link.jitter_ms {
        0.0 => String::new(),
        jitter => format!(" · jitter {jitter} ms"),
    };
    if !results.run.plan.has_one_link() {
        return "remote: embedded S3 · each case has its own link".to_owned();
    }
    let link = results.run.plan.cases.first().and_then(|case| case.link).unwrap_or(link);
    let bandwidth = Limit(link.bandwidth).name();
    format!("remote: embedded S3 · S3 latency {} ms{measured}{jitter} · bandwidth {bandwidth}", link.latency_ms)
}

fn pointers(files: &[File]) -> String {
    let longest = files.iter().map(|file| file.path.chars().count()).max().unwrap_or(0);
    let line = |file: &File| format!("{:longest$}  {}", file.path, file.says);
    files.iter().map(line).collect::<Vec<String>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_file_is_called_like_one() {
        let mut plan = crate::plan::run_plan::tests::resolve(&["--scenario", "small"]).unwrap();
        assert_eq!(scenario(&plan), "small.toml");
        (plan.scenario, plan.study) = ("what-if".to_owned(), Study::WhatIf);
        assert_eq!(scenario(&plan), "what-if");
    }
}
