//! A copy of the user's module that builds as the module does, though it lies elsewhere: what leads out of it by a relative
//! path leads there from the copy too.

use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::execute::folders::run_marks::is_run;
use crate::execute::folders::tree;

/// The file that `go mod vendor` writes beside the copies of packages.
const MODULES_TXT: &str = "vendor/modules.txt";

/// Answers a go command in the folder of the copy.
type Ask<'a> = &'a dyn Fn(&[&str]) -> Result<String>;

/// The part of `go mod edit -json` that is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoMod {
    #[serde(default)]
    replace: Option<Vec<Replace>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Replace {
    old: Side,
    new: Side,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Side {
    path: String,
    version: Option<String>,
}

impl Replace {
    /// The relative path that it leads to, if it does.
    fn relative(&self) -> Option<&str> {
        let path = self.new.path.as_str();
        (path.starts_with("./") || path.starts_with("../")).then_some(path)
    }

    /// The argument that lets `go mod edit` make it lead to `target`.
    fn edit(&self, target: &str) -> String {
        let version = self.old.version.as_ref().map_or(String::new(), |version| format!("@{version}"));
        format!("-replace={}{version}={target}", self.old.path)
    }
}

/// Copies sources without what belongs to git, and without the folders of bench's runs: the copy is made in `work`, a part of
/// one.
pub fn copy_sources(from: &Path, to: &Path, work: &Path) -> io::Result<()> {
    let git = from.join(".git");
    // A run has no lock on some file systems, by which it would be known.
    let is_of_bench = |path: &Path| Some(path) == work.parent() || is_run(path);
    tree::copy_but(from, to, &|path| path == git || is_of_bench(path))
}

/// Lets what leads out of the module by a relative path lead there from its copy: symlinks, and replaced modules in go.mod.
///
/// `go_mods` are the files that go reads as go.mod, relative to the root of the module.
///
/// # Errors
/// When go cannot read or change go.mod, or a file cannot be written.
pub fn mend(original: &Path, copy: &Path, go_mods: &[PathBuf], ask: Ask<'_>) -> Result<()> {
    mend_links(original, copy).with_context(|| format!("cannot mend the symlinks in {}", copy.display()))?;
    for path in go_mods.iter().map(|go_mod| copy.join(go_mod)) {
        // Where it is missing go itself says so, and one outside is the user's.
        let is_copied = path.canonicalize().is_ok_and(|path| path.starts_with(copy)) && path.is_file();
        if is_copied {
            mend_replaced(original, copy, &path, ask)?;
        }
    }
    Ok(())
}

fn mend_replaced(original: &Path, copy: &Path, go_mod: &Path, ask: Ask<'_>) -> Result<()> {
    let file = go_mod.display().to_string();
    let read: GoMod = serde_json::from_str(&ask(&["mod", "edit", "-json", &file])?)
        .with_context(|| format!("cannot read what go mod edit said of {file}"))?;
    let replaced = read.replace.unwrap_or_default();
    let mut moved = Vec::new();
    let mut edits = Vec::new();
    for replace in &replaced {
        let Some(relative) = replace.relative() else { continue };
        let Some(target) = from_copy(original, relative) else { continue };
        edits.push(replace.edit(&target));
        moved.push((relative, target));
    }
    if edits.is_empty() {
        return Ok(());
    }
    make_writable(go_mod).with_context(|| format!("cannot change {file}"))?;
    let edits = edits.iter().map(String::as_str);
    ask(&["mod", "edit"].into_iter().chain(edits).chain([file.as_str()]).collect::<Vec<&str>>())?;
    let modules = copy.join(MODULES_TXT);
    mend_vendored(&modules, &moved).with_context(|| format!("cannot change {}", modules.display()))
}

/// The path by which the copy finds what a relative path leads to. None where that is the same path, or it leads nowhere.
fn from_copy(original: &Path, relative: &str) -> Option<String> {
    let target = original.join(relative).canonicalize().ok()?;
    match target.strip_prefix(original) {
        // Out of the module, and into it again by its name, which the copy has not.
        Ok(below) if relative.starts_with("..") => Some(format!("./{}", below.display())),
        Ok(_) => None,
        Err(_) => Some(target.display().to_string()),
    }
}

/// go compares what is vendored with go.mod: both have to name the same folder.
fn mend_vendored(modules: &Path, moved: &[(&str, String)]) -> io::Result<()> {
    if !modules.is_file() {
        return Ok(());
    }
    let text = std::fs::read_to_string(modules)?;
    let mut mended = String::new();
    for line in text.lines() {
        let found = moved.iter().find_map(|(old, new)| Some((line.strip_suffix(&format!(" => {old}"))?, new)));
        match found {
            Some((module, new)) => mended += &format!("{module} => {new}\n"),
            None => mended += &format!("{line}\n"),
        }
    }
    make_writable(modules)?;
    std::fs::write(modules, mended)
}

fn make_writable(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644))
}

