//! A case: one set of circumstances under which the states of a scenario run, beside others in the same run.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::scenario::backends::foreign::Foreign;
use crate::scenario::cache_state::CacheState;
use crate::scenario::link::{Link, LinkChange};
use crate::scenario::source_change::Change;
use gocacheprog::cache::{PackOption, Strategy};
use gocacheprog::platform::fault_injection::FaultSettings;
use gocacheprog::s3_server::Fault;

/// The most rounds of a state: more would not fit into a plan and its results.json.
pub const MOST_ROUNDS: u32 = 10_000;
/// The share of a remote that holds everything.
const WHOLE: u8 = 100;
/// The most workers that go is given, and the most processes beside it: what a large machine still has the memory for.
const MOST_JOBS: u32 = 1024;
const MOST_BUSY: u32 = 256;

/// `[[cases]]` of a scenario. See `bench-scenarios/strategies.toml` and `partial.toml` for the meaning of each key.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseSpec {
    pub name: String,
    pub strategy: Option<Strategy>,
    #[serde(default)]
    pub without: Vec<PackOption>,
    #[serde(default)]
    pub link: LinkChange,
    /// Percent of the entries that the remote holds.
    pub remote_share: Option<u8>,
    pub change: Option<Change>,
    #[serde(default)]
    pub trimpath: bool,
    /// Rounds of the short states; without it those of the scenario.
    pub rounds: Option<u32>,
    /// The only state that runs under it.
    #[serde(alias = "leg")]
    pub state: Option<CacheState>,
    /// Fault-injection settings of the backend.
    #[serde(default, alias = "knobs")]
    pub settings: FaultSettings,
    /// Faults injected by the S3 server, as for `bench s3 --fault`.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// Processes that take processor time beside the build.
    #[serde(default)]
    pub busy: u32,
    /// Workers that go has (`GOMAXPROCS`) instead of one a core.
    pub jobs: Option<u32>,
}

/// A case with all that it takes over from its scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Case {
    pub name: String,
    /// Its name in paths: lower case, digits and hyphens.
    pub slug: String,
    pub strategy: Strategy,
    /// Parts of the strategy `pack` that are switched off.
    pub without: Vec<PackOption>,
    /// None with `--remote env`.
    pub link: Option<Link>,
    /// Percent of the entries that the remote holds.
    pub remote_share: u8,
    /// The change of the module after the caches were filled.
    pub change: Option<Change>,
    /// True if go builds with `-trimpath`.
    pub trimpath: bool,
    pub rounds: u32,
    /// The only state that runs under it; None: all do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<CacheState>,
    /// Fault-injection settings of the backend.
    #[serde(default)]
    pub settings: FaultSettings,
    /// Faults injected by the S3 server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// Processes that take processor time beside the build.
    #[serde(default)]
    pub busy: u32,
    /// Workers that go has instead of one a core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs: Option<u32>,
    /// The build of the backend that it runs; None: that of bench itself, which is compared with no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
    /// Position of the case that its times are shown against: the first of a what-if, or the same case with all pack options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<usize>,
    /// Its place in a pair of cases that take turns and differ in one thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair: Option<Pair>,
}

/// The pair that a case makes with another one, kept by the case that is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Pair {
    /// Name of both together; empty for a pair that is all of the plan.
    pub name: String,
    /// Position of the other case: the one that it is compared with.
    pub base: usize,
}

/// A backend that is compared with another one: ours as it is, a build of it from a commit, or a program that is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Backend {
    /// Its name in tables: `HEAD~3 1a2b3c4`, `this build`, or the name of a program.
    pub name: String,
    /// The commit that it is built from; None: what bench itself was built from, committed or not.
    pub commit: Option<String>,
    /// None: bench itself.
    pub executable: Option<PathBuf>,
    /// The program, where it is not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Foreign>,
}

/// The contents of a filled remote. Cases with equal seeds share one that is filled once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    pub strategy: Strategy,
    pub without: Vec<PackOption>,
    pub remote_share: u8,
    pub kind: CacheKind,
}

