//! Savings of the cache, package by package: the commands that a cold build ran and a cached one did not, less what the cached
//! one waited for the cache. All are sums over go's workers, no parts of the wall clock.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use crate::results::go_actions::{Asked, GoActions};
use crate::results::round::Round;
use gocacheprog::telemetry::{SIZE_CLASSES, size_class};

/// Savings of the cache in one build.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Savings {
    /// The round with a cache, below the folder of the run.
    pub folder: String,
    /// The round without one that it is held against.
    pub cold: String,
    /// Sums by size of the output, then of packages without a match, then of all; empty ones are left out.
    pub parts: Vec<PartSaved>,
    /// Packages, those that lost most with the cache first, those without a match last.
    pub packages: Vec<PackageSaved>,
}

/// One package, or the requests of package loading.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PackageSaved {
    /// Empty for the requests of package loading.
    pub package: String,
    /// Size of its compiled output; None where no request has it.
    pub bytes: Option<u64>,
    pub gets: u64,
    /// Time for which its requests were open; None where it has none.
    pub waited_ns: Option<u64>,
    /// Duration of the commands that only the cold build ran for it; None where that has no such package.
    pub compiled_ns: Option<u64>,
    /// `compiled_ns` less `waited_ns`; None where one of them, or `bytes`, is not known.
    pub saved_ns: Option<i64>,
}

/// Packages of one kind together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PartSaved {
    pub part: Part,
    pub packages: usize,
    pub gets: u64,
    /// None where none of them has a request.
    pub waited_ns: Option<u64>,
    /// None where it is not known of any of them. In [`Part::All`] only those with a match count.
    pub compiled_ns: Option<u64>,
    /// `compiled_ns` less `waited_ns`, where packages without a match only waited. None where there is nothing to compare.
    pub saved_ns: Option<i64>,
    /// Number of packages that are slower with the cache.
    pub costly: usize,
}

/// The packages that a part sums up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Packages with an output of this size class, as `latency.hlog` names it.
    Size(&'static str),
    /// Packages that the cold build does not have, or whose output no request has.
    NotCompiled,
    /// Packages that the cold build compiled and this one did not ask for.
    NotAsked,
    /// Requests of package loading.
    NoPackage,
    All,
}

/// The savings of each state, or case, with a cache and an action graph, where a cold state has a graph too.
pub fn savings(rounds: &[Round]) -> Vec<Savings> {
    let with_actions = || rounds.iter().filter(|round| round.state_ok && round.actions.is_some());
    let cold = |case| with_actions().find(|round| round.step.state.is_cold() && round.step.case == case);
    let saved = with_actions().filter(|round| !round.step.state.is_cold()).filter_map(|round| {
        let cold = cold(round.step.case).or_else(|| cold(None))?;
        Some(Savings::of(&round.folder, &cold.folder, round.actions.as_ref()?, cold.actions.as_ref()?))
    });
    saved.collect()
}

impl Savings {
    fn of(folder: &str, cold_folder: &str, here: &GoActions, cold: &GoActions) -> Savings {
        let mut packages = packages(here, cold);
        packages.extend(of_no_package(here.others));
        let sizes = SIZE_CLASSES.map(|(_, name)| Part::Size(name));
        let kinds = sizes.into_iter().chain([Part::NotCompiled, Part::NotAsked, Part::NoPackage]);
        let mut parts: Vec<PartSaved> = kinds
            .map(|part| PartSaved::of(part, packages.iter().filter(|package| package.part() == part)))
            .filter(|part| part.packages > 0 || part.gets > 0)
            .collect();
        parts.push(PartSaved::of(Part::All, packages.iter()));
        packages.sort_by_key(|package| (package.saved_ns.is_none(), package.saved_ns));
        Savings { folder: folder.to_owned(), cold: cold_folder.to_owned(), parts, packages }
    }

    /// The packages that are slower with the cache, the worst first.
    pub fn costly(&self) -> impl Iterator<Item = &PackageSaved> {
        self.packages.iter().filter(|package| package.is_costly())
    }
}

