//! The module as it is after each change, on copies. All stand ready before the first round; the one that is built next is
//! moved to where the unchanged one was, because the path is a part of go's keys.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::execute::folders::tree;
use crate::execute::folders::tree::MODULE;
use crate::execute::workload::generated::later;
use crate::execute::workload::module_copy::copy_sources;
use crate::scenario::source_change::Change;

/// Text that is added to a file: a new function changes its package, and so all that import it.
const ADDED: &str = "\nfunc addedByBench() int { return 1 }\n";
/// A branch differs in a file of each package of this many.
const BRANCH_EVERY: usize = 5;
/// Folder of the dependency's other version, beside the module.
const BUMPED: &str = "dependency-bumped";
/// Prints folder and Go files of each package.
const LIST_FILES: [&str; 4] = ["list", "-f", "{{.Dir}}\t{{range .GoFiles}}{{.}}\t{{end}}", "./..."];
/// Prints path and folder of the module of each package that comes from a module that go.mod names.
const LIST_MODULES: [&str; 5] = [
    "list",
    "-deps",
    "-f",
    "{{with .Module}}{{if not .Main}}{{if not .Indirect}}{{.Path}}\t{{.Dir}}{{end}}{{end}}{{end}}",
    "./...",
];

/// Answers a go command in the folder of the module.
type Ask<'a> = &'a dyn Fn(&[&str]) -> Result<String>;

/// Copies of a tree, one for each change.
#[derive(Debug)]
pub struct Changes {
    /// Where go builds: the module, and what it needs beside it.
    tree: PathBuf,
    /// Holds the trees that are not in use.
    others: PathBuf,
    in_use: Option<Change>,
}

impl Changes {
    /// Makes a changed copy of `tree` for each change, below `work`.
    ///
    /// # Errors
    /// When a copy cannot be written, or the module has nothing that could be changed so.
    pub fn make(tree: &Path, work: &Path, changes: &[Change], ask: Ask<'_>) -> Result<Changes> {
        let made = Changes { tree: tree.to_owned(), others: work.join("changed"), in_use: None };
        let files = go_files(&tree.join(MODULE), &ask(&LIST_FILES)?);
        if files.is_empty() {
            bail!("the module has no package that could be changed");
        }
        for change in changes {
            let copy = made.place(Some(*change));
            std::fs::create_dir_all(&copy).with_context(|| format!("cannot make the folder {}", copy.display()))?;
            tree::copy(tree, &copy).with_context(|| format!("cannot copy {}", tree.display()))?;
            let module = copy.join(MODULE);
            match change {
                Change::EditOneFile => edit(&module, &one_of(&files))?,
                Change::SwitchBranch => edit(&module, &some_of(&files))?,
                Change::BumpDependency => bump(&copy, work, ask)?,
                Change::CheckoutElsewhere => {}
            }
        }
        Ok(made)
    }

    /// Puts the tree of a change in its place; gives the folder of its module.
    pub fn enter(&mut self, change: Option<Change>) -> io::Result<PathBuf> {
        if change == Some(Change::CheckoutElsewhere) {
            return Ok(self.place(change).join(MODULE));
        }
        if change != self.in_use {
            std::fs::rename(&self.tree, self.place(self.in_use))?;
            std::fs::rename(self.place(change), &self.tree)?;
            self.in_use = change;
        }
        Ok(self.tree.join(MODULE))
    }

    /// Where the tree of a change is while it is not in use.
    fn place(&self, change: Option<Change>) -> PathBuf {
        self.others.join(change.map_or("unchanged", Change::name))
    }
}

/// The Go files of each package, relative to the module, by package; what go would not build is not among them.
fn go_files(module: &Path, listed: &str) -> BTreeMap<PathBuf, Vec<PathBuf>> {
    let mut packages = BTreeMap::new();
    for line in listed.lines() {
        let mut words = line.split('\t').filter(|word| !word.is_empty());
        let folder = words.next().and_then(|folder| Path::new(folder).strip_prefix(module).ok());
        let Some(folder) = folder else { continue };
        let files: Vec<PathBuf> = words.map(|file| folder.join(file)).collect();
        if !files.is_empty() {
            packages.insert(folder.to_owned(), files);
        }
    }
    packages
}

/// The first file of the package a quarter down the list: in the generated module some import it, and not all.
fn one_of(packages: &BTreeMap<PathBuf, Vec<PathBuf>>) -> Vec<PathBuf> {
    let quarter = packages.values().nth(packages.len() / 4);
    quarter.and_then(|files| files.first()).into_iter().cloned().collect()
}

fn some_of(packages: &BTreeMap<PathBuf, Vec<PathBuf>>) -> Vec<PathBuf> {
    packages.values().step_by(BRANCH_EVERY).filter_map(|files| files.first()).cloned().collect()
}

fn edit(module: &Path, files: &[PathBuf]) -> Result<()> {
    for file in files {
        let path = module.join(file);
        append(&path).with_context(|| format!("cannot change {}", path.display()))?;
    }
    Ok(())
}

