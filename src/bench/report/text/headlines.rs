//! The answers of the runs that are not about cache states alone, each in one line.

use crate::analysis::statistics::compare::Verdict;
use crate::analysis::study::cases::CaseSummary;
use crate::analysis::study::ci::WaveSummary;
use crate::analysis::study::differences::Differences;
use crate::analysis::study::network::{Crossover, Network, StrategyGrid};
use crate::analysis::study::selftest::Outcome;
use crate::report::text::answer;
use crate::report::text::cell::{Cell, Tone};
use crate::report::text::comparison;
use crate::report::text::units;
use crate::report::text::wrap::cut;
use crate::scenario::ci::{Share, Start};

/// The longest name in such a line.
const NAME: usize = 24;

/// The fastest and the slowest case.
pub fn of_cases(cases: &[CaseSummary]) -> Cell {
    let wall = |case: &&CaseSummary| case.figures.wall_median_ns;
    let with_backend = || cases.iter().filter(|case| case.figures.state.uses_backend());
    let fastest = with_backend().min_by(|one, other| wall(one).total_cmp(&wall(other)));
    let slowest = with_backend().max_by(|one, other| wall(one).total_cmp(&wall(other)));
    let (Some(fastest), Some(slowest)) = (fastest, slowest) else {
        return "No case with a backend was measured".into();
    };
    let named = |case: &CaseSummary| {
        let wall = units::short_durations(&[Some(case.figures.wall_median_ns)]).remove(0);
        format!("{}, {wall}", cut(&case.name, NAME))
    };
    let against = fastest.figures.against_full.filter(|found| found.verdict != Verdict::NoiseUnknown);
    let against = against.map_or(String::new(), |found| format!(" ({})", answer::to_go_warm(&found)));
    match fastest.name == slowest.name {
        true => format!("{}{against}", named(fastest)).into(),
        false => format!("Fastest: {}{against}; slowest: {}", named(fastest), named(slowest)).into(),
    }
}

/// The change that saves most; `unchanged` is the case that the others are compared with.
pub fn of_changes(unchanged: &CaseSummary, changes: &[&CaseSummary]) -> Cell {
    let judged = || changes.iter().filter_map(|case| Some((*case, case.against_baseline?)));
    let faster = judged().filter(|(_, found)| found.verdict == Verdict::Faster);
    let state = unchanged.figures.state;
    if let Some((case, found)) = faster.min_by(|one, other| one.1.ratio.total_cmp(&other.1.ratio)) {
        let wall_ns = unchanged.figures.wall_median_ns;
        let times = units::short_durations(&[Some(wall_ns * (1.0 - found.ratio)), Some(wall_ns)]);
        let factor = comparison::of_verdict(found.verdict, found.ratio);
        let text = format!("{state}: {} saves {} of {} ({factor})", cut(&case.name, NAME), times[0], times[1]);
        return Cell { text, tone: Tone::Good };
    }
    match judged().all(|(_, found)| found.verdict == Verdict::NoiseUnknown) {
        true => "Inconclusive: too few rounds to say what a change saves".into(),
        false => format!("No change makes {state} clearly faster").into(),
    }
}

/// Up to which latency each strategy is faster than a build without a cache.
pub fn of_network(network: &Network) -> Cell {
    let strategies: Vec<String> =
        network.strategies.iter().map(|of| format!("{} {}", of.strategy.name(), reach(of))).collect();
    format!("Faster than no cache: {}", strategies.join(", ")).into()
}

fn reach(of: &StrategyGrid) -> String {
    let limits = of.columns.iter().map(|column| match column.crossover {
        Crossover::At(latency) => Some(latency),
        Crossover::Always => Some(0.0),
        Crossover::Beyond(_) | Crossover::Never => Some(f64::INFINITY),
        Crossover::Unknown => None,
    });
    let limits: Vec<Option<f64>> = limits.collect();
    let known: Vec<f64> = limits.iter().flatten().copied().collect();
    let part = match known.len() == limits.len() {
        true => String::new(),
        false => format!(" at {} of {} bandwidths", known.len(), limits.len()),
    };
    match known.iter().copied().reduce(f64::min) {
        None => "unknown".to_owned(),
        Some(f64::INFINITY) if part.is_empty() => "everywhere".to_owned(),
        Some(f64::INFINITY) => format!("at any latency{part}"),
        Some(0.0) if known.iter().all(|limit| *limit == 0.0) => format!("nowhere{part}"),
        Some(0.0) => format!("not at every bandwidth{part}"),
        Some(latency) => format!("up to {latency:.0} ms{part}"),
    }
}

/// The slowest machine of the largest group, for each way to start.
pub fn of_waves(waves: &[WaveSummary]) -> Cell {
    let most = waves.iter().map(|wave| wave.machines).max().unwrap_or(0);
    let last = |start: Start| {
        let is_alike = |wave: &&WaveSummary| (wave.machines, wave.start, wave.builds) == (most, start, Share::Same);
        waves.iter().rfind(is_alike).map(|wave| wave.slowest_ns)
    };
    let ways = [(Start::OneSeeds, "if one builds first"), (Start::AllAtOnce, "if all start at once")];
    let said = ways.into_iter().filter_map(|(start, words)| {
        Some(format!("{} {words}", units::short_durations(&[Some(last(start)?)]).remove(0)))
    });
    let said: Vec<String> = said.collect();
    match said.is_empty() {
        true => format!("{} built the packages", units::counted(most as usize, "machine")).into(),
        false => format!("{most} machines, the same build: the slowest takes {}", said.join(", ")).into(),
    }
}

