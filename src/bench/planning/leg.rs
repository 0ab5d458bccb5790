//! The five runs of the workshop's Step 2.4, and the cache state that each needs and leaves.

use serde::{Deserialize, Serialize};

/// One of the runs that are compared. The names are those of Step 2.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[derive(clap::ValueEnum)]
pub enum Leg {
    /// go alone, nothing cached.
    BaselineEmpty,
    /// go alone, its own cache full.
    BaselineFull,
    /// GOCACHEPROG, no local store, no remote store.
    C,
    /// GOCACHEPROG, no local store, the remote store full.
    B,
    /// GOCACHEPROG, the local store full.
    A,
}

impl Leg {
    /// All legs in the order of Step 2.4, in which each finds the state that those before it made.
    pub const ALL: [Leg; 5] = [Leg::BaselineEmpty, Leg::BaselineFull, Leg::C, Leg::B, Leg::A];

    /// The name on the command line, in scenarios and of the folder.
    pub fn name(self) -> &'static str {
        match self {
            Leg::BaselineEmpty => "baseline-empty",
            Leg::BaselineFull => "baseline-full",
            Leg::C => "c",
            Leg::B => "b",
            Leg::A => "a",
        }
    }

    /// What a reader of the table sees.
    pub fn label(self) -> &'static str {
        match self {
            Leg::BaselineEmpty => "baseline, cache empty",
            Leg::BaselineFull => "baseline, cache full",
            Leg::C => "c  no local, no remote",
            Leg::B => "b  no local, remote",
            Leg::A => "a  local",
        }
    }

    /// Whether everything is compiled, so that one round takes long.
    pub fn is_cold(self) -> bool {
        matches!(self, Leg::BaselineEmpty | Leg::C)
    }

    /// Whether go runs with GOCACHEPROG.
    pub fn uses_backend(self) -> bool {
        matches!(self, Leg::C | Leg::B | Leg::A)
    }

    /// The leg that has to have run before, because it makes the state that this one starts from.
    pub fn needs(self) -> Option<Leg> {
        match self {
            Leg::BaselineEmpty | Leg::C => None,
            Leg::BaselineFull => Some(Leg::BaselineEmpty),
            // b's local store would do for a as well, but b needs c.
            Leg::B | Leg::A => Some(Leg::C),
        }
    }
}

impl std::fmt::Display for Leg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