/// The kind of build that filled a cache: only a build of the same kind finds its entries there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CacheKind {
    /// True for builds with `-trimpath`, which share nothing with others.
    trimpath: bool,
    /// The backend that stored them, where it is not bench itself: another one may store them in another way.
    executable: Option<PathBuf>,
    /// The name of the backend that stored them, where it is not ours.
    foreign: Option<String>,
}

impl CaseSpec {
    /// Checks its values over the link of its scenario; the error names the first that is wrong.
    pub fn check(&self, link: Link) -> Result<(), String> {
        let name = &self.name;
        if slug(name).is_empty() {
            return Err(format!("the case `{name}` needs a name with a letter or a digit"));
        }
        if !matches!(self.remote_share, None | Some(1..=WHOLE)) {
            return Err(format!("`remote_share` of the case `{name}` must be 1 to 100, in percent"));
        }
        if !matches!(self.jobs, None | Some(1..=MOST_JOBS)) {
            return Err(format!("`jobs` of the case `{name}` must be 1 to {MOST_JOBS}"));
        }
        if self.busy > MOST_BUSY {
            return Err(format!("`busy` of the case `{name}` must be 0 to {MOST_BUSY}"));
        }
        if !matches!(self.rounds, None | Some(1..=MOST_ROUNDS)) {
            return Err(format!("`rounds` of the case `{name}` must be 1 to {MOST_ROUNDS}"));
        }
        let checked = self.link.check(link).and_then(|()| self.settings.check());
        checked.map_err(|what| format!("the case `{name}`: {what}"))
    }

    /// The case under what its scenario says. `link` is None with `--remote env`.
    pub fn resolve(&self, strategy: Strategy, link: Option<Link>, rounds: u32) -> Case {
        Case {
            name: self.name.clone(),
            slug: slug(&self.name),
            strategy: self.strategy.unwrap_or(strategy),
            without: self.without.clone(),
            link: link.map(|link| link.with(self.link)),
            remote_share: self.remote_share.unwrap_or(WHOLE),
            change: self.change,
            trimpath: self.trimpath,
            rounds: self.rounds.unwrap_or(rounds),
            state: self.state,
            settings: self.settings,
            faults: self.faults.clone(),
            busy: self.busy,
            jobs: self.jobs,
            backend: None,
            baseline: None,
            pair: None,
        }
    }
}

impl Case {
    /// True if the state runs under it.
    pub fn has(&self, state: CacheState) -> bool {
        self.state.is_none_or(|only| only == state) && self.foreign().is_none_or(|foreign| foreign.has(state))
    }

    /// The contents of its remote.
    pub fn seed(&self) -> Seed {
        Seed {
            strategy: self.strategy,
            without: self.without.clone(),
            remote_share: self.remote_share,
            kind: Case::cache_kind(CacheState::RemoteHit, Some(self)),
        }
    }

    /// The kind of the caches that a build of `state` under a case, or under none, starts from and leaves.
    pub fn cache_kind(state: CacheState, case: Option<&Case>) -> CacheKind {
        let backend = if state.uses_backend() { case.and_then(|case| case.backend.as_ref()) } else { None };
        CacheKind {
            trimpath: case.is_some_and(|case| case.trimpath),
            executable: backend.and_then(|backend| backend.executable.clone()),
            foreign: backend.filter(|backend| backend.foreign.is_some()).map(|backend| backend.name.clone()),
        }
    }

    /// The backend that it runs, where it is not bench itself.
    pub fn executable(&self) -> Option<&Path> {
        self.backend.as_ref()?.executable.as_deref()
    }

    /// The program that it runs, where that is not ours.
    pub fn foreign(&self) -> Option<&Foreign> {
        self.backend.as_ref()?.foreign.as_ref()
    }

    /// True if a build under it may miss entries that the caches were filled with.
    pub fn may_miss(&self) -> bool {
        self.remote_share < WHOLE || self.change.is_some() || !self.faults.is_empty()
    }

    /// True if go-cold and go-warm have to be measured under this case too, because go builds something else.
    pub fn changes_the_build(&self) -> bool {
        self.change.is_some() || self.trimpath
    }

