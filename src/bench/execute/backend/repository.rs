//! The repository that bench is built from: its commits, and their files in a folder of their own. Nothing of the user's is
//! touched: neither files, nor the index, nor a list of worktrees.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Characters of a commit in names; git's own are as short.
const SHORT: usize = 7;

/// A repository with a bench in it.
#[derive(Debug, Clone)]
pub struct Repository {
    /// The folder that its files lie in.
    pub root: PathBuf,
}

/// A commit, as the user named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// 40 digits, or 64.
    pub hash: String,
    /// Like `HEAD~3 1a2b3c4`.
    pub name: String,
}

impl Repository {
    /// The one that `folder` lies in; None where there is none, or no git.
    pub fn find(folder: &Path) -> Option<Repository> {
        let root = ask(folder, &["rev-parse", "--show-toplevel"]).ok()?;
        Some(Repository { root: PathBuf::from(root) })
    }

    /// The commit that `revision` leads to, if there is one.
    pub fn commit(&self, revision: &str) -> Option<Commit> {
        let wanted = format!("{revision}^{{commit}}");
        let hash = ask(&self.root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]).ok()?;
        let short = hash.get(..SHORT)?;
        let is_hash = hash.starts_with(&revision.to_ascii_lowercase());
        let name = if is_hash { short.to_owned() } else { format!("{revision} {short}") };
        Some(Commit { hash, name })
    }

    /// Writes the files of a commit into `folder`, which is empty. `index` is a file that git may use meanwhile.
    ///
    /// # Errors
    /// When git fails.
    pub fn write_files(&self, commit: &Commit, folder: &Path, index: &Path) -> Result<()> {
        // git takes what stands before a name as it is: a folder needs its slash.
        let prefix = format!("--prefix={}/", folder.to_str().context("the path of the target folder is not UTF-8")?);
        for arguments in [&["read-tree", &commit.hash][..], &["checkout-index", "--all", &prefix]] {
            let mut command = git(&self.root, arguments);
            run(command.env("GIT_INDEX_FILE", index))?;
        }
        Ok(())
    }
}

fn ask(folder: &Path, arguments: &[&str]) -> Result<String> {
    run(&mut git(folder, arguments))
}

fn git(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments);
    command
}

/// Runs a git command; returns its stdout.
fn run(command: &mut Command) -> Result<String> {
    let output = command.output().context("cannot start git")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{command:?}` failed ({})\n  it said: {}", output.status, said.trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository of two commits, and a file that is changed, staged and changed again.
    fn repository(folder: &Path) -> Repository {
        let git = |arguments: &[&str]| {
            let mut command = git(folder, arguments);
            let identity = ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"];
            run(command.envs(identity.map(|name| (name, "x")))).unwrap()
        };
        git(&["init", "--quiet"]);
        std::fs::create_dir(folder.join("src")).unwrap();
        for text in ["one", "two"] {
            std::fs::write(folder.join("src/x"), text).unwrap();
            git(&["add", "."]);
            git(&["commit", "--quiet", "--message", text]);
        }
        std::fs::write(folder.join("src/x"), "staged").unwrap();
        git(&["add", "."]);
        std::fs::write(folder.join("src/x"), "changed").unwrap();
        Repository::find(&folder.join("src")).unwrap()
    }

    #[test]
    fn the_files_of_a_commit_come_without_touching_the_users() {
        let parent = tempfile::tempdir().unwrap();
        let (root, files) = (parent.path().join("repository"), parent.path().join("files"));
        [&root, &files].into_iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
        let repository = repository(&root);
        let status = || ask(&root, &["status", "--porcelain"]).unwrap();
        let before = status();
        let commit = repository.commit("HEAD~1").unwrap();
        repository.write_files(&commit, &files, &parent.path().join("index")).unwrap();
        assert_eq!(std::fs::read_to_string(files.join("src/x")).unwrap(), "one");
        assert_eq!(std::fs::read_to_string(root.join("src/x")).unwrap(), "changed");
        assert_eq!((status(), before.as_str()), ("MM src/x".to_owned(), "MM src/x"));
    }

    #[test]
    fn commits_are_named_as_they_were_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let repository = repository(folder.path());
        let commit = repository.commit("HEAD~1").unwrap();
        assert_eq!(commit.name, format!("HEAD~1 {}", &commit.hash[..7]));
        assert_eq!(repository.commit(&commit.hash[..10]).unwrap().name, commit.hash[..7]);
        for none in ["HEAD~2", "no-such-branch", "--help", ".", "src", ""] {
            assert_eq!(repository.commit(none), None, "{none}");
        }
        assert!(Repository::find(Path::new("/")).is_none());
    }
}
