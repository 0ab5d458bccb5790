//! What go builds, and where: std from a module without packages, a module that is written here, or one of the user's.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::advice::advice;
use super::changes::Changes;
use super::generated::Generated;
use super::go::{Go, GoFolders};
use super::module_copy;
use super::user_module::UserModule;
use super::user_settings::UserSettings;
use crate::bench::planning::change::Change;
use crate::bench::planning::go_command::{GoCommand, Subcommand};
use crate::bench::planning::plan::Plan;

const GO_MOD: &str = "go.mod";
/// Folder of the module below the one of a tree.
pub const MODULE: &str = "module";
/// Where programs go that nobody runs.
const NOWHERE: [&str; 2] = ["-o", "/dev/null"];
/// The most that go puts anew for one package that it tests: the program, what it said, and what it read.
const PUTS_OF_A_TEST: u64 = 4;

/// The folder in which go is run, and how.
#[derive(Debug)]
pub struct Workload {
    folder: PathBuf,
    owner: Owner,
    /// What go may put in every run, because it caches none of their kind: programs, tests that cannot be cached, and what vet
    /// found.
    pub made_again: u64,
    /// Whether a full GOCACHE may grow by as much too.
    pub gocache_grows: bool,
    /// The user's own module, if it or a copy is built: what errors lead to.
    original: Option<PathBuf>,
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
    /// When the folders cannot be written, go finds no packages, or a change cannot be made.
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
        let original = module.as_ref().map(|module| module.folder.clone());
        let owner = match module {
            Some(module) if changes.is_empty() => Owner::User(module),
            Some(module) => {
                module.check_copy()?;
                module_copy::copy_sources(&module.folder, &folder, work)
                    .with_context(|| format!("cannot copy {}", module.folder.display()))?;
                Owner::User(UserModule { folder: folder.clone(), ..module })
            }
            None => {
                generated(plan).write(&folder).with_context(explain)?;
                if plan.generated_packages.is_some() { Owner::Generated } else { Owner::Std }
            }
        };
        let folder = if let Owner::User(module) = &owner { module.folder.clone() } else { folder };
        let mut workload = Workload { folder, owner, made_again: 0, gocache_grows: false, original, changes: None };
        if let (Some(original), false) = (&workload.original, changes.is_empty()) {
            module_copy::mend(original, &workload.folder, &|args| workload.ask(go, folders, args))?;
        }
        if plan.command.is_some() || matches!(workload.owner, Owner::User(_)) {
            workload.count_made_again(&plan.command(), go, folders)?;
        }
        if !changes.is_empty() {
            let list = |args: &[&str]| workload.ask(go, folders, args);
            workload.changes = Some(Changes::make(&tree, work, &changes, &list)?);
        }
        Ok(workload)
    }

    fn count_made_again(&mut self, command: &GoCommand, go: &Go, folders: &GoFolders) -> Result<()> {
        let listed = self.ask(go, folders, &command.listing())?;
        let packages = listed.lines().count() as u64;
        self.made_again = match command.subcommand {
            Subcommand::Build => listed.lines().filter(|name| *name == "main").count() as u64,
            Subcommand::Test => packages * PUTS_OF_A_TEST,
            Subcommand::Vet | Subcommand::List => packages,
        };
        self.gocache_grows = command.subcommand != Subcommand::Build;
        Ok(())
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

    /// Adds subcommand, flags and packages of a command that is timed to a go command. It writes nothing beside the sources.
    pub fn add_arguments(&self, command: &mut Command, timed: &GoCommand, flags: &[OsString]) {
        command.arg(timed.subcommand.name());
        // The folder of std is bench's own, and cleared between two rounds.
        if timed.writes_programs() && !matches!(self.owner, Owner::Std) {
            command.args(NOWHERE);
        }
        command.args(flags).args(&timed.words);
    }

    /// Lets a go build as the user's does.
    pub fn configure(&self, command: &mut Command) {
        if let Owner::User(module) = &self.owner {
            module.configure(command);
        }
    }

    /// The folder of the user's module, if it or a copy is built.
    pub fn user_folder(&self) -> Option<&Path> {
        self.original.as_deref()
    }

    /// The go settings of the user, if his module is built.
    pub fn user_settings(&self) -> Option<&UserSettings> {
        if let Owner::User(module) = &self.owner { Some(&module.settings) } else { None }
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
            let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "\n  ");
            let folder = self.user_folder().unwrap_or(&self.folder).display().to_string();
            let by_hand = || format!("only what works can be timed: make `go build ./...` work in {folder} first");
            let next = advice(&said, &folder).unwrap_or_else(by_hand);
            anyhow::bail!(
                "go cannot build what is in {folder}\n  tried: go {}\n  go said:\n  {said}\n  next:  {next}",
                args.join(" ")
            );
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
