//! The savings of the cache by size of the output as a table; the critical paths, and the packages that are slower with it, in words.

use crate::analysis::time::critical_path::CriticalPath;
use crate::analysis::time::savings::{PackageSaved, Part, PartSaved, Savings};
use crate::report::terminal::grid::Grid;
use crate::report::text::cell::Cell;
use crate::report::text::units;
use crate::results::round::Round;

/// A `close` below this share of the wall clock is left out of the words.
const WORTH_A_WORD: f64 = 0.01;
/// Packages that are named of each state.
const WORST: usize = 5;

/// One row for each part of each state.
pub fn grid(savings: &[Savings]) -> Grid {
    let parts: Vec<(&str, &PartSaved)> =
        savings.iter().flat_map(|state| state.parts.iter().map(|part| (name(&state.folder), part))).collect();
    let column = |pick: &dyn Fn(&PartSaved) -> Option<f64>| {
        units::durations(&parts.iter().map(|(_, part)| pick(part)).collect::<Vec<Option<f64>>>())
    };
    let waited = column(&|part| Some(part.waited_ns? as f64));
    let compiled = column(&|part| Some(part.compiled_ns? as f64));
    let saved = column(&|part| Some(part.saved_ns?.unsigned_abs() as f64));
    let rows = parts.iter().enumerate().map(|(at, (state, part))| {
        let sign = if part.saved_ns.is_some_and(|saved| saved < 0) { "−" } else { "" };
        let costly = part.saved_ns.map(|_| part.costly as f64);
        let cells = [
            format!("{state}  {}", part_name(part.part)),
            part.gets.to_string(),
            part.packages.to_string(),
            waited[at].clone(),
            compiled[at].clone(),
            format!("{sign}{}", saved[at]),
            units::count(costly),
        ];
        cells.map(Cell::from).to_vec()
    });
    let header = ["savings by size", "gets", "packages", "waited", "compiled", "saved", "slower with cache"];
    Grid::new(&header, rows.collect())
}

/// The critical path of each state with the time of go's `close`, which is not in it, and the packages that are slower with the cache.
pub fn notes(paths: &[CriticalPath], savings: &[Savings], rounds: &[Round]) -> Vec<String> {
    let time_breakdown =
        |path: &CriticalPath| rounds.iter().find(|round| round.folder == path.folder)?.time_breakdown.as_ref();
    let close_ns = |path: &CriticalPath| time_breakdown(path).map_or(0, |time_breakdown| time_breakdown.close_ns);
    let mut notes: Vec<String> = paths.iter().map(|of| path(of, close_ns(of))).collect();
    notes.extend(savings.iter().filter_map(costly));
    if !paths.is_empty() {
        let cold: Vec<&str> = savings.iter().map(|state| state.cold.as_str()).collect();
        let against = cold.first().map_or(String::new(), |cold| format!(" against {cold}"));
        let folders: Vec<&str> = paths.iter().map(|path| path.folder.as_str()).collect();
        notes.push(format!(
            "Critical paths and savings are from {}{against}: rounds in which go traces itself, which makes them somewhat slower.",
            folders.join(", ")
        ));
    }
    notes
}

fn path(path: &CriticalPath, close_ns: u64) -> String {
    let share = |ns: u64| units::percent(ns as f64 / path.wall_ns.max(1) as f64);
    let load = match path.load_cache_ns() {
        0 => String::new(),
        ns => format!(" ({} while packages are loaded)", units::duration(ns as f64)),
    };
    let close = match close_ns as f64 / path.wall_ns.max(1) as f64 {
        small if small < WORTH_A_WORD => String::new(),
        _ => format!("; go's close takes another {}", units::duration(close_ns as f64)),
    };
    format!(
        "{}: the critical path ({} actions in {}) waits {} of the time for the cache, about {}{load}, and {} for a free \
         worker{close}.",
        name(&path.folder),
        path.actions(),
        units::duration(path.wall_ns as f64),
        share(path.cache_ns),
        units::duration(path.cache_ns as f64),
        share(path.worker_ns),
    )
}

/// None where no package is slower with the cache.
fn costly(state: &Savings) -> Option<String> {
    let all = state.costly().count();
    let asked = state.packages.iter().filter(|package| package.saved_ns.is_some()).count();
    let named: Vec<String> = state.costly().take(WORST).map(cost).collect();
    let more = if all > WORST { " …" } else { "" };
    (all > 0).then(|| {
        let named = named.join(", ");
        format!("{}: {all} of {asked} packages are slower with the cache: {named}{more}.", name(&state.folder))
    })
}

