//! Changes of a module between filling the caches and the build that is measured.

use serde::{Deserialize, Serialize};

/// One change of a module, always made on a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// A function is added to one file.
    EditOneFile,
    /// A module that it needs is there in another version.
    BumpDependency,
    /// A function is added to a file of every fifth package.
    SwitchBranch,
    /// Nothing, but it lies in another folder.
    CheckoutElsewhere,
}

impl Change {
    /// Its name in scenarios, and that of the folder of the changed copy.
    pub fn name(self) -> &'static str {
        match self {
            Change::EditOneFile => "edit-one-file",
            Change::BumpDependency => "bump-dependency",
            Change::SwitchBranch => "switch-branch",
            Change::CheckoutElsewhere => "checkout-elsewhere",
        }
    }
}
