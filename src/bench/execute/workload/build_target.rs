//! The packages that go builds, and the folder in which it does: std from a module without packages, a module that is written here, or one of the user's.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::execute::folders::tree::MODULE;
use crate::execute::foreign::home;
use crate::execute::go::advice::advice;
use crate::execute::go::toolchain::{Go, GoFolders};
use crate::execute::workload::generated::Generated;
use crate::execute::workload::module_copy;
use crate::execute::workload::source_change::Changes;
use crate::execute::workload::user_module::UserModule;
use crate::execute::workload::user_settings::UserSettings;
use crate::plan::go_command::{GoCommand, Subcommand, quoted};
use crate::plan::go_flags::value_of;
use crate::plan::run_plan::Plan;
use crate::scenario::source_change::Change;

const GO_MOD: &str = "go.mod";
/// Arguments for programs that are not run.
const NOWHERE: [&str; 2] = ["-o", "/dev/null"];
/// The most that go puts anew for one package with tests: the program, what it said, what it read, and what vet found.
const PUTS_OF_A_TEST: u64 = 4;
/// The first minor release of Go 1 that caches what vet found in the packages that are named.
const CACHES_VET_SINCE_MINOR: u32 = 26;

/// The folder in which go is run, and how.
#[derive(Debug)]
pub struct BuildTarget {
    folder: PathBuf,
    owner: Owner,
    /// The most entries that go may put in every run, because it caches none of their kind: programs, tests that cannot be
    /// cached, and what vet found.
    pub made_again: u64,
    /// True if a full GOCACHE may grow by as much too.
    pub gocache_grows: bool,
    /// True if go asks for entries that it never puts: what vet said where it said nothing.
    pub asks_in_vain: bool,
    /// The user's own module, if it or a copy is built: what errors lead to.
    original: Option<PathBuf>,
    /// None where no case changes the module.
    changes: Option<Changes>,
}

/// The kind of module that is built.
#[derive(Debug)]
enum Owner {
    /// A module of bench's without packages: std is built.
    Std,
    /// One that bench has written.
    Generated,
    /// The user's, or a copy.
    User(UserModule),
}