impl PackageSaved {
    fn part(&self) -> Part {
        match (self.waited_ns, self.bytes) {
            (Some(_), _) if self.package.is_empty() => Part::NoPackage,
            (None, _) => Part::NotAsked,
            (Some(_), Some(bytes)) if self.compiled_ns.is_some() => Part::Size(size_class(bytes)),
            _ => Part::NotCompiled,
        }
    }

    fn is_costly(&self) -> bool {
        self.saved_ns.is_some_and(|saved| saved < 0)
    }
}

impl PartSaved {
    fn of<'a>(part: Part, packages: impl Iterator<Item = &'a PackageSaved> + Clone) -> PartSaved {
        let waited = packages.clone().filter_map(|package| package.waited_ns);
        let is_matched = |package: &PackageSaved| part != Part::All || package.saved_ns.is_some();
        let compiled = packages.clone().filter(|package| is_matched(package)).filter_map(|package| package.compiled_ns);
        let has_match = packages.clone().any(|package| package.saved_ns.is_some());
        let saved = packages.clone().filter_map(|package| match package.saved_ns {
            None if part == Part::All => package.waited_ns.map(|waited| -(waited as i64)),
            saved => saved,
        });
        PartSaved {
            part,
            packages: packages.clone().filter(|package| !package.package.is_empty()).count(),
            gets: packages.clone().map(|package| package.gets).sum(),
            waited_ns: waited.reduce(u64::saturating_add),
            compiled_ns: compiled.reduce(u64::saturating_add),
            saved_ns: has_match.then(|| saved.fold(0, i64::saturating_add)),
            costly: packages.filter(|package| package.is_costly()).count(),
        }
    }
}

/// The packages that either of the two builds has requests or commands of.
fn packages(here: &GoActions, cold: &GoActions) -> Vec<PackageSaved> {
    let compiled = compiled(here, cold);
    let mut packages: BTreeMap<&str, PackageSaved> = BTreeMap::new();
    let empty = |package: &str| PackageSaved {
        package: package.to_owned(),
        bytes: None,
        gets: 0,
        waited_ns: None,
        compiled_ns: compiled.get(package).copied(),
        saved_ns: None,
    };
    for action in here.actions.iter().filter(|action| !action.package.is_empty()) {
        let Some(asked) = action.asked else { continue };
        let package = packages.entry(&action.package).or_insert_with(|| empty(&action.package));
        package.bytes = package.bytes.max(action.bytes);
        package.gets += asked.gets;
        package.waited_ns = Some(package.waited_ns.unwrap_or(0).saturating_add(asked.open_ns()));
    }
    for (package, _) in compiled.iter().filter(|(_, ns)| **ns > 0) {
        packages.entry(package).or_insert_with(|| empty(package));
    }
    for package in packages.values_mut().filter(|package| package.bytes.is_some()) {
        let both = package.compiled_ns.zip(package.waited_ns);
        package.saved_ns = both.map(|(compiled, waited)| compiled as i64 - waited as i64);
    }
    packages.into_values().collect()
}

/// Durations of the cold build's commands by package, without those that this one ran as well: links, and misses.
fn compiled<'a>(here: &GoActions, cold: &'a GoActions) -> HashMap<&'a str, u64> {
    let ran = here.actions.iter().filter(|action| action.commands_ns > 0);
    let ran: HashSet<(&str, &str)> = ran.map(|action| (action.mode.as_str(), action.package.as_str())).collect();
    let mut compiled = HashMap::new();
    for action in cold.actions.iter().filter(|action| !action.package.is_empty()) {
        let only_there = !ran.contains(&(action.mode.as_str(), action.package.as_str()));
        *compiled.entry(action.package.as_str()).or_default() += if only_there { action.commands_ns } else { 0 };
    }
    compiled
}