/// The result of a selftest: all injected bottlenecks found, or how many.
pub fn of_selftest(proofs: &[Outcome]) -> Cell {
    if proofs.is_empty() {
        return "No injected bottleneck was measured".into();
    }
    let failed: Vec<&str> = proofs.iter().filter(|proof| !proof.passed).map(|proof| proof.name.as_str()).collect();
    if !failed.is_empty() {
        let text = format!("No: {} of {} cases failed: {}", failed.len(), proofs.len(), failed.join(", "));
        return Cell { text, tone: Tone::Bad };
    }
    let healthy = proofs.iter().filter(|proof| proof.rule.is_none()).count();
    let injected = units::counted(proofs.len() - healthy, "injected bottleneck");
    let none = match healthy {
        0 => String::new(),
        _ => format!(", and nothing in {}", units::counted(healthy, "healthy build")),
    };
    Cell { text: format!("Yes: bench found {injected}{none}"), tone: Tone::Good }
}

/// The second of two backends or runs against the first, state by state.
pub fn of_differences(found: &Differences) -> Cell {
    let [first, second] = &found.names;
    let any = |wanted| found.states.iter().any(|one| one.verdict == wanted);
    let tone = match () {
        () if any(Verdict::Slower) => Tone::Bad,
        () if any(Verdict::Faster) => Tone::Good,
        () => Tone::Plain,
    };
    let states: Vec<String> = found
        .states
        .iter()
        .map(|one| format!("{} {}", one.name, comparison::of_verdict(one.verdict, one.ratio)))
        .collect();
    match states.is_empty() {
        true => format!("{second} against {first}: nothing could be compared").into(),
        false => Cell { text: format!("{second} against {first}: {}", states.join(", ")), tone },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::cases::summaries;
    use crate::analysis::study::cases::tests::measured;
    use crate::analysis::study::{ci, network};
    use crate::commands::selftest::tests::outcome;
    use crate::plan::run_plan::tests::plan_of;
    use crate::report::terminal::differences;
    use crate::scenario::cache_state::CacheState;
    use crate::scenario::case::tests::case;
    use crate::scenario::rule::Rule;

    fn two_cases(second: &[u64], compares: bool) -> Vec<CaseSummary> {
        let mut cases = vec![case("name = \"as it is\""), case("name = \"latency-0\"")];
        cases.iter_mut().for_each(|case| case.state = Some(CacheState::RemoteHit));
        let mut plan = plan_of(&[CacheState::RemoteHit], cases);
        plan.cases[1].baseline = if compares { Some(0) } else { None };
        let mut rounds = measured(CacheState::RemoteHit, Some(0), &[1000, 1010, 1020, 1030, 1040]);
        rounds.extend(measured(CacheState::RemoteHit, Some(1), second));
        summaries(&rounds, &plan)
    }

    #[test]
    fn cases_name_the_fastest_and_changes_the_best() {
        let cases = two_cases(&[500, 505, 510, 515, 520], false);
        assert_eq!(of_cases(&cases).text, "Fastest: latency-0, 510 ms; slowest: as it is, 1.02 s");
        let cases = two_cases(&[500, 505, 510, 515, 520], true);
        let expected = "remote-hit: latency-0 saves 0.51 s of 1.02 s (2.0x faster)";
        assert_eq!(of_changes(&cases[0], &[&cases[1]]), Cell { text: expected.to_owned(), tone: Tone::Good });
        let cases = two_cases(&[1000, 1010, 1020, 1030, 1050], true);
        assert_eq!(of_changes(&cases[0], &[&cases[1]]).text, "No change makes remote-hit clearly faster");
    }

    #[test]
    fn networks_and_machines_have_an_answer() {
        let text = of_network(&network::tests::network()).text;
        assert_eq!(text, "Faster than no cache: pack everywhere, async up to 18 ms");
        let text = of_waves(&ci::tests::waves()).text;
        assert_eq!(text, "3 machines, the same build: the slowest takes 6.00 s if one builds first");
    }

    #[test]
    fn a_strategy_reaches_as_far_as_its_worst_bandwidth() {
        let mut of = network::tests::network().strategies.remove(0);
        let column = of.columns.remove(0);
        let mut reach = |crossovers: &[Crossover]| {
            let columns =
                crossovers.iter().map(|crossover| network::BandwidthColumn { crossover: *crossover, ..column.clone() });
            of.columns = columns.collect();
            super::reach(&of)
        };
        assert_eq!(reach(&[Crossover::Never, Crossover::Beyond(200.0)]), "everywhere");
        assert_eq!(reach(&[Crossover::At(44.0), Crossover::Never]), "up to 44 ms");
        assert_eq!(reach(&[Crossover::Always, Crossover::Always]), "nowhere");
        assert_eq!(reach(&[Crossover::Always, Crossover::At(9.0)]), "not at every bandwidth");
        assert_eq!(reach(&[Crossover::Unknown, Crossover::Never]), "at any latency at 1 of 2 bandwidths");
        assert_eq!(reach(&[Crossover::Unknown]), "unknown");
    }

    #[test]
    fn a_selftest_and_a_comparison_name_what_is_bad() {
        let failed = of_selftest(&[outcome("one", true), outcome("two", false)]);
        assert_eq!(failed, Cell { text: "No: 1 of 2 cases failed: two".to_owned(), tone: Tone::Bad });
        let mut found = outcome("one", true);
        found.rule = Some(Rule::Latency);
        let text = of_selftest(&[found, outcome("healthy", true)]).text;
        assert_eq!(text, "Yes: bench found 1 injected bottleneck, and nothing in 1 healthy build");
        let compared = of_differences(&differences::tests::found());
        assert_eq!((compared.tone, compared.text.ends_with("a 1.2x slower")), (Tone::Bad, true), "{compared:?}");
    }
}
