//! The terminal reporter: two tables, the answer, and what to look at next. Reads results, computes nothing.

use super::account_table;
use super::answer;
use super::cache_table;
use super::case_table;
use super::ci_table;
use super::counts;
use super::differences;
use super::dots;
use super::files::File;
use super::grid::{Grid, View};
use super::network_table;
use super::notes;
use super::proof_table;
use super::results::Results;
use super::units;
use super::verdict_text;
use super::wording;
use crate::bench::analysis::compare::Comparison;
use crate::bench::analysis::summary::{BackendSummary, LegSummary, Summary};
use crate::bench::planning::grid::Limit;
use crate::bench::planning::plan::Plan;
use crate::bench::running::environment::Environment;

/// Verdicts on more legs and cases than these are in the report alone.
const MOST_VERDICTS: usize = 5;

/// All that a run prints on stdout, in at most `view.width` columns.
pub fn render(results: &Results, files: &[File], view: View) -> String {
    let mut parts = vec![header(results)];
    parts.extend(grids(results).iter().map(|grid| grid.render(view)));
    if let Some(network) = &results.network {
        parts.extend(network_table::render(network, view));
    }
    parts.push(wrapped(&notes(results), view.width));
    parts.push(wrapped(&sentences(results), view.width));
    parts.push(verdicts(results, view.width));
    parts.push(pointers(files));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n") + "\n"
}

/// What holds each leg back; nothing where there are more of them than anybody reads.
pub fn verdicts(results: &Results, width: usize) -> String {
    let told = if results.verdicts.len() <= MOST_VERDICTS { &results.verdicts[..] } else { &[] };
    verdict_text::render(told, width)
}

/// The tables of a run, but for those of a grid of links.
pub fn grids(results: &Results) -> Vec<Grid> {
    let summary = &results.summary;
    let mut grids = Vec::new();
    if let Some(ci) = results.ci.as_ref().filter(|ci| !ci.waves.is_empty()) {
        grids.extend(ci_table::grids(ci));
    }
    if !results.proofs.is_empty() {
        grids.push(proof_table::grid(&results.proofs));
    } else if results.network.is_none() && !results.cases.is_empty() {
        grids.extend([case_table::times(results), case_table::counts(&results.cases)]);
    } else if results.network.is_none() && !summary.legs.is_empty() {
        grids.extend([times(summary), counts::grid(&summary.legs)]);
    }
    let accounts = account_table::grid(&figures(results));
    if results.network.is_none() && results.proofs.is_empty() && !accounts.rows.is_empty() {
        grids.push(accounts);
    }
    if !results.savings.is_empty() {
        grids.push(cache_table::grid(&results.savings));
    }
    if !summary.pairs.is_empty() {
        grids.push(pairs(&summary.pairs));
    }
    grids.extend(results.differences.as_ref().filter(|found| !found.legs.is_empty()).map(differences::grid));
    grids
}

/// What a reader of the tables has to know.
pub fn notes(results: &Results) -> Vec<String> {
    let figures = figures(results);
    let sessions: Vec<(String, &BackendSummary)> =
        figures.iter().filter_map(|(name, leg)| Some((name.clone(), leg.backend.as_ref()?))).collect();
    let has_single = figures.iter().any(|(_, leg)| leg.wall_spread.is_none());
    let mut notes = notes::of_run(&results.summary, &sessions, has_single);
    notes.extend(left_out(results));
    notes.extend(account_table::sentence(&figures));
    notes.extend(cache_table::notes(&results.critical_paths, &results.savings, &results.rounds));
    notes.extend(results.plan.until.map(|until| notes::until(until.share, results.widest_interval)));
    notes.extend(results.ci.as_ref().filter(|ci| !ci.waves.is_empty()).map(ci_table::notes).into_iter().flatten());
    if results.plan.records && !sessions.is_empty() {
        notes.push(results.price_of_records.clone());
    }
    notes
}

/// What it comes to, in words.
pub fn sentences(results: &Results) -> Vec<String> {
    if let Some(found) = &results.differences {
        return differences::words(found);
    }
    match &results.network {
        Some(network) => network_table::sentences(network),
        None if !results.cases.is_empty() => case_table::sentences(&results.cases),
        None if !results.summary.legs.is_empty() => vec![answer::sentence(&results.summary)],
        None => Vec::new(),
    }
}

/// Legs and cases with their names.
fn figures(results: &Results) -> Vec<(String, &LegSummary)> {
    let names = case_table::names(&results.cases).into_iter().map(|name| name.replace("  ", " "));
    let of_cases = names.zip(results.cases.iter().map(|case| &case.figures));
    results.summary.legs.iter().map(|leg| (leg.leg.to_string(), leg)).chain(of_cases).collect()
}

/// What was run, by name: that of a file, but where bench itself has put the cases together.
pub fn scenario(plan: &Plan) -> String {
    if plan.compare_with_first { plan.scenario.clone() } else { format!("{}.toml", plan.scenario) }
}

