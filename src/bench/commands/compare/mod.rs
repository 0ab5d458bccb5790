//! `bench compare A B`: two saved runs, or two commits of the backend side by side; state by state, in words, and as an exit code.

pub mod arguments;
pub mod commits;
pub mod conclusion;
pub mod saved;
pub mod side;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::commands::compare::arguments::CompareArgs;
use crate::commands::compare::conclusion::Probe;
use crate::commands::compare::side::{Side, find_side};
use crate::execute::backend::repository::Repository;

/// Prints the comparison on stdout.
///
/// # Errors
/// When one of the two cannot be found, read, built or run, or they cannot be compared.
pub fn run(args: &CompareArgs) -> Result<ExitCode> {
    let _probe = args.markdown.as_deref().map(Probe::write).transpose()?;
    let repository = Repository::find(Path::new("."));
    let side = |name: &str| find_side(name, repository.as_ref());
    match (side(&args.before)?, side(&args.after)?) {
        (Side::Saved(before), Side::Saved(after)) => saved::run(args, &before, &after),
        (Side::Saved(_), _) | (_, Side::Saved(_)) => bail!(
            "a saved run cannot be compared with a commit: they would not run side by side\n  next:  give two runs, or two \
             commits"
        ),
        (before, after) => commits::run(args, [before, after], repository),
    }
}