fn cost(package: &PackageSaved) -> String {
    let time = |ns: Option<u64>| ns.map_or(units::MISSING.to_owned(), |ns| units::duration(ns as f64));
    format!("{} (waited {}, compiles in {})", package.package, time(package.waited_ns), time(package.compiled_ns))
}

/// The state and the case of a round.
pub fn name(folder: &str) -> &str {
    folder.rsplit_once('/').map_or(folder, |(setup, _)| setup)
}

fn part_name(part: Part) -> String {
    match part {
        Part::Size(class) => units::size_class(class),
        Part::NotCompiled => "no match".to_owned(),
        Part::NotAsked => "not asked for".to_owned(),
        Part::NoPackage => "package loading".to_owned(),
        Part::All => "all".to_owned(),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A package with a match.
    pub fn saved(package: &str, waited_ns: u64, compiled_ns: u64) -> PackageSaved {
        PackageSaved {
            package: package.to_owned(),
            bytes: Some(1),
            gets: 2,
            waited_ns: Some(waited_ns),
            compiled_ns: Some(compiled_ns),
            saved_ns: Some(compiled_ns as i64 - waited_ns as i64),
        }
    }

    /// Two parts of remote-hit.
    pub fn savings(packages: Vec<PackageSaved>) -> Savings {
        let size = PartSaved {
            part: Part::Size("to-4KiB"),
            packages: 1,
            gets: 2,
            waited_ns: Some(30_000_000),
            compiled_ns: Some(10_000_000),
            saved_ns: Some(-20_000_000),
            costly: 1,
        };
        let (part, packages_of_none) = (Part::NoPackage, 0);
        let none = PartSaved {
            part,
            packages: packages_of_none,
            compiled_ns: None,
            saved_ns: None,
            costly: 0,
            ..size.clone()
        };
        Savings {
            folder: "remote-hit/profile".to_owned(),
            cold: "cold/profile".to_owned(),
            parts: vec![size, none],
            packages,
        }
    }

    #[test]
    fn a_loss_has_a_sign_and_what_is_not_known_a_dash() {
        let rows = grid(&[savings(Vec::new())]).rows;
        assert_eq!(rows[0], ["remote-hit  to 4 KiB", "2", "1", "30.0 ms", "10.0 ms", "−20.0 ms", "1"]);
        assert_eq!(rows[1], ["remote-hit  package loading", "2", "0", "30.0 ms", "–", "–", "–"]);
    }

    #[test]
    fn the_worst_packages_are_named() {
        let packages: Vec<PackageSaved> =
            (1..=7).map(|number| saved(&format!("p{number}"), 9_000_000, number)).collect();
        let words = costly(&savings(packages)).unwrap();
        assert!(words.starts_with(
            "remote-hit: 7 of 7 packages are slower with the cache: p1 (waited 9.0 ms, compiles in 1 ns), p2"
        ));
        assert!(words.contains("p5") && !words.contains("p6") && words.ends_with("…."), "{words}");
        assert_eq!(costly(&savings(vec![saved("p", 1, 2)])), None);
    }

    #[test]
    fn a_path_is_one_sentence() {
        let (wall_ns, cache_ns, worker_ns) = (1_000_000_000, 120_000_000, 300_000_000);
        let path =
            CriticalPath { folder: "remote-hit/profile".to_owned(), wall_ns, cache_ns, worker_ns, steps: Vec::new() };
        let notes = notes(std::slice::from_ref(&path), &[savings(Vec::new())], &[]);
        let expected = "remote-hit: the critical path (0 actions in 1.0 s) waits 12 % of the time for the cache, about \
                        120 ms, and 30 % for a free worker.";
        assert_eq!(notes[0], expected);
        assert!(
            notes[1].contains("are from remote-hit/profile against cold/profile: rounds in which go traces itself"),
            "{}",
            notes[1]
        );
        let with_close = super::path(&path, 40_000_000);
        assert!(with_close.ends_with("30 % for a free worker; go's close takes another 40.0 ms."), "{with_close}");
        assert_eq!(super::path(&path, 9_000_000), notes[0]);
        assert_eq!(super::notes(&[], &[], &[]), Vec::<String>::new());
    }
}