impl BuildTarget {
    /// Makes what the plan builds below `work`. `module` is the user's, if that is built.
    ///
    /// # Errors
    /// When the folders cannot be written, go finds no packages, or a change cannot be made.
    pub fn create(
        work: &Path,
        plan: &Plan,
        module: Option<UserModule>,
        go: &Go,
        folders: &GoFolders,
    ) -> Result<BuildTarget> {
        let tree = work.join("src");
        let folder = tree.join(MODULE);
        let explain = || format!("cannot write the module to build in {}", folder.display());
        std::fs::create_dir_all(&folder).with_context(explain)?;
        let changes: Vec<Change> = plan.changes();
        let original = module.as_ref().map(|module| module.folder.clone());
        // Backends that are not ours may write into the folder in which go is started.
        let is_copied = !changes.is_empty() || plan.has_foreign();
        let owner = match module {
            Some(module) if !is_copied => Owner::User(module),
            Some(module) => {
                let copy = Owner::User(copied(module, &folder, work)?);
                if plan.has_foreign() {
                    home::remove_store(&folder).with_context(explain)?;
                }
                copy
            }
            None => {
                generated(plan).write(&folder).with_context(explain)?;
                if plan.generated_packages.is_some() { Owner::Generated } else { Owner::Std }
            }
        };
        let folder = if let Owner::User(module) = &owner { module.folder.clone() } else { folder };
        let (made_again, gocache_grows, asks_in_vain) = (0, false, false);
        let mut workload =
            BuildTarget { folder, owner, made_again, gocache_grows, asks_in_vain, original, changes: None };
        if let (Some(original), true) = (&workload.original, is_copied) {
            let go_mods = workload.go_mods(&plan.command());
            module_copy::mend(original, &workload.folder, &go_mods, &|args| workload.ask(go, folders, args))?;
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
        self.made_again = made_again(command.subcommand, &listed, go.minor());
        self.gocache_grows = command.subcommand != Subcommand::Build;
        self.asks_in_vain = matches!(command.subcommand, Subcommand::Test | Subcommand::Vet);
        Ok(())
    }

    /// The files that go reads as go.mod, relative to the root of the module: that, and the one that -modfile names. One by an
    /// absolute path is not part of a copy.
    fn go_mods(&self, command: &GoCommand) -> Vec<PathBuf> {
        let flags = self.user_settings().and_then(|settings| settings.kept.get("GOFLAGS")).map_or("", String::as_str);
        let other = value_of("modfile", command.subcommand.name(), &command.words, flags).map(PathBuf::from);
        [PathBuf::from(GO_MOD)].into_iter().chain(other.filter(|path| path.is_relative())).collect()
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

    /// The go settings of the user, if a module of the user is built.
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

    /// Asks a go command in the folder of the module.
    fn ask(&self, go: &Go, folders: &GoFolders, args: &[&str]) -> Result<String> {
        let mut command = go.command(args, &self.folder, &folders.of_builds, folders);
        if let Owner::User(module) = &self.owner {
            module.configure_listing(&mut command);
        }
        let output = command.output().with_context(|| format!("cannot start {}", go.binary.display()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "\n  ");
            let folder = self.user_folder().unwrap_or(&self.folder).display().to_string();
            let by_hand =
                || format!("only what works can be timed: make `go -C {} build ./...` work first", quoted(&folder));
            let next = advice(&said, &folder).unwrap_or_else(by_hand);
            anyhow::bail!(
                "go does not answer what bench itself has to ask in {folder}\n  tried: go {}\n  go said:\n  {said}\n  next:  {next}",
                args.join(" ")
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The module of the user, copied into `folder` so that it can be changed.
fn copied(module: UserModule, folder: &Path, work: &Path) -> Result<UserModule> {
    module.check_copy()?;
    let copied = module_copy::copy_sources(&module.folder, folder, work);
    copied.with_context(|| format!("cannot copy {}", module.folder.display()))?;
    Ok(UserModule { folder: folder.to_owned(), ..module })
}

/// The most entries that go puts in every run. `listed` has name and path of each package, and `minor` is the release of go.
fn made_again(subcommand: Subcommand, listed: &str, minor: Option<u32>) -> u64 {
    let packages = || listed.lines().filter_map(|line| line.split_once(' '));
    match subcommand {
        Subcommand::Build => packages().filter(|(name, _)| *name == "main").count() as u64,
        Subcommand::Test => packages().filter(|(_, path)| path.ends_with(".test")).count() as u64 * PUTS_OF_A_TEST,
        Subcommand::Vet if minor.is_some_and(|minor| minor < CACHES_VET_SINCE_MINOR) => packages().count() as u64,
        Subcommand::Vet | Subcommand::List => 0,
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
    use crate::plan::run_plan::tests::plan_of;

    #[test]
    fn only_what_go_never_caches_is_made_again() {
        let listed = "main m/cmd\nm m/a\nmain m/a.test\nm m/a [m/a.test]\nb m/b\n";
        let count = |subcommand, minor| made_again(subcommand, listed, minor);
        assert_eq!((count(Subcommand::Build, Some(26)), count(Subcommand::Test, Some(26))), (2, PUTS_OF_A_TEST));
        assert_eq!((count(Subcommand::List, Some(24)), count(Subcommand::Vet, Some(26))), (0, 0));
        assert_eq!((count(Subcommand::Vet, Some(25)), count(Subcommand::Vet, None)), (5, 0));
    }

    #[test]
    fn a_program_left_by_a_build_is_removed() {
        let work = tempfile::tempdir().unwrap();
        let plan = Plan { generated_packages: None, ..plan_of(&[], Vec::new()) };
        let go = Go { binary: "go".into(), root: "/r".into(), version: String::new(), platform: String::new() };
        let folder = work.path().to_owned();
        let [config, gopath, of_builds, of_programs] = [(); 4].map(|()| folder.clone());
        let folders = GoFolders { config, gopath, of_builds, of_programs };
        let mut workload = BuildTarget::create(work.path(), &plan, None, &go, &folders).unwrap();
        let module = workload.enter(None).unwrap();
        std::fs::write(module.join("gofmt"), "program").unwrap();
        workload.reset().unwrap();
        assert!(!module.join("gofmt").exists() && module.join("go.mod").is_file());
    }
}