    /// True if it is `other` but for the pack options that are switched off.
    pub fn lacks_options_of(&self, other: &Case) -> bool {
        let alike = Case { name: other.name.clone(), slug: other.slug.clone(), without: Vec::new(), ..self.clone() };
        !self.without.is_empty() && other.without.is_empty() && Case { rounds: other.rounds, ..alike } == *other
    }
}

/// A name as a part of a path.
pub fn slug(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
    plain.split_whitespace().collect::<Vec<&str>>().join("-")
}

/// Checks the cases of a scenario together.
pub fn check_all(cases: &[CaseSpec], link: Link) -> Result<(), String> {
    cases.iter().try_for_each(|case| case.check(link))?;
    for (position, case) in cases.iter().enumerate() {
        if let Some(other) = cases[..position].iter().find(|other| slug(&other.name) == slug(&case.name)) {
            return Err(format!("the cases `{}` and `{}` would share a folder: rename one", other.name, case.name));
        }
    }
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A case of a scenario with the strategy `async` and five rounds.
    pub fn case(text: &str) -> Case {
        spec(text).resolve(Strategy::Async, Some(Link::default()), 5)
    }

    fn spec(text: &str) -> CaseSpec {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_case_takes_over_what_it_does_not_say() {
        let plain = case("name = \"The plain one\"");
        assert_eq!((plain.slug.as_str(), plain.strategy, plain.rounds), ("the-plain-one", Strategy::Async, 5));
        assert!(!plain.may_miss() && !plain.changes_the_build());
        let other = case("name = \"x\"\nstrategy = \"pack\"\nlink = { latency_ms = 3 }\nremote_share = 90\nrounds = 2");
        assert_eq!((other.strategy, other.link.unwrap().latency_ms, other.rounds), (Strategy::Pack, 3.0, 2));
        assert!(other.may_miss());
    }

    #[test]
    fn names_make_folders() {
        assert_eq!(slug("pack, 20 ms · 1 Gbit/s"), "pack-20-ms-1-gbit-s");
        let same = [spec("name = \"a b\""), spec("name = \"A-B\"")];
        assert!(check_all(&same, Link::default()).unwrap_err().contains("share a folder"));
        assert!(spec("name = \"·\"").check(Link::default()).unwrap_err().contains("needs a name"));
    }

    #[test]
    fn shares_and_rounds_have_bounds() {
        for (text, words) in [
            ("name = \"x\"\nremote_share = 0", "1 to 100"),
            ("name = \"x\"\nremote_share = 101", "1 to 100"),
            ("name = \"x\"\nrounds = 0", "1 to 10000"),
            ("name = \"x\"\nlink = { latency_ms = -1 }", "0 to 60000"),
            ("name = \"x\"\nlink = { rtt_ms = 21 }", "`rtt_ms` is 21.0, and must be at most `latency_ms` (20.0)"),
            ("name = \"x\"\njobs = 0", "`jobs` of the case `x` must be 1 to 1024"),
            ("name = \"x\"\nbusy = 4000000000", "`busy` of the case `x` must be 0 to 256"),
            ("name = \"x\"\nsettings = { connections = 0 }", "the case `x`: `connections` is 0, and must be 1 to 256"),
            ("name = \"x\"\nsettings = { zstd_level = 23 }", "`zstd_level` is 23, and must be -7 to 22"),
            ("name = \"x\"\nsettings = { back_off_ms = 60001 }", "`back_off_ms` is 60001, and must be 0 to 60000"),
        ] {
            assert!(spec(text).check(Link::default()).unwrap_err().contains(words), "{text}");
        }
    }

    #[test]
    fn an_idea_is_judged_against_the_same_case_with_it() {
        let whole = case("name = \"pack\"\nstrategy = \"pack\"");
        let without = case("name = \"no order\"\nstrategy = \"pack\"\nwithout = [\"order\"]\nrounds = 3");
        let elsewhere = case("name = \"far\"\nstrategy = \"pack\"\nlink = { latency_ms = 90 }");
        assert!(without.lacks_options_of(&whole));
        assert!(!whole.lacks_options_of(&without) && !without.lacks_options_of(&elsewhere));
    }
}