/// Cores, and go's workers where they are not as many.
fn cores(environment: &Environment) -> String {
    let cores = environment.cores.map_or(units::MISSING.to_owned(), |cores| cores.to_string());
    match environment.go_workers.filter(|workers| Some(*workers) != environment.cores) {
        Some(workers) => format!("{cores} cores ({workers} go workers)"),
        None => format!("{cores} cores"),
    }
}

/// What was run, and on what.
pub fn header(results: &Results) -> String {
    let (plan, environment) = (&results.plan, &results.environment);
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
    let of_command = results.plan.command.iter().flat_map(|command| &command.left_out);
    let all: Vec<&str> =
        results.environment.go_settings_left_out.iter().chain(of_command).map(String::as_str).collect();
    if all.is_empty() { None } else { Some(format!("Not used of your settings: {}.", all.join(", "))) }
}

fn remote(results: &Results) -> String {
    let Some(link) = results.plan.link else {
        return "remote: the S3 of the S3_* variables".to_owned();
    };
    let measured =
        results.link.map_or(String::new(), |measured| format!(", {:.1} ms measured", measured.first_byte_median_ms));
    let jitter = match link.jitter_ms {
        0.0 => String::new(),
        jitter => format!(" · jitter {jitter} ms"),
    };
    if !results.plan.has_one_link() {
        return "remote: embedded S3 · each case has its own link".to_owned();
    }
    let link = results.plan.cases.first().and_then(|case| case.link).unwrap_or(link);
    let bandwidth = Limit(link.bandwidth).name();
    format!("remote: embedded S3 · first byte {} ms asked{measured}{jitter} · bandwidth {bandwidth}", link.latency_ms)
}

fn times(summary: &Summary) -> Grid {
    let walls: Vec<Option<f64>> = summary.legs.iter().map(|leg| Some(leg.wall_median_ns)).collect();
    let walls = units::durations(&walls);
    let samples: Vec<Vec<f64>> =
        summary.legs.iter().map(|leg| leg.walls_ns.iter().map(|wall| *wall as f64).collect()).collect();
    let samples: Vec<&[f64]> = samples.iter().map(Vec::as_slice).collect();
    let dots = dots::rows(&samples);
    let rows = summary.legs.iter().zip(walls).zip(dots).map(|((leg, wall), dots)| {
        vec![
            leg.leg.label().to_owned(),
            wall,
            leg.wall_spread.map_or(units::MISSING.to_owned(), |spread| format!("±{}", units::percent(spread))),
            comparison(leg.against_empty),
            comparison(leg.against_full),
            leg.walls_ns.len().to_string(),
            dots,
        ]
    });
    Grid {
        header: ["run", "wall", "spread", "against empty", "against full", "rounds", "samples"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows.collect(),
    }
}

/// A comparison in a cell.
pub fn comparison(found: Option<Comparison>) -> String {
    found.map_or(units::MISSING.to_owned(), |found| wording::short(&found))
}

fn pairs(pairs: &[Comparison]) -> Grid {
    let rows = pairs.iter().map(|pair| {
        let (interval, coverage) =
            pair.interval.map_or((units::MISSING.to_owned(), units::MISSING.to_owned()), |found| {
                (format!("{:.3} to {:.3}", found.low, found.high), units::percent(found.coverage))
            });
        vec![
            format!("{} : {}", pair.leg, pair.base),
            format!("{:.3}", pair.ratio),
            interval,
            coverage,
            pair.pairs.to_string(),
            comparison(Some(*pair)),
        ]
    });
    Grid {
        header: ["round by round", "ratio", "interval of the median", "holds it", "rounds", ""]
            .map(str::to_owned)
            .to_vec(),
        rows: rows.collect(),
    }
}

fn pointers(files: &[File]) -> String {
    let longest = files.iter().map(|file| file.path.chars().count()).max().unwrap_or(0);
    let line = |file: &File| format!("{:longest$}  {}", file.path, file.says);
    files.iter().map(line).collect::<Vec<String>>().join("\n")
}

/// Each paragraph broken at spaces into lines of at most `width` characters.
pub fn wrapped(paragraphs: &[String], width: usize) -> String {
    let mut lines = Vec::new();
    for paragraph in paragraphs {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_file_is_called_like_one() {
        let mut plan = crate::bench::planning::plan::tests::resolve(&["--scenario", "small"]).unwrap();
        assert_eq!(scenario(&plan), "small.toml");
        (plan.scenario, plan.compare_with_first) = ("what-if".to_owned(), true);
        assert_eq!(scenario(&plan), "what-if");
    }

    #[test]
    fn paragraphs_are_broken_at_spaces() {
        let text = wrapped(&["one two three".to_owned(), "four".to_owned()], 8);
        assert_eq!(text, "one two\nthree\nfour");
    }
}