fn of_no_package(asked: Asked) -> Option<PackageSaved> {
    (asked != Asked::default()).then(|| PackageSaved {
        package: String::new(),
        bytes: None,
        gets: asked.gets,
        waited_ns: Some(asked.open_ns()),
        compiled_ns: None,
        saved_ns: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::time::critical_path::tests::{action, asking, profiled};
    use crate::results::go_actions::GoAction;
    use crate::scenario::cache_state::CacheState;

    fn of(actions: Vec<GoAction>) -> GoActions {
        GoActions { actions, ..GoActions::default() }
    }

    fn ran(package: &str, mode: &str, commands_ns: u64) -> GoAction {
        GoAction { mode: mode.to_owned(), commands_ns, ..action(package, [0, 0, 0], None) }
    }

    fn got(package: &str, waited_ns: u64, bytes: u64) -> GoAction {
        GoAction { bytes: Some(bytes), ..asking(action(package, [0, 0, 0], None), waited_ns) }
    }

    fn cold() -> GoActions {
        of(vec![
            ran("small", "build", 100),
            ran("small", "cgo run", 20),
            ran("cheap", "build", 5),
            ran("main", "build", 50),
            ran("main", "link", 300),
            ran("unasked", "build", 7),
        ])
    }

    fn here() -> GoActions {
        let link = ran("main", "link", 310);
        let actions =
            vec![got("small", 10, 4000), got("cheap", 30, 5000), got("main", 20, 5000), link, got("new", 2, 1)];
        GoActions { others: Asked { gets: 4, get_ns: 9, ..Asked::default() }, ..of(actions) }
    }

    #[test]
    fn what_was_compiled_is_held_against_what_was_waited() {
        let [saved] =
            &savings(&[profiled(CacheState::Cold, 9, cold()), profiled(CacheState::RemoteHit, 9, here())])[..]
        else {
            panic!()
        };
        assert_eq!((saved.folder.as_str(), saved.cold.as_str()), ("remote-hit/profile", "cold/profile"));
        let package = |name: &str| saved.packages.iter().find(|package| package.package == name).unwrap();
        assert_eq!((package("small").compiled_ns, package("small").saved_ns), (Some(120), Some(110)));
        assert_eq!(package("main").saved_ns, Some(30), "both builds link");
        let costly: Vec<&str> = saved.costly().map(|package| package.package.as_str()).collect();
        assert_eq!((costly, package("cheap").saved_ns), (vec!["cheap"], Some(-25)));
        assert_eq!((package("new").compiled_ns, package("new").saved_ns), (None, None));
        assert_eq!((package("unasked").waited_ns, package("unasked").saved_ns), (None, None));
    }

    #[test]
    fn parts_hold_all_and_name_what_has_no_match() {
        let saved = Savings::of("remote-hit/profile", "cold/profile", &here(), &cold());
        let part = |part| {
            let of = saved.parts.iter().find(|one| one.part == part).unwrap();
            ((of.packages, of.gets, of.costly), of.waited_ns, of.compiled_ns, of.saved_ns)
        };
        assert_eq!(part(Part::Size("to-4KiB")), ((1, 1, 0), Some(10), Some(120), Some(110)));
        assert_eq!(part(Part::Size("to-64KiB")), ((2, 2, 1), Some(50), Some(55), Some(5)));
        assert_eq!(part(Part::NotCompiled), ((1, 1, 0), Some(2), None, None));
        assert_eq!(part(Part::NotAsked), ((1, 0, 0), None, Some(7), None));
        assert_eq!(part(Part::NoPackage), ((0, 4, 0), Some(9), None, None));
        assert_eq!(part(Part::All), ((5, 8, 1), Some(71), Some(175), Some(175 - 71)));
        assert_eq!(saved.parts.len(), 6, "an empty class is left out");
    }

    #[test]
    fn without_a_cold_build_there_is_nothing_to_hold_it_against() {
        assert_eq!(savings(&[profiled(CacheState::RemoteHit, 9, here())]), []);
        let mut out_of_state = profiled(CacheState::Cold, 9, cold());
        out_of_state.state_ok = false;
        assert_eq!(savings(&[out_of_state, profiled(CacheState::RemoteHit, 9, here())]), []);
    }
}
