//! The cache states that a build starts from: the five runs of the workshop's Step 2.4.

use serde::{Deserialize, Serialize};

/// The caches that are full when a build starts. The letters of Step 2.4 are aliases on the command line and in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[derive(clap::ValueEnum)]
pub enum CacheState {
    /// No GOCACHEPROG, empty GOCACHE.
    #[serde(alias = "baseline-empty")]
    #[value(alias = "baseline-empty")]
    GoCold,
    /// No GOCACHEPROG, full GOCACHE.
    #[serde(alias = "baseline-full")]
    #[value(alias = "baseline-full")]
    GoWarm,
    /// GOCACHEPROG, nothing stored anywhere: the build that fills the cache.
    #[serde(alias = "c")]
    #[value(alias = "c")]
    Cold,
    /// GOCACHEPROG, empty local store, full remote: a fresh CI machine.
    #[serde(alias = "b")]
    #[value(alias = "b")]
    RemoteHit,
    /// GOCACHEPROG, full local store: the next build on the same machine.
    #[serde(alias = "a")]
    #[value(alias = "a")]
    LocalHit,
}

impl CacheState {
    /// All states in the order of Step 2.4, in which each finds the state that those before it made.
    pub const ALL: [CacheState; 5] =
        [CacheState::GoCold, CacheState::GoWarm, CacheState::Cold, CacheState::RemoteHit, CacheState::LocalHit];

    /// The name in tables, on the command line, in scenarios and of the folder.
    pub fn name(self) -> &'static str {
        match self {
            CacheState::GoCold => "go-cold",
            CacheState::GoWarm => "go-warm",
            CacheState::Cold => "cold",
            CacheState::RemoteHit => "remote-hit",
            CacheState::LocalHit => "local-hit",
        }
    }

    /// True if everything is compiled, so that one round takes long.
    pub fn is_cold(self) -> bool {
        matches!(self, CacheState::GoCold | CacheState::Cold)
    }

    /// True if go runs with GOCACHEPROG.
    pub fn uses_backend(self) -> bool {
        matches!(self, CacheState::Cold | CacheState::RemoteHit | CacheState::LocalHit)
    }

    /// The state that has to have been run before, because it makes what this one starts from.
    pub fn needs(self) -> Option<CacheState> {
        match self {
            CacheState::GoCold | CacheState::Cold => None,
            CacheState::GoWarm => Some(CacheState::GoCold),
            // The local store of remote-hit would do for local-hit as well, but remote-hit needs cold.
            CacheState::RemoteHit | CacheState::LocalHit => Some(CacheState::Cold),
        }
    }
}

impl std::fmt::Display for CacheState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
