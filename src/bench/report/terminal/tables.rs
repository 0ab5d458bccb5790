//! Everything that a run prints with `--details`: tables, notes, the answer and the files. Reads results, computes nothing.

use crate::bench::analysis::statistics::compare::{Comparison, Verdict};
use crate::bench::analysis::study::summary::{BackendSummary, StateSummary, Summary};
use crate::bench::execute::environment::Environment;
use crate::bench::plan::run_plan::Plan;
use crate::bench::report::terminal::cases;
use crate::bench::report::terminal::ci as ci_table;
use crate::bench::report::terminal::counts;
use crate::bench::report::terminal::differences;
use crate::bench::report::terminal::dots;
use crate::bench::report::terminal::grid::{Cell, Grid, Tone, View};
use crate::bench::report::terminal::network as network_table;
use crate::bench::report::terminal::savings;
use crate::bench::report::terminal::selftest;
use crate::bench::report::terminal::time_breakdown;
use crate::bench::report::text::answer;
use crate::bench::report::text::comparison as wording;
use crate::bench::report::text::files::File;
use crate::bench::report::text::notes;
use crate::bench::report::text::units;
use crate::bench::report::text::verdict;
use crate::bench::results::run::Results;
use crate::bench::scenario::network_grid::Limit;

/// Verdicts on more states and cases than these are in the report alone.
const MOST_VERDICTS: usize = 5;

/// All tables and notes, in at most `view.width` columns.
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

/// The bottlenecks of each state; empty for more states than a reader wants to scroll through.
pub fn verdicts(results: &Results, width: usize) -> String {
    let shown = if results.verdicts.len() <= MOST_VERDICTS { &results.verdicts[..] } else { &[] };
    verdict::render(shown, &results.plan, width)
}

/// The tables of a run, but for those of a grid of links.
pub fn grids(results: &Results) -> Vec<Grid> {
    let summary = &results.summary;
    let mut grids = Vec::new();
    if let Some(ci) = results.ci.as_ref().filter(|ci| !ci.waves.is_empty()) {
        grids.extend(ci_table::grids(ci));
    }
    if !results.proofs.is_empty() {
        grids.push(selftest::grid(&results.proofs));
    } else if results.network.is_none() && !results.cases.is_empty() {
        grids.extend([cases::times(results), cases::counts(&results.cases)]);
    } else if results.network.is_none() && !summary.states.is_empty() {
        grids.extend([times(summary), counts::grid(&summary.states)]);
    }
    let accounts = time_breakdown::grid(&figures(results));
    if results.network.is_none() && results.proofs.is_empty() && !accounts.rows.is_empty() {
        grids.push(accounts);
    }
    if !results.savings.is_empty() {
        grids.push(savings::grid(&results.savings));
    }
    if !summary.pairs.is_empty() {
        grids.push(pairs(&summary.pairs));
    }
    grids.extend(results.differences.as_ref().filter(|found| !found.states.is_empty()).map(differences::grid));
    grids
}

/// What a reader of the tables has to know.
pub fn notes(results: &Results) -> Vec<String> {
    let figures = figures(results);
    let sessions = sessions(&figures);
    let has_single = figures.iter().any(|(_, state)| state.wall_spread.is_none());
    let mut notes = notes::of_run(&results.summary, &sessions, has_single);
    notes.extend(left_out(results));
    notes.extend(time_breakdown::sentence(&figures));
    notes.extend(savings::notes(&results.critical_paths, &results.savings, &results.rounds));
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
        None if !results.cases.is_empty() => cases::sentences(&results.cases),
        None if !results.summary.states.is_empty() => vec![answer::sentence(&results.summary)],
        None => Vec::new(),
    }
}

/// The tables of a run, with those of a grid of links.
pub fn titled_grids(results: &Results) -> Vec<Grid> {
    let of_network = results.network.iter().flat_map(network_table::grids).map(|(title, mut grid)| {
        grid.header[0] = format!("{title}\n{}", grid.header[0]);
        grid
    });
    of_network.chain(grids(results)).collect()
}

/// Of states and cases, those with a backend.
pub fn sessions<'a>(figures: &[(String, &'a StateSummary)]) -> Vec<(String, &'a BackendSummary)> {
    figures.iter().filter_map(|(name, state)| Some((name.clone(), state.backend.as_ref()?))).collect()
}

/// States and cases with their names.
pub fn figures(results: &Results) -> Vec<(String, &StateSummary)> {
    let names = cases::names(&results.cases).into_iter().map(|name| name.replace("  ", " "));
    let of_cases = names.zip(results.cases.iter().map(|case| &case.figures));
    results.summary.states.iter().map(|state| (state.state.to_string(), state)).chain(of_cases).collect()
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
    let walls: Vec<Option<f64>> = summary.states.iter().map(|state| Some(state.wall_median_ns)).collect();
    let walls = units::durations(&walls);
    let samples: Vec<Vec<f64>> =
        summary.states.iter().map(|state| state.walls_ns.iter().map(|wall| *wall as f64).collect()).collect();
    let samples: Vec<&[f64]> = samples.iter().map(Vec::as_slice).collect();
    let dots = dots::rows(&samples);
    let rows = summary.states.iter().zip(walls).zip(dots).map(|((state, wall), dots)| {
        vec![
            state.state.name().into(),
            wall.into(),
            spread(state.wall_spread),
            comparison(state.against_empty),
            comparison(state.against_full),
            state.walls_ns.len().to_string().into(),
            dots.into(),
        ]
    });
    let header = ["state", "wall", "spread", "against go-cold", "against go-warm", "rounds", "samples"];
    Grid { has_picture: true, ..Grid::new(header, rows) }
}

/// The spread of the rounds in a cell.
pub fn spread(spread: Option<f64>) -> Cell {
    spread.map_or(units::MISSING.to_owned(), |spread| format!("±{}", units::percent(spread))).into()
}

/// A comparison in a cell.
pub fn comparison(found: Option<Comparison>) -> Cell {
    match found {
        Some(found) => Cell { text: wording::short(&found), tone: tone(found.verdict) },
        None => units::MISSING.into(),
    }
}

/// The colour of a verdict.
pub fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Faster => Tone::Faster,
        Verdict::Slower => Tone::Slower,
        Verdict::Same | Verdict::NoClearDifference | Verdict::NoiseUnknown => Tone::Plain,
    }
}

fn pairs(pairs: &[Comparison]) -> Grid {
    let rows = pairs.iter().map(|pair| {
        let (interval, coverage) =
            pair.interval.map_or((units::MISSING.to_owned(), units::MISSING.to_owned()), |found| {
                (format!("{:.3} to {:.3}", found.low, found.high), units::percent(found.coverage))
            });
        vec![
            format!("{} : {}", pair.state, pair.base).into(),
            format!("{:.3}", pair.ratio).into(),
            interval.into(),
            coverage.into(),
            pair.pairs.to_string().into(),
            comparison(Some(*pair)),
        ]
    });
    Grid::new(["round by round", "ratio", "interval of the median", "confidence", "rounds", ""], rows)
}

/// The files to look at, with what each is.
pub fn pointers(files: &[File]) -> String {
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
        let mut plan = crate::bench::plan::run_plan::tests::resolve(&["--scenario", "small"]).unwrap();
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