/// Lets symlinks that lead nowhere in the copy lead to where they lead in the original.
fn mend_links(original: &Path, copy: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(copy)? {
        let entry = entry?;
        let (from, to) = (original.join(entry.file_name()), entry.path());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            mend_links(&from, &to)?;
        } else if kind.is_symlink()
            && !to.exists()
            && let Ok(target) = from.canonicalize()
        {
            std::fs::remove_file(&to)?;
            symlink(target, &to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::results::run::RESULTS_FILE;

    #[test]
    fn bench_copies_none_of_its_own_results() {
        let folder = tempfile::tempdir().unwrap();
        let (module, to) = (folder.path().join("m"), folder.path().join("to"));
        let run = "metrics/20260102T030405Z-small";
        for name in ["a/metrics", ".git/x", run, "metrics/prometheus", "out/run/work/src", "out/other"] {
            std::fs::create_dir_all(module.join(name)).unwrap();
        }
        std::fs::write(module.join(run).join(RESULTS_FILE), "{}").unwrap();
        symlink("20260102T030405Z-small", module.join("metrics/latest")).unwrap();
        std::fs::create_dir(&to).unwrap();
        copy_sources(&module, &to, &module.join("out/run/work")).unwrap();
        for name in ["a/metrics", "metrics/prometheus", "out/other"] {
            assert!(to.join(name).is_dir(), "{name}");
        }
        for name in [".git", run, "metrics/latest", "out/run"] {
            assert!(to.join(name).symlink_metadata().is_err(), "{name}");
        }
    }

    #[test]
    fn replaced_modules_and_links_outside_are_found_from_the_copy() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let (module, copy) = (folder.join("m"), folder.join("elsewhere/copy"));
        for name in ["lib", "m/inside", "m/vendor", "elsewhere/copy/vendor"] {
            std::fs::create_dir_all(folder.join(name)).unwrap();
        }
        std::fs::write(folder.join("shared.go"), "").unwrap();
        for place in [&module, &copy] {
            std::fs::write(place.join("go.mod"), "module m\n").unwrap();
            std::fs::write(place.join("own.go"), "").unwrap();
            symlink("../shared.go", place.join("shared.go")).unwrap();
            symlink("own.go", place.join("link.go")).unwrap();
        }
        let vendored = "# l v0.0.0 => ../lib\n## explicit\nl/a\n# i v1.0.0 => ./inside\n# b v0.0.0 => ../m/inside\n";
        std::fs::write(copy.join(MODULES_TXT), vendored).unwrap();
        let json = r#"{"Replace": [
            {"Old": {"Path": "l", "Version": "v0.0.0"}, "New": {"Path": "../lib"}},
            {"Old": {"Path": "i"}, "New": {"Path": "./inside"}},
            {"Old": {"Path": "b"}, "New": {"Path": "../m/inside"}},
            {"Old": {"Path": "gone"}, "New": {"Path": "../gone"}},
            {"Old": {"Path": "x"}, "New": {"Path": "y", "Version": "v1.0.0"}}]}"#;
        let said = RefCell::new(Vec::new());
        let ask = |args: &[&str]| {
            said.borrow_mut().push(args.join(" "));
            Ok(json.to_owned())
        };
        std::fs::write(copy.join("song.mod"), "MThd").unwrap();
        let go_mods = ["go.mod", "none.mod", "../other.mod"].map(PathBuf::from);
        std::fs::write(copy.join("../other.mod"), "module other\n").unwrap();
        mend(&module, &copy, &go_mods, &ask).unwrap();
        let (lib, go_mod) = (folder.join("lib"), copy.join("go.mod"));
        let edit = format!("mod edit -replace=l@v0.0.0={} -replace=b=./inside {}", lib.display(), go_mod.display());
        assert_eq!(said.borrow()[1..], [edit]);
        let mended = std::fs::read_to_string(copy.join(MODULES_TXT)).unwrap();
        assert_eq!(mended, vendored.replace("../lib", &lib.display().to_string()).replace("../m/", "./"));
        assert_eq!(std::fs::read_link(copy.join("shared.go")).unwrap(), folder.join("shared.go"));
        assert_eq!(std::fs::read_link(copy.join("link.go")).unwrap(), Path::new("own.go"));
    }
}
