//! What go builds, and where: std from a module without packages, a module that is written here, or one of the user's.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::changes::Changes;
use super::generated::Generated;
use super::go::{Go, GoFolders};
use super::tree;
use super::user_module::UserModule;
use crate::bench::planning::change::Change;
use crate::bench::planning::plan::Plan;

const GO_MOD: &str = "go.mod";
/// Folder of the module below the one of a tree.
pub const MODULE: &str = "module";
/// What a copy of the user's module does without.
const NOT_COPIED: [&str; 2] = [".git", "metrics"];

/// The folder in which `go build` is run, and how.
#[derive(Debug)]
pub struct Workload {
    folder: PathBuf,
    owner: Owner,
    /// Programs of the user's module that a build links.
    pub programs: u64,
    /// None where no case changes the module.
    changes: Option<Changes>,
}

/// Whose module is built.
#[derive(Debug)]
enum Owner {
    /// Nobody's: it has no packages, std is built.
    Std,
    /// Bench's own.
    Generated,
    /// The user's, or a copy of his.
    User(UserModule),
}

impl Workload {
    /// Makes what the plan builds below `work`. `module` is the user's, if it is his.
    ///
    /// # Errors
    /// When the folders cannot be written, or a change cannot be made.
    pub fn create(
        work: &Path,
        plan: &Plan,
        module: Option<UserModule>,
        go: &Go,
        folders: &GoFolders,
    ) -> Result<Workload> {
        let tree = work.join("src");
        let folder = tree.join(MODULE);
        let explain = || format!("cannot write the module to build in {}", folder.display());
        std::fs::create_dir_all(&folder).with_context(explain)?;
        let changes: Vec<Change> = plan.changes();
        let owner = match module {
            Some(module) if changes.is_empty() => Owner::User(module),
            Some(module) => {
                let is_left_out = |path: &Path| NOT_COPIED.iter().any(|name| path == module.folder.join(name));
                tree::copy_but(&module.folder, &folder, &is_left_out).with_context(explain)?;
                Owner::User(UserModule { folder: folder.clone(), ..module })
            }
            None => {
                generated(plan).write(&folder).with_context(explain)?;
                if plan.generated_packages.is_some() { Owner::Generated } else { Owner::Std }
            }
        };
        let folder = if let Owner::User(module) = &owner { module.folder.clone() } else { folder };
        let mut workload = Workload { folder, owner, programs: 0, changes: None };
        if matches!(workload.owner, Owner::User(_)) {
            let listed = workload.ask(go, folders, &["list", "-f", "{{.Name}}", &plan.packages])?;
            workload.programs = listed.lines().filter(|name| *name == "main").count() as u64;
        }
        if !changes.is_empty() {
            let list = |args: &[&str]| workload.ask(go, folders, args);
            workload.changes = Some(Changes::make(&tree, work, &changes, &list)?);
        }
        Ok(workload)
    }

    /// The folder to build in after `change`, or before any.
    ///
    /// # Errors
    /// When the changed module cannot be put in its place.
    pub fn enter(&mut self, change: Option<Change>) -> Result<PathBuf> {
        match &mut self.changes {
            None => Ok(self.folder.clone()),
            Some(changes) => changes.enter(change).context("cannot put the changed module in its place"),
        }
    }

    /// Flags for `go build`.
    pub fn flags(&self) -> Vec<OsString> {
        match &self.owner {
            Owner::Std | Owner::Generated => Vec::new(),
            Owner::User(module) => module.flags(),
        }
    }

    /// Lets a go find what the module needs.
    pub fn configure(&self, command: &mut Command) {
        if let Owner::User(module) = &self.owner {
            module.configure(command);
        }
    }

    /// Removes what a build left: go would not link a program again that is there already.
    pub fn reset(&self) -> Result<()> {
        if !matches!(self.owner, Owner::Std) {
            return Ok(()); // Nothing is written there.
        }
        let clear = || -> std::io::Result<()> {
            for entry in std::fs::read_dir(&self.folder)? {
                let path = entry?.path();
                if !path.ends_with(GO_MOD) {
                    std::fs::remove_file(path)?;
                }
            }
            Ok(())
        };
        clear().with_context(|| format!("cannot clear {}", self.folder.display()))
    }

    /// What a go command says in the folder of the module.
    fn ask(&self, go: &Go, folders: &GoFolders, args: &[&str]) -> Result<String> {
        let mut command = go.command(args, &self.folder, &folders.tmp, folders);
        self.configure(&mut command);
        let output = command.output().with_context(|| format!("cannot start {}", go.binary.display()))?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            anyhow::bail!("go {} failed in the module to build: {why}", args.join(" "));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn generated(plan: &Plan) -> Generated<'_> {
    Generated {
        packages: plan.generated_packages.unwrap_or(0),
        data_kib: plan.data_kib,
        imports: &plan.imports,
        dependency_packages: plan.dependency_packages,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::planning::plan::tests::plan_of;

    #[test]
    fn a_program_left_by_a_build_is_removed() {
        let work = tempfile::tempdir().unwrap();
        let plan = Plan { generated_packages: None, ..plan_of(&[], Vec::new()) };
        let go = Go { binary: "go".into(), root: "/r".into(), version: String::new(), platform: String::new() };
        let folder = work.path().to_owned();
        let folders = GoFolders { config: folder.clone(), gopath: folder.clone(), tmp: folder };
        let mut workload = Workload::create(work.path(), &plan, None, &go, &folders).unwrap();
        let module = workload.enter(None).unwrap();
        std::fs::write(module.join("gofmt"), "program").unwrap();
        workload.reset().unwrap();
        assert!(!module.join("gofmt").exists() && module.join("go.mod").is_file());
    }
}