fn append(path: &Path) -> io::Result<()> {
    // What comes from a module cache is read-only.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644))?;
    let mut file = File::options().append(true).open(path)?;
    file.write_all(ADDED.as_bytes())?;
    file.set_modified(later())
}

/// Puts another version of a dependency beside the module, and lets go.mod lead there.
fn bump(tree: &Path, work: &Path, ask: Ask<'_>) -> Result<()> {
    let listed = ask(&LIST_MODULES)?;
    let first = listed.lines().find_map(|line| line.split_once('\t'));
    let (path, folder) = first.filter(|(_, folder)| !folder.is_empty()).context(
        "the module needs no other whose sources are at hand, so there is no dependency to bump\n  next:  name the other cases \
         with --case",
    )?;
    let bumped = tree.join(BUMPED);
    let copy = || -> io::Result<()> {
        std::fs::create_dir(&bumped)?;
        copy_sources(Path::new(folder), &bumped, work)?;
        change_every_package(&bumped)
    };
    copy().with_context(|| format!("cannot copy the dependency {path}"))?;
    let go_mod = tree.join(MODULE).join("go.mod");
    ask(&["mod", "edit", &format!("-replace={path}=../{BUMPED}"), &go_mod.display().to_string()]).map(drop)
}

/// Changes a file of each package below `folder`.
fn change_every_package(folder: &Path) -> io::Result<()> {
    let mut is_changed = false;
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            change_every_package(&path)?;
        } else if !is_changed && name.ends_with(".go") && !name.ends_with("_test.go") {
            append(&path)?;
            is_changed = true;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::workload::generated::Generated;

    /// A tree of a generated module, and what `go list` would say of it.
    fn tree(packages: u32) -> (tempfile::TempDir, String, String) {
        let work = tempfile::tempdir().unwrap();
        let module = work.path().join("src").join(MODULE);
        std::fs::create_dir_all(&module).unwrap();
        Generated { packages, imports: &[], dependency_packages: 2, data_kib: 0 }.write(&module).unwrap();
        let module = module.display();
        let files = (0..packages).map(|n| format!("{module}/p{n:02}\tp.go\t\n")).collect();
        let dependency = work.path().join("src/dependency");
        (work, files, format!("\ndependency.example\t{}\n", dependency.display()))
    }

    #[test]
    fn the_changed_module_takes_the_place_of_the_other_and_gives_it_back() {
        let (work, files, _) = tree(11);
        let ask = |_: &[&str]| Ok(files.clone());
        let all = [Change::EditOneFile, Change::SwitchBranch, Change::CheckoutElsewhere];
        let mut changes = Changes::make(&work.path().join("src"), work.path(), &all, &ask).unwrap();
        let mut changed = |change| {
            let module = changes.enter(change).unwrap();
            let is_changed = |number: u32| {
                let text = std::fs::read_to_string(module.join(format!("p{number:02}/p.go"))).unwrap();
                text.contains("addedByBench")
            };
            ((0..11).filter(|number| is_changed(*number)).collect::<Vec<u32>>(), module.clone())
        };
        let (none, place) = changed(None);
        assert_eq!(none, [0; 0]);
        assert_eq!(changed(Some(Change::EditOneFile)), (vec![2], place.clone()));
        assert_eq!(changed(Some(Change::SwitchBranch)), (vec![0, 5, 10], place.clone()));
        let (none, elsewhere) = changed(Some(Change::CheckoutElsewhere));
        assert!(none.is_empty() && elsewhere != place);
        assert_eq!(changed(None), (Vec::new(), place));
    }

    #[test]
    fn a_dependency_is_bumped_in_a_copy_beside_the_module() {
        let (work, files, modules) = tree(3);
        let said = std::cell::RefCell::new(Vec::new());
        let ask = |args: &[&str]| {
            said.borrow_mut().push(args.join(" "));
            Ok(if args.contains(&"-deps") { modules.clone() } else { files.clone() })
        };
        Changes::make(&work.path().join("src"), work.path(), &[Change::BumpDependency], &ask).unwrap();
        let tree = work.path().join("changed/bump-dependency");
        for number in 0..2 {
            let text = std::fs::read_to_string(tree.join(format!("{BUMPED}/d{number:02}/p.go"))).unwrap();
            assert!(text.contains("addedByBench"), "{text}");
        }
        let edit = said.borrow().last().unwrap().clone();
        assert!(edit.contains("-replace=dependency.example=../dependency-bumped"), "{edit}");
        let without = |args: &[&str]| Ok(if args.contains(&"-deps") { "\n".to_owned() } else { files.clone() });
        let other = tempfile::tempdir().unwrap();
        let error = Changes::make(&work.path().join("src"), other.path(), &[Change::BumpDependency], &without);
        assert!(error.unwrap_err().to_string().contains("no dependency to bump"));
    }
}
