//! The two that are compared: saved runs, commits, or the build that runs.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::execute::backend::repository::{Commit, Repository};
use crate::results::run::RESULTS_FILE;

/// The name of the build that runs.
const THIS_BUILD: &str = ".";

/// One of the two that are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// The file or folder of a saved run.
    Saved(PathBuf),
    Commit(Commit),
    ThisBuild,
}

/// Finds what the user calls `name`.
///
/// # Errors
/// When it is neither a run nor a commit.
pub fn find_side(name: &str, repository: Option<&Repository>) -> Result<Side> {
    let path = Path::new(name);
    let is_file = path.is_file() && repository.is_none_or(|repository| repository.commit(name).is_none());
    if is_file || path.join(RESULTS_FILE).is_file() {
        return Ok(Side::Saved(path.to_owned()));
    }
    if name == THIS_BUILD {
        return Ok(Side::ThisBuild);
    }
    if let Some(commit) = repository.and_then(|repository| repository.commit(name)) {
        return Ok(Side::Commit(commit));
    }
    let commits = match repository {
        Some(repository) => format!("the commits of {}", repository.root.display()),
        None => "no commits: this folder is in no git repository, or there is no git".to_owned(),
    };
    bail!(
        "`{name}` is neither a saved run nor a commit\n  tried: {name}/{RESULTS_FILE}, the file {name}, {commits}\n  next:  give \
         the folder of a run below metrics/, a commit as `git log` names it, or `.` for this build"
    )
}
