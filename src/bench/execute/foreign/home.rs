//! The folders of one backend: its local store, and what it leaves in the folder in which go is started.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Folder of all homes, below that of the run's work.
const HOMES: &str = "backends";
/// Folder in a home that `{local}` stands for.
const LOCAL: &str = "local";
/// Folders in a home for a program that is given no folder: the user's cache and the temporary folder of such a program.
const USER_CACHE: &str = "user-cache";
const TEMPORARY: &str = "tmp";
/// Folders in a home that hold a store.
const STORES: [&str; 4] = [LOCAL, BETWEEN_ROUNDS, USER_CACHE, TEMPORARY];
/// The local store of the workshop's program.
const WORKSHOP_STORE: &str = ".cache";
/// Folder in a home that keeps what belongs into the working folder while other backends run.
const BETWEEN_ROUNDS: &str = "between-rounds";
/// Files and folders that programs leave as records of a session; all others belong to their store.
const RECORDS: [&str; 3] = ["metrics", "request.txt", "trace.out"];
/// Folder of such records below that of a round.
const LEFT: &str = "left";

/// The home of one backend. Its paths are the same in all rounds, because a store may keep absolute ones.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    /// The folder in which go is started; all backends share it.
    working: PathBuf,
    /// The names that are in there without any backend.
    own: BTreeSet<OsString>,
}

impl Home {
    /// The home of the backend `slug` below `work`, made where it is new. Nothing of a backend is in `working` yet.
    ///
    /// # Errors
    /// When the folders cannot be made.
    pub fn open(work: &Path, slug: &str, working: &Path) -> Result<Home> {
        let folder = work.join(HOMES).join(slug);
        let explain = || format!("cannot make the folders of the backend {slug} in {}", folder.display());
        for name in STORES {
            std::fs::create_dir_all(folder.join(name)).with_context(explain)?;
        }
        let own = names(working).with_context(explain)?;
        Ok(Home { folder, working: working.to_owned(), own })
    }

    /// The folder that `{local}` stands for.
    pub fn local(&self) -> PathBuf {
        self.folder.join(LOCAL)
    }

    /// True if nothing is stored.
    pub fn is_empty(&self) -> bool {
        STORES.iter().all(|name| names(&self.folder.join(name)).is_ok_and(|names| names.is_empty()))
    }

    /// Variables by which a program finds the folders of this home as the user's cache and temporary folder.
    pub fn variables(&self) -> [(&'static str, PathBuf); 2] {
        [("XDG_CACHE_HOME", self.folder.join(USER_CACHE)), ("TMPDIR", self.folder.join(TEMPORARY))]
    }

    /// Gives up what is stored. Returns the folders that hold it now: removing them at once would make the next round slow.
    ///
    /// # Errors
    /// When a folder cannot be moved.
    pub fn clear(&self) -> Result<Vec<PathBuf>> {
        let mut retired = Vec::new();
        for name in STORES {
            let from = self.folder.join(name);
            if names(&from)?.is_empty() {
                continue;
            }
            let to = free_name(&self.folder, name);
            std::fs::rename(&from, &to)
                .and_then(|()| std::fs::create_dir(&from))
                .with_context(|| cannot_move(&from))?;
            retired.push(to);
        }
        Ok(retired)
    }

    /// Puts what belongs to the store into the working folder.
    ///
    /// # Errors
    /// When it cannot be moved.
    pub fn enter(&self) -> Result<()> {
        let kept = self.folder.join(BETWEEN_ROUNDS);
        for name in names(&kept)? {
            let (from, to) = (kept.join(&name), self.working.join(&name));
            anyhow::ensure!(!to.exists(), "{} is in the way of the store of a backend", to.display());
            std::fs::rename(&from, to).with_context(|| cannot_move(&from))?;
        }
        Ok(())
    }

    /// Takes out of the working folder what the backend made there: records into the folder of the `round`, the rest to be put
    /// back. A program is what go has built, and stays.
    ///
    /// # Errors
    /// When it cannot be moved.
    pub fn leave(&self, round: &Path) -> Result<()> {
        for name in names(&self.working)?.difference(&self.own) {
            let from = self.working.join(name);
            let is_record = RECORDS.iter().any(|record| name == record);
            if !is_record && is_program(&from) {
                continue;
            }
            let folder = if is_record { round.join(LEFT) } else { self.folder.join(BETWEEN_ROUNDS) };
            std::fs::create_dir_all(&folder)
                .and_then(|()| std::fs::rename(&from, folder.join(name)))
                .with_context(|| cannot_move(&from))?;
        }
        Ok(())
    }
}

/// Removes the store of the workshop's program from a copy of a module: a build with nothing stored would find it.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove_store(copy: &Path) -> io::Result<()> {
    let store = copy.join(WORKSHOP_STORE);
    match store.symlink_metadata() {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(store),
        Ok(_) => std::fs::remove_file(store),
        Err(_) => Ok(()),
    }
}

fn cannot_move(path: &Path) -> String {
    format!("cannot move {} out of the way", path.display())
}

fn names(folder: &Path) -> io::Result<BTreeSet<OsString>> {
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
}

fn free_name(folder: &Path, name: &str) -> PathBuf {
    let mut names = (1..u32::MAX).map(|number| folder.join(format!("old-{name}-{number}")));
    names.find(|path| !path.exists()).unwrap_or_else(|| folder.join("old"))
}

fn is_program(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: PathBuf) -> Option<String> {
        std::fs::read_to_string(path).ok()
    }

    #[test]
    fn a_store_in_the_working_folder_comes_back_and_records_stay_with_the_round() {
        let parent = tempfile::tempdir().unwrap();
        let (working, round) = (parent.path().join("module"), parent.path().join("round"));
        std::fs::create_dir_all(&working).unwrap();
        std::fs::write(working.join("go.mod"), "module m").unwrap();
        let home = Home::open(parent.path(), "mine", &working).unwrap();
        assert!(home.is_empty());
        std::fs::create_dir_all(working.join(".cache")).unwrap();
        std::fs::write(working.join(".cache/x-d"), "x").unwrap();
        std::fs::create_dir_all(working.join("metrics/pprof")).unwrap();
        std::fs::write(working.join("metrics/pprof/cpu.pprof"), "p").unwrap();
        std::fs::write(working.join("program"), "").unwrap();
        std::fs::set_permissions(working.join("program"), std::fs::Permissions::from_mode(0o755)).unwrap();
        home.leave(&round).unwrap();
        assert_eq!(names(&working).unwrap(), BTreeSet::from(["go.mod".into(), "program".into()]));
        assert_eq!(text(round.join("left/metrics/pprof/cpu.pprof")).unwrap(), "p");
        assert!(!home.is_empty());
        home.enter().unwrap();
        assert_eq!(text(working.join(".cache/x-d")).unwrap(), "x");
        home.leave(&round).unwrap();
        let retired = home.clear().unwrap();
        assert!(home.is_empty() && retired.len() == 1 && retired[0].join(".cache/x-d").exists());
        home.enter().unwrap();
        assert!(!working.join(".cache").exists());
    }
}
